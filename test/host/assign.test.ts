import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { assign, type AssignRequest } from '../../src/host/spawner/assign.ts';
import { Contents } from '../../src/host/spawner/contents.ts';
import { contentPath } from '../../src/model/content.ts';
import type { Assignment } from '../../src/wire/frames.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'headway-assign-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILES = [Buffer.from('the first file'), Buffer.from('the last file')];
const digests = FILES.map((bytes) => {
  const digest = digestOfBytes(bytes);
  const file = path.join(folder, contentPath(digest));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return digest;
});
const request: AssignRequest = {
  assignment: {
    files: [{ name: 'first' }, { name: 'last' }],
  } as unknown as Assignment,
  files: FILES.map((bytes, index) => ({
    digest: digests[index]!,
    bytes: bytes.length,
  })),
  dataBytes: 1 << 20,
  cpuMillis: 1_000,
};

/** Writes down whether the limit was set by the time that a file was written. */
function cell(isLimited: () => boolean, onWritten = (_text: string): void => {}) {
  const written: { readonly text: string; readonly limited: boolean }[] = [];
  const channel = new Duplex({
    read() {},
    write(bytes: Buffer, _encoding, taken) {
      const text = bytes.toString('latin1');
      for (const name of ['the first file', 'the last file'])
        if (text.includes(name)) {
          written.push({ text: name, limited: isLimited() });
          onWritten(name);
        }
      taken();
    },
  }) as unknown as net.Socket;
  const launched = {
    pid: process.pid,
    uid: undefined,
    lowered: false,
    isFiltered: false,
    channel,
    brokerEnd: channel,
  };
  return {
    written,
    launched: {
      ...launched,
      exited: new Promise<never>(() => {}),
      process: { mappedBytes: undefined, isLimited: false },
    },
  };
}

function program(name: string, lines: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${lines}\n`);
  chmodSync(file, 0o755);
  return file;
}

describe('assign', () => {
  it('lets the last of the files leave when the limits are in force, and the others before (H2)', async () => {
    const mark = path.join(folder, 'limited');
    const begun = path.join(folder, 'the first has left');
    const prlimit = program('slow', `until [ -e '${begun}' ]; do /bin/sleep 0.01; done; : > ${mark}`);
    const { written, launched } = cell(
      () => existsSync(mark),
      () => writeFileSync(begun, ''),
    );
    expect(await assign(launched, request, { contents: new Contents(folder), prlimit })).toEqual({
      ok: true,
      value: undefined,
    });
    expect(written).toEqual([
      { text: 'the first file', limited: false },
      { text: 'the last file', limited: true },
    ]);
  });

  it.each([
    {
      what: 'goes on at once where they were set ahead for just that, and sets them for good (H3)',
      dataBytes: 1 << 20,
    },
    { what: 'waits for what is being set ahead', dataBytes: 1 << 20, delayMs: 50 },
  ])('$what', async ({ dataBytes, delayMs = 0 }) => {
    const mark = path.join(folder, `for-good-${delayMs}`);
    let isOver = false;
    const { written, launched } = cell(() => isOver);
    const ahead = sleep(delayMs).then(() => {
      isOver = true;
      return dataBytes;
    });
    Object.assign(launched.process, { ahead });
    const prlimit = program('for-good', `/bin/sleep 0.1; echo "$@" > ${mark}`);
    expect(await assign(launched, request, { contents: new Contents(folder), prlimit })).toEqual({
      ok: true,
      value: undefined,
    });
    expect(written).toEqual([
      { text: 'the first file', limited: true },
      { text: 'the last file', limited: true },
    ]);
    expect(readFileSync(mark, 'utf8')).toMatch(/--data=([0-9]+):\1\n$/);
  });

  it.each([
    { what: 'for something else', ahead: (1 << 20) + 1 },
    { what: 'in vain', ahead: undefined },
  ])('waits as ever where they were set ahead $what (D1)', async ({ what, ahead }) => {
    const mark = path.join(folder, `limited ${what}`);
    const { written, launched } = cell(() => existsSync(mark));
    Object.assign(launched.process, { ahead: Promise.resolve(ahead) });
    const prlimit = program('slow', `/bin/sleep 0.1; : > '${mark}'`);
    expect(await assign(launched, request, { contents: new Contents(folder), prlimit })).toEqual({
      ok: true,
      value: undefined,
    });
    expect(written.at(-1)).toEqual({ text: 'the last file', limited: true });
  });

  it('is done before where the process cannot raise them itself, which are set for good a little later (H3)', async () => {
    const mark = path.join(folder, 'set later');
    const { launched } = cell(() => true);
    Object.assign(launched.process, { ahead: Promise.resolve(request.dataBytes) });
    const filtered = { ...launched, isFiltered: true };
    const prlimit = program('later', `echo "$@" > '${mark}'`);
    expect(await assign(filtered, request, { contents: new Contents(folder), prlimit })).toEqual({
      ok: true,
      value: undefined,
    });
    expect(existsSync(mark)).toBe(false);
    await expect.poll(() => existsSync(mark) && readFileSync(mark, 'utf8')).toMatch(/--data=([0-9]+):\1\n$/);
  });

  it('does not let a cell pass for assigned that has its limit from ahead alone (H3)', async () => {
    const { launched } = cell(() => true);
    Object.assign(launched.process, { ahead: Promise.resolve(request.dataBytes) });
    const assigned = await assign(launched, request, {
      contents: new Contents(folder),
      prlimit: program('fails', 'exit 1'),
    });
    expect(assigned).toMatchObject({ ok: false, error: { code: 'HW4001' } });
  });

  it('never sends it where they cannot be set', async () => {
    const { written, launched } = cell(() => false);
    const assigned = await assign(launched, request, {
      contents: new Contents(folder),
      prlimit: program('fails', 'exit 1'),
    });
    expect(assigned).toMatchObject({ ok: false, error: { code: 'HW4001' } });
    expect(written.map(({ text }) => text)).toEqual(['the first file']);
  });

  it('sends nothing where one of them is not what it should be (H1)', async () => {
    const { written, launched } = cell(() => false);
    const [first] = request.files;
    const wrong = {
      ...request,
      files: [first!, { digest: digests[0]!, bytes: FILES[1]!.length }],
    };
    const assigned = await assign(launched, wrong, {
      contents: new Contents(folder),
      prlimit: undefined,
    });
    expect(assigned).toMatchObject({ ok: false, error: { code: 'HW4108' } });
    expect(written).toEqual([]);
  });
});
