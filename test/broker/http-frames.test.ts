/** Frames of requests that no cell of ours would send, around the end of a body: each ends the channel, or is held to what HTTP allows. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ask } from '../../src/wire/broker-frames.ts';
import { FrameWriter } from '../../src/wire/encoder.ts';
import { Framer } from '../../src/wire/framer.ts';
import { HTTP_FAILURES, HTTP_HAS_BODY, HttpFromBroker, HttpToBroker } from '../../src/wire/http-frames.ts';
import { MAX_TRAILER_BYTES, MAX_TRAILERS } from '../../src/wire/trailers.ts';
import { openChannel } from './channel.ts';
import { quiet } from './http-fixture.ts';
import { TestBroker } from './support.ts';

const SEATS = 4;
const EXCHANGE = SEATS + 1;
const HERE = '127.0.0.1';

let broker: TestBroker;
let upstream: net.Server;
let port: number;
let said: string;

beforeEach(async () => {
  said = '';
  broker = new TestBroker();
  upstream = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      if (said.includes('\r\n0\r\n')) void quiet().then(() => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
    });
  });
  upstream.listen(0, HERE);
  await once(upstream, 'listening');
  ({ port } = upstream.address() as net.AddressInfo);
});
afterEach(() => {
  broker.close();
  upstream.close();
});

type Pair = readonly [name: string, value: string];

function section(pairs: readonly Pair[], count = pairs.length): Buffer {
  const texts = pairs.flat().map((text) => {
    const bytes = Buffer.from(text, 'latin1');
    return Buffer.concat([Buffer.from([bytes.length & 0xff, bytes.length >> 8]), bytes]);
  });
  return Buffer.concat([Buffer.from([count & 0xff, count >> 8]), ...texts]);
}

interface Asked {
  readonly flags?: number;
  readonly headers?: readonly Pair[];
}

/** One request whose body ends so; resolves when it is over, or the channel. */
async function endWith(payload: Buffer, { flags = HTTP_HAS_BODY, headers = [] }: Asked = {}): Promise<string> {
  const settings = { hosts: [HERE], schemes: ['http'], ports: [port] };
  const grants = [{ name: 'web', capability: 'outboundHttp', settings, enforcement: 'Enforce' }] as const;
  const socket = await openChannel(broker, { grants, seats: SEATS });
  const writer = new FrameWriter(socket);
  const over = Promise.withResolvers<string>();
  const framer = new Framer((type, _id, bytes, start) => {
    if (type === HttpFromBroker.End) over.resolve('End');
    if (type === HttpFromBroker.Failed) over.resolve(HTTP_FAILURES[bytes[start]!]!);
    return true;
  });
  socket.on('data', (chunk: Buffer) => framer.push(chunk));
  socket.on('close', () => over.resolve(`violation: ${broker.violations.at(-1)}`));
  writer.begin(HttpToBroker.Request, EXCHANGE, 4096);
  writer.u16(Ask.First | flags);
  writer.u32(1);
  for (let number = 0; number < 4; number++) writer.u32(0);
  for (const text of ['POST', 'http', `${HERE}:${port}`, '/']) writer.text(text);
  writer.bytes(section(headers));
  writer.end();
  if (flags === HTTP_HAS_BODY) writer.frame(HttpToBroker.Body, EXCHANGE, Buffer.from('abc'));
  writer.frame(HttpToBroker.BodyEnd, EXCHANGE, payload);
  return over.promise;
}

const bodySaid = (): string => said.slice(said.indexOf('\r\n\r\n') + 4);
const many = (count: number): Pair[] => Array.from({ length: count }, () => ['x-a', '1'] as const);
/** So many bytes of payload. */
const long = (bytes: number): Buffer => section([['x-a', 'v'.repeat(bytes - section([['x-a', '']]).length)]]);

describe('the end of a body', () => {
  test('empty, or of one section of trailers, is what a cell says', async () => {
    expect(await endWith(Buffer.alloc(0))).toBe('End');
    expect(bodySaid()).toBe('3\r\nabc\r\n0\r\n\r\n');
    said = '';
    expect(await endWith(section([['x-sum', '7']]))).toBe('End');
    expect(bodySaid()).toBe('3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n');
  });

  const FORBIDDEN = ['content-length', 'Content-Length', 'transfer-encoding', 'host', 'trailer', 'te', 'connection'];
  const OF_THE_HEAD = ['authorization', 'cookie', 'content-type', 'upgrade', 'proxy-authorization', 'cache-control'];
  test.each([...FORBIDDEN, ...OF_THE_HEAD])('says no %s', async (name) => {
    expect(
      await endWith(
        section([
          [name, '1'],
          ['x-sum', '7'],
        ]),
      ),
    ).toBe('End');
    expect(bodySaid()).toBe('3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n');
  });

  const VIOLATIONS: readonly (readonly [string, Buffer, RegExp])[] = [
    ['a line break in a value', section([['x-a', '1\r\nx-b: 2']]), /invalid value/],
    ['a bare line feed', section([['x-a', '1\nx-b: 2']]), /invalid value/],
    ['the end of the message in a value', section([['x-a', '1\r\n\r\nGET / HTTP/1.1\r\n\r\n']]), /invalid value/],
    ['a NUL', section([['x-a', 'a\0b']]), /invalid value/],
    ['a line break in a name', section([['x-a\r\nx-b', '1']]), /invalid name/],
    ['a space behind a name', section([['transfer-encoding ', 'chunked']]), /invalid name/],
    ['a colon in a name', section([['x-a: 1\r\nx', '1']]), /invalid name/],
    ['no name', section([['', '1']]), /invalid name/],
    ['one too many', section(many(MAX_TRAILERS + 1)), /33 trailers, the most is 32/],
    ['one byte too many', long(MAX_TRAILER_BYTES + 1), /trailers of 8193 bytes, the most is 8192/],
    ['65,535 that are not there', section([], 0xffff), /65535 trailers/],
    ['more than it announces', section([['x-a', '1']], 0), /too early or too late/],
    ['less than it announces', section([['x-a', '1']], 2), /too early or too late/],
    ['half a number', Buffer.from([1]), /too early or too late/],
  ];
  test.each(VIOLATIONS)('with %s ends the channel', async (_what, payload, why) => {
    expect(await endWith(payload)).toMatch(/^violation: /);
    expect(broker.violations.at(-1)).toMatch(why);
    expect(said).not.toMatch(/\r\n0\r\n/);
  });

  test('may hold as many as there may be, and as many bytes', async () => {
    expect(await endWith(section(many(MAX_TRAILERS)))).toBe('End');
    expect(bodySaid().split('x-a: 1\r\n')).toHaveLength(MAX_TRAILERS + 1);
    expect(await endWith(long(MAX_TRAILER_BYTES))).toBe('End');
  });

  test('of a body that there is not is a violation, with trailers too', async () => {
    expect(await endWith(section([['x-sum', '7']]), { flags: 0 })).toBe(
      'violation: the end of a body that there is not',
    );
  });

  test('with trailers behind a declared length breaks the request off', async () => {
    expect(await endWith(section([['x-sum', '7']]), { headers: [['content-length', '3']] })).toBe(
      'HTTP-protocol-error',
    );
    expect(said).not.toContain('x-sum');
  });
});
