/** What a cell sends in the smallest pieces costs the broker what it is long. */
import net from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { GatheredBytes } from '../../src/broker/gathered-bytes.ts';
import { Upload } from '../../src/broker/http/upload.ts';
import { Connection } from '../../src/broker/sockets/connection.ts';
import type { LineListener } from '../../src/broker/sockets/line.ts';
import { INITIAL_CREDIT_BYTES } from '../../src/wire/frames.ts';
import { listen } from './http-fixture.ts';

afterEach(() => vi.restoreAllMocks());

function allOf(gathered: GatheredBytes): Buffer[] {
  const found: Buffer[] = [];
  for (let bytes = gathered.shift(); bytes; bytes = gathered.shift()) found.push(bytes);
  return found;
}

test('nothing is lost or turned round, whatever the sizes, and what was taken is changed no more', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant('take' as const))), (steps) => {
      const gathered = new GatheredBytes();
      const taken: { readonly bytes: Buffer; readonly then: string }[] = [];
      const pushed: Uint8Array[] = [];
      for (const step of steps) {
        if (step !== 'take') {
          pushed.push(step);
          gathered.push(step);
          continue;
        }
        const bytes = gathered.shift();
        if (bytes) taken.push({ bytes, then: bytes.toString('hex') });
      }
      const rest = allOf(gathered);
      expect(Buffer.concat([...taken.map(({ bytes }) => bytes), ...rest])).toEqual(Buffer.concat(pushed));
      for (const { bytes, then } of taken) expect(bytes.toString('hex')).toBe(then);
    }),
  );
});

test('a byte at a time is some buffers, and none of nothing', () => {
  const gathered = new GatheredBytes();
  for (let count = 0; count < INITIAL_CREDIT_BYTES; count++) {
    gathered.push(Buffer.from([count & 0xff]));
    gathered.push(new Uint8Array(0));
  }
  const found = allOf(gathered);
  expect(found.length).toBeLessThanOrEqual(2 + INITIAL_CREDIT_BYTES / (16 * 1024));
  expect(Buffer.concat(found)).toHaveLength(INITIAL_CREDIT_BYTES);
});

test('the body of a request that comes a byte at a time before it is connected leaves in a few pieces', async () => {
  const upload = new Upload({ giveCredit: () => undefined, awaits: () => undefined });
  for (let count = 0; count < 10_000; count++) expect(upload.push(Buffer.from('x'))).toBe(true);
  upload.end('Whole');
  const pieces: number[] = [];
  for await (const piece of upload) pieces.push(piece.length);
  expect(pieces.reduce((sum, length) => sum + length, 0)).toBe(10_000);
  expect(pieces.length).toBeLessThan(5);
});

test('what a guest writes to a socket that is not there yet, a byte or nothing at a time, waits as one write', async () => {
  const received = Promise.withResolvers<string>();
  const port = await listen(
    net.createServer((socket) => {
      let said = '';
      socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
      socket.on('end', () => received.resolve(said));
    }),
  );
  const write = vi.spyOn(net.Socket.prototype, 'write');
  const listener = new Proxy({} as LineListener, {
    get: (_target, name) => (name === 'mayWrite' ? () => true : () => undefined),
  });
  const connection = new Connection(listener, { count: 0, max: 1 });
  connection.connect({ address: '127.0.0.1', port });
  const text = Array.from({ length: 10_000 }, (_, index) => String(index % 10)).join('');
  for (const letter of text) {
    expect(connection.data(Buffer.from(letter)) && connection.data(Buffer.alloc(0))).toBe(true);
  }
  expect(write).toHaveBeenCalledTimes(1);
  connection.finish();
  expect(await received.promise).toBe(text);
  connection.drop();
});
