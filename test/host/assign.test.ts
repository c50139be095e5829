import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { assign, type AssignRequest } from '../../src/host/spawner/assign.ts';
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
function cell(isLimited: () => boolean) {
  const written: { readonly text: string; readonly limited: boolean }[] = [];
  const channel = new Duplex({
    read() {},
    write(bytes: Buffer, _encoding, taken) {
      const text = bytes.toString('latin1');
      for (const name of ['the first file', 'the last file'])
        if (text.includes(name)) written.push({ text: name, limited: isLimited() });
      taken();
    },
  }) as unknown as net.Socket;
  const launched = {
    pid: process.pid,
    uid: undefined,
    lowered: false,
    channel,
    brokerEnd: channel,
  };
  return {
    written,
    launched: { ...launched, exited: new Promise<never>(() => {}), process: { mappedBytes: undefined } },
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
    const prlimit = program('slow', `/bin/sleep 0.2; : > ${mark}`);
    const { written, launched } = cell(() => existsSync(mark));
    expect(await assign(launched, request, { storeFolder: folder, prlimit })).toEqual({ ok: true, value: undefined });
    expect(written).toEqual([
      { text: 'the first file', limited: false },
      { text: 'the last file', limited: true },
    ]);
  });

  it('never sends it where they cannot be set', async () => {
    const { written, launched } = cell(() => false);
    const assigned = await assign(launched, request, {
      storeFolder: folder,
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
      storeFolder: folder,
      prlimit: undefined,
    });
    expect(assigned).toMatchObject({ ok: false, error: { code: 'HW4108' } });
    expect(written).toEqual([]);
  });
});
