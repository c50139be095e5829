import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { EARLY_FRAMES, FrameWriter, MIN_HANDED_BYTES } from '../../src/wire/encoder.ts';
import { Framer } from '../../src/wire/framer.ts';
import { HEADER_BYTES, MAX_PAYLOAD_BYTES } from '../../src/wire/frames.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Two ends of a real unix socket. */
async function socketPair(): Promise<[Socket, Socket]> {
  const folder = mkdtempSync(join(tmpdir(), 'wire-'));
  const server = createServer().listen(join(folder, 'socket'));
  await once(server, 'listening');
  const near = connect(join(folder, 'socket'));
  const [far] = (await once(server, 'connection')) as [Socket];
  closers.push(() => {
    near.destroy();
    far.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return [near, far];
}

describe('FrameWriter', () => {
  test('hands the first frames of a turn to the socket at once, and the others in one write at its end', async () => {
    const writes: number[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        writes.push(chunk.length);
        done();
      },
    });
    const writer = new FrameWriter(sink);
    for (const turn of [1, 2]) {
      for (let id = 1; id <= EARLY_FRAMES - 1; id++) writer.frame(1, id, Buffer.alloc(11));
      expect(writes, `turn ${turn}`).toEqual([]);
      for (let id = EARLY_FRAMES; id <= 100; id++) writer.frame(1, id, Buffer.alloc(11));
      expect(writes).toEqual([EARLY_FRAMES * 20]);
      expect(writer.bufferedBytes).toBe((100 - EARLY_FRAMES) * 20);
      await new Promise(setImmediate);
      expect(writes.splice(0)).toEqual([EARLY_FRAMES * 20, (100 - EARLY_FRAMES) * 20]);
      expect(writer.bufferedBytes).toBe(0);
    }
    writer.frame(1, 1, Buffer.alloc(11));
    await new Promise(setImmediate);
    expect(writes).toEqual([20]);
  });

  test('what waits for a peer that does not read costs about what it is long', () => {
    const waiting: { readonly bytes: Uint8Array; readonly taken: () => void }[] = [];
    const sink = {
      destroyed: false,
      get writableLength(): number {
        return waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
      },
      write: (bytes: Uint8Array, taken: () => void) => waiting.push({ bytes, taken }),
    };
    const writer = new FrameWriter(sink);
    const turns = 1_000;
    for (let id = 1; id <= turns; id++) {
      writer.frame(1, id, Buffer.alloc(id === 500 ? 100_000 : 11, id));
      writer.flush();
    }
    const buffers = new Set(waiting.map(({ bytes }) => bytes.buffer));
    const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(writer.bufferedBytes).toBe(turns * 20 + 100_000 - 11);
    expect(held).toBeLessThan(6 * 140_000 + 2 * writer.bufferedBytes);
    // All of it is what it was, and a peer that reads again has slabs again.
    const ids: number[] = [];
    const framer = new Framer((_type, id, bytes, start, end) => {
      expect(bytes.subarray(start, end).every((byte) => byte === (id & 0xff))).toBe(true);
      return ids.push(id) > 0;
    });
    for (const { bytes, taken } of waiting.splice(0)) {
      expect(framer.push(Buffer.from(bytes))).toBe(true);
      taken();
    }
    expect(ids).toEqual(Array.from({ length: turns }, (_, index) => index + 1));
    writer.frame(1, 1, Buffer.alloc(11));
    writer.flush();
    expect(waiting[0]!.bytes.buffer.byteLength).toBeGreaterThan(100_000);
  });

  test('hands long bytes at the end of a frame over as they are, behind all that came before', async () => {
    const written: Buffer[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk);
        done();
      },
    });
    const writer = new FrameWriter(sink);
    const long = Buffer.alloc(MIN_HANDED_BYTES, 7);
    writer.frame(1, 1, Buffer.from('before'));
    writer.begin(2, 2, 5);
    writer.u8(9);
    writer.endSized(long);
    writer.frame(3, 3, Buffer.from('after'));
    await new Promise(setImmediate);
    expect(written.some((chunk) => chunk.buffer === long.buffer && chunk.length === long.length)).toBe(true);
    const frames: [number, number, string][] = [];
    const framer = new Framer((type, id, bytes, start, end) => {
      frames.push([type, id, bytes.toString('latin1', start, end)]);
      return true;
    });
    expect(framer.push(Buffer.concat(written))).toBe(true);
    const sized = Buffer.concat([Buffer.of(9, 0, MIN_HANDED_BYTES >> 8, 0, 0), long]).toString('latin1');
    expect(frames).toEqual([
      [1, 1, 'before'],
      [2, 2, sized],
      [3, 3, 'after'],
    ]);
  });

  test('refuses what makes a frame too long, and pieces that were not announced', () => {
    const writer = new FrameWriter(new PassThrough());
    const end = (announced: number, bytes: number) => () => {
      writer.begin(1, 1, announced);
      writer.endSized(Buffer.alloc(bytes));
    };
    expect(end(4, MAX_PAYLOAD_BYTES - 4)).not.toThrow();
    expect(end(4, MAX_PAYLOAD_BYTES - 3)).toThrow('a payload of');
    expect(end(3, 1)).toThrow('longer than it was announced');
  });

  test('keeps frames whole and in order over a real socket, past every slab and with slow readers', async () => {
    const [near, far] = await socketPair();
    const writer = new FrameWriter(near);
    const sizes = Array.from({ length: 400 }, (_, index) => [0, 1, 4096, 65_536, 200_000][index % 5]!);
    const seen: number[] = [];
    const framer = new Framer((type, id, bytes, start, end) => {
      expect(type).toBe(0x21);
      expect(id).toBe(seen.length);
      expect(bytes.subarray(start, end).equals(Buffer.alloc(end - start, id % 251))).toBe(true);
      seen.push(end - start);
      return true;
    });
    far.on('data', (chunk: Buffer) => {
      expect(framer.push(chunk)).toBe(true);
      far.pause();
      setImmediate(() => far.resume());
    });
    for (const [id, size] of sizes.entries()) {
      const payload = Buffer.alloc(size, id % 251);
      if (id % 2 === 0) writer.frame(0x21, id, payload);
      else writer.passOn(0x21, id, payload);
      if (id % 50 === 49) await new Promise(setImmediate);
    }
    while (seen.length < sizes.length) await new Promise(setImmediate);
    expect(seen).toEqual(sizes);
  });

  test('takes a payload at the bound and throws at one byte more', () => {
    const writer = new FrameWriter(new PassThrough({ highWaterMark: 1 }));
    writer.frame(1, 1, new Uint8Array(MAX_PAYLOAD_BYTES));
    expect(() => writer.frame(1, 1, new Uint8Array(MAX_PAYLOAD_BYTES + 1))).toThrow(RangeError);
  });

  test('passes long bytes on as they are, behind what was said before, and copies short ones', () => {
    const written: Buffer[] = [];
    const sink = new Writable({
      writev(chunks, done) {
        written.push(...chunks.map(({ chunk }) => chunk as Buffer));
        done();
      },
    });
    const writer = new FrameWriter(sink);
    writer.frame(1, 1, Buffer.alloc(3));
    const long = Buffer.alloc(16 * 1024, 'l');
    writer.passOn(2, 7, long);
    expect(written.map(({ length }) => length)).toEqual([12 + HEADER_BYTES, long.length]);
    expect(written[1]!.buffer).toBe(long.buffer);
    writer.passOn(2, 7, Buffer.alloc(16 * 1024 - 1));
    expect(written).toHaveLength(2);
    expect(writer.bufferedBytes).toBe(9 + 16 * 1024 - 1);
    expect(() => writer.passOn(1, 1, new Uint8Array(MAX_PAYLOAD_BYTES + 1))).toThrow(RangeError);
  });

  test('flushes of a turn share a slab, whose bytes stay until the socket is done with them', async () => {
    const taken: (() => void)[] = [];
    const written: Uint8Array[] = [];
    const socket = {
      destroyed: false,
      writableLength: 0,
      write: (bytes: Uint8Array, done: () => void) => void (written.push(bytes), taken.push(done)),
    };
    const writer = new FrameWriter(socket);
    const say = (value: number): void => {
      writer.frame(1, value, Buffer.alloc(100, value));
      writer.flush();
    };
    for (let value = 1; value <= 5; value++) say(value);
    expect(new Set(written.map(({ buffer }) => buffer)).size).toBe(1);
    expect(written.map((bytes) => bytes.at(-1))).toEqual([1, 2, 3, 4, 5]);
    // All gone: from the start again, and not before.
    for (const done of taken.splice(0, 4)) done();
    say(6);
    expect(written[5]!.byteOffset).toBeGreaterThan(written[4]!.byteOffset);
    for (const done of taken.splice(0)) done();
    say(7);
    expect([written[6]!.buffer === written[0]!.buffer, written[6]!.byteOffset]).toEqual([true, written[0]!.byteOffset]);
    // A frame that is longer than a slab gets one of its own, which is not kept.
    writer.frame(1, 8, Buffer.alloc(300_000, 8));
    writer.flush();
    expect(written[7]!.length).toBe(300_000 + HEADER_BYTES);
    for (const done of taken.splice(0)) done();
    say(9);
    expect(written[8]!.buffer).toBe(written[0]!.buffer);
  });

  test('a frame longer than announced is a bug that shows', () => {
    const writer = new FrameWriter(new PassThrough());
    writer.begin(1, 1, 2);
    writer.u32(1);
    expect(() => writer.end()).toThrow(RangeError);
  });

  test('says nothing to a socket that is destroyed', async () => {
    const sink = new PassThrough();
    sink.destroy();
    const writer = new FrameWriter(sink);
    writer.frame(1, 1, new Uint8Array(3));
    writer.flush();
    await new Promise(setImmediate);
    expect(sink.readableLength).toBe(0);
  });
});
