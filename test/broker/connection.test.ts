/** A connection of a guest against a real peer that says more than the cell takes. */
import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from 'vitest';
import { Connection } from '../../src/broker/sockets/connection.ts';
import type { LineListener } from '../../src/broker/sockets/line.ts';
import { INITIAL_CREDIT_BYTES } from '../../src/wire/frames.ts';

const MORE_BYTES = 3_072;

/** What the cell heard: numbers are bytes. */
class Heard implements LineListener {
  readonly said: (string | number)[] = [];
  readonly open = Promise.withResolvers<void>();
  opened(): void {
    this.open.resolve();
  }
  data(bytes: Buffer): void {
    this.said.push(bytes.length);
  }
  datagram(): void {}
  dropped(): void {}
  credit(): void {}
  finished(): void {
    this.said.push('finished');
  }
  refused(): void {}
  addresses(): void {}
  over(error?: string): void {
    this.said.push(error ?? 'over');
  }
  started(): void {}
  mayWrite(): boolean {
    return true;
  }
  get bytes(): number {
    return this.said.reduce<number>((sum, one) => sum + (typeof one === 'number' ? one : 0), 0);
  }
}

test.each(['before the peer has closed', 'after both ends are closed'])(
  'the end is heard behind the bytes that waited for credit, which comes %s',
  async (when) => {
    const ended = Promise.withResolvers<void>();
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('close', () => ended.resolve());
      socket.resume();
      socket.end(Buffer.alloc(INITIAL_CREDIT_BYTES + MORE_BYTES));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const heard = new Heard();
    const connection = new Connection(heard, { count: 0, max: 1 });
    connection.connect({ address: '127.0.0.1', port: (server.address() as net.AddressInfo).port });
    await heard.open.promise;
    await expect.poll(() => heard.bytes, { timeout: 30_000 }).toBe(INITIAL_CREDIT_BYTES);
    if (when.startsWith('after')) {
      connection.finish();
      await ended.promise;
      // The close of this end is an event of a later turn.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(heard.said.filter((one) => typeof one === 'string')).toEqual([]);
    connection.addCredit(INITIAL_CREDIT_BYTES);
    await expect.poll(() => heard.said.includes('finished'), { timeout: 30_000 }).toBe(true);
    expect(heard.bytes).toBe(INITIAL_CREDIT_BYTES + MORE_BYTES);
    connection.finish();
    await expect.poll(() => heard.said.at(-1), { timeout: 30_000 }).toBe('over');
    expect(heard.said.slice(-2)).toEqual(['finished', 'over']);
    server.close();
  },
);
