/** A channel that is read into buffers which are used again, over a real pipe. */
import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { POOLED_BYTES } from '../../src/cell/buffer-pool.ts';
import { openWithOwnReads } from '../../src/cell/own-reads.ts';
import type { LentMemory } from '../../src/kit/lent-memory.ts';

interface Read {
  readonly chunk: Buffer;
  readonly memory: LentMemory | undefined;
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Both ends of one pipe: what is written to the second is read by the first. */
function open(): { readonly socket: net.Socket; readonly write: (bytes: Uint8Array) => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'headway-reads-'));
  folders.push(folder);
  const file = path.join(folder, 'pipe');
  execFileSync('mkfifo', [file]);
  const socket = openWithOwnReads(openSync(file, constants.O_RDWR | constants.O_NONBLOCK));
  onTestFinished(() => void socket.destroy());
  const writer = openSync(file, constants.O_WRONLY | constants.O_NONBLOCK);
  return { socket, write: (bytes) => expect(writeSync(writer, bytes)).toBe(bytes.length) };
}

/** What the next read brings. */
function next(socket: net.Socket): Promise<Read> {
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer, memory?: LentMemory) => resolve({ chunk, memory }));
  });
}

describe('reads of a channel', () => {
  test('what is short has memory of its own', async () => {
    const { socket, write } = open();
    const first = next(socket);
    write(Buffer.alloc(100, 1));
    const { chunk, memory } = await first;
    expect([chunk.length, chunk.buffer.byteLength, memory]).toEqual([100, 100, undefined]);
    const second = next(socket);
    write(Buffer.alloc(200, 2));
    expect((await second).chunk.equals(Buffer.alloc(200, 2))).toBe(true);
    expect(chunk.equals(Buffer.alloc(100, 1))).toBe(true);
  });

  test('what is long is lent: nothing is read into it before it is given back, and then it is used again', async () => {
    const { socket, write } = open();
    const seen: Read[] = [];
    for (let round = 1; round <= 4; round++) {
      const read = next(socket);
      write(Buffer.alloc(POOLED_BYTES, round));
      seen.push(await read);
    }
    expect(seen.map(({ chunk }) => [chunk.length, chunk.every((byte) => byte === chunk[0]) && chunk[0]])).toEqual(
      [1, 2, 3, 4].map((round) => [POOLED_BYTES, round]),
    );
    const memories = new Set(seen.map(({ chunk }) => chunk.buffer));
    expect(memories.size).toBe(4);
    for (const { memory } of seen) memory!.giveBack();
    for (let round = 5; round <= 12; round++) {
      const read = next(socket);
      write(Buffer.alloc(POOLED_BYTES, round));
      const { chunk, memory } = await read;
      expect(chunk.equals(Buffer.alloc(POOLED_BYTES, round))).toBe(true);
      memories.add(chunk.buffer);
      memory!.giveBack();
    }
    // The one that was being read into, and those that came back.
    expect(memories.size).toBeLessThanOrEqual(5);
  });
});
