/** `wasi:sockets` of a real cell against a real broker and real peers: each function, in and out of its state. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { INITIAL_CREDIT_BYTES, REQUEST_IS_MIRRORED, type Assignment } from '../../src/wire/frames.ts';
import { DEFAULT_SOCKETS } from '../../src/model/limits.ts';
import { DATAGRAM_BYTES, NETWORK_ERRORS, type NetworkError } from '../../src/wire/socket-frames.ts';
import { TestBroker } from '../broker/support.ts';
import { freePort as nextFreePort } from '../support/child-server.ts';
import { assignmentOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { limitsOf, Peer } from './kit/peer.ts';
import { attachBroker } from './kit/seat.ts';

const CONCURRENCY = 4;
const MEBIBYTE = 1024 * 1024;
const ANY = '4.0.0.0.0.0';

let bundle: TestBundle;
let peer: Peer;
let broker: TestBroker;
let echo: net.Server;
let echoPort: number;
let datagrams: dgram.Socket;
let datagramPort: number;
let freePort: number;
const names: Record<string, readonly string[]> = {};

beforeAll(async () => {
  bundle = await exampleBundle('testbed-sockets');
});
beforeEach(async () => {
  broker = new TestBroker({
    http: { maxBodyBytes: MEBIBYTE },
    resolve: (name) => {
      const found = names[name];
      if (!found) return Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }));
      return Promise.resolve(found.map((address) => ({ address, family: net.isIP(address) })));
    },
  });
  echo = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  echoPort = await listening(echo);
  datagrams = dgram.createSocket('udp4');
  datagrams.on('message', (bytes, from) => datagrams.send(`re:${bytes.toString()}`, from.port, from.address));
  datagrams.bind(0, '127.0.0.1');
  await once(datagrams, 'listening');
  datagramPort = datagrams.address().port;
  freePort = await nextFreePort();
});
afterEach(async () => {
  await peer.close();
  broker.close();
  echo.close();
  datagrams.close();
});

async function listening(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

const sockets = (settings: object = {}, more: Partial<Grant> = {}): Grant => ({
  name: 'peers',
  capability: 'sockets',
  settings: { protocols: ['Tcp', 'Udp'], hosts: ['127.0.0.1'], ports: [echoPort, datagramPort, freePort], ...settings },
  enforcement: 'Enforce',
  ...more,
});
const nameLookup = (...hosts: string[]): Grant => ({
  name: 'names',
  capability: 'nameLookup',
  settings: { hosts },
  enforcement: 'Enforce',
});

async function start(grants: readonly Grant[], changes: Partial<Assignment> = {}): Promise<void> {
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle, { concurrency: CONCURRENCY, ...changes }), bundle);
  attachBroker(broker, peer, { component: 'shop/caller', concurrency: CONCURRENCY, grants });
}

const at = (port: number): string => `4.127.0.0.1.${port}`;
const failure = (error: NetworkError): string => `!${NETWORK_ERRORS.indexOf(error)}`;

/** Operations, and what each is to say; absent: whatever it says. */
type Script = readonly (readonly [operation: string, says?: string])[];

async function run(script: Script, flags = 0): Promise<readonly string[]> {
  const answer = await peer.ask(1, { path: `/?do=${script.map(([operation]) => operation).join(';')}`, flags });
  expect(answer).toMatchObject({ outcome: 'Ok', status: 200 });
  return answer.body.toString().split('\n');
}

/** Whatever was said otherwise than expected; `said` is for what cannot be known beforehand. */
async function play(
  script: Script,
  flags = 0,
): Promise<{ readonly said: readonly string[]; readonly unlike: readonly string[] }> {
  const said = await run(script, flags);
  const unlike = script.flatMap(([operation, says], index) =>
    says === undefined || says === said[index] ? [] : [`${operation}: ${said[index]}, not ${says}`],
  );
  return { said, unlike };
}

/** Datagrams that went nowhere since the last look, by why. */
const dropped = (): readonly string[] => broker.broker.drainDropped().map(({ name, count }) => `${count} ${name}`);

/** Of a script that ends its instance. */
async function trapOf(script: Script): Promise<string> {
  const answer = await peer.ask(1, { path: `/?do=${script.map(([operation]) => operation).join(';')}` });
  expect(answer.outcome).toBe('Trap');
  return answer.text;
}

const connected = (slot = 0): Script => [
  [`tcp,${slot},4`, '0'],
  [`start-connect,${slot},${at(echoPort)}`, 'ok'],
  [`wait,${slot}`, 'ok'],
  [`finish-connect,${slot}`, 'ok'],
];
const listens = (port: number): Script => [
  ['tcp,0,4', '0'],
  [`start-bind,0,${at(port)}`, 'ok'],
  ['wait,0', 'ok'],
  ['finish-bind,0', 'ok'],
  ['start-listen,0', 'ok'],
  ['finish-listen,0', 'ok'],
];
const bound = (slot = 0, address = ANY): Script => [
  [`udp,${slot},4`, '0'],
  [`udp-start-bind,${slot},${address}`, 'ok'],
  [`udp-wait,${slot}`, 'ok'],
  [`udp-finish-bind,${slot}`, 'ok'],
];

describe('a TCP connection', () => {
  test('is made in two steps, echoes, is shut down and dropped; what was allowed is recorded', async () => {
    await start([sockets()]);
    const { said, unlike } = await play([
      ['tcp,0,4', '0'],
      ['finish-connect,0', failure('not-in-progress')],
      [`start-connect,0,${at(echoPort)}`, 'ok'],
      ['finish-connect,0', failure('would-block')],
      [`start-connect,0,${at(echoPort)}`, failure('invalid-state')],
      [`start-bind,0,${ANY}`, failure('invalid-state')],
      ['local,0', failure('invalid-state')],
      ['remote,0', failure('invalid-state')],
      ['wait,0', 'ok'],
      ['finish-connect,0', 'ok'],
      ['finish-connect,0', failure('not-in-progress')],
      ['start-listen,0', failure('invalid-state')],
      ['accept,0,1', failure('invalid-state')],
      ['set-backlog,0,5', failure('invalid-state')],
      ['remote,0', at(echoPort)],
      ['local,0'],
      ['family,0', '4'],
      ['is-listening,0', '0'],
      ['send,0,hello', 'ok'],
      ['receive,0', 'hello'],
      ['send,0,bye', 'ok'],
      ['shutdown,0,1', 'ok'],
      ['send,0,more', 'closed'],
      ['receive-all,0', 'bye'],
      ['receive,0', 'closed'],
      ['drop-streams,0', 'ok'],
      ['drop,0', 'ok'],
    ]);
    expect(unlike).toEqual([]);
    expect(said[15]).toMatch(/^4\.127\.0\.0\.1\.[0-9]+$/);
    expect(broker.records()).toEqual([`Allowed peers Tcp 127.0.0.1:${echoPort} ×1`]);
  });

  test('what was written before the drop arrives', async () => {
    await start([sockets()]);
    echo.removeAllListeners('connection');
    const heard = once(echo, 'connection').then(async ([socket]: net.Socket[]) => {
      let bytes = 0;
      for await (const chunk of socket as AsyncIterable<Buffer>) bytes += chunk.length;
      return bytes;
    });
    expect(
      (await play([...connected(), ['flood,0,200000', 'ok'], ['drop-streams,0', 'ok'], ['drop,0', 'ok']])).unlike,
    ).toEqual([]);
    expect(await heard).toBe(200_000);
  });

  test('1 MB both ways within the credit, several times on one instance', async () => {
    await start([sockets()]);
    const sink = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume();
      socket.on('end', () => socket.end(Buffer.alloc(MEBIBYTE, 'x')));
    });
    const port = await listening(sink);
    await peer.close();
    await start([sockets({ ports: [port] })]);
    for (let round = 0; round < 3; round++) {
      expect(
        (
          await play([
            ['tcp,0,4', '0'],
            [`start-connect,0,${at(port)}`, 'ok'],
            ['wait,0', 'ok'],
            ['finish-connect,0', 'ok'],
            [`flood,0,${MEBIBYTE}`, 'ok'],
            ['shutdown,0,1', 'ok'],
            ['count-all,0', String(MEBIBYTE)],
            ['drop-streams,0', 'ok'],
            ['drop,0', 'ok'],
          ])
        ).unlike,
      ).toEqual([]);
    }
    sink.close();
  });

  test('shutdown of receiving ends reads at once, and leaves writing', async () => {
    await start([sockets()]);
    expect(
      (
        await play([
          ...connected(),
          ['send,0,a', 'ok'],
          ['shutdown,0,0', 'ok'],
          ['receive,0', 'closed'],
          ['send,0,b', 'ok'],
          ['shutdown,0,2', 'ok'],
          ['send,0,c', 'closed'],
        ])
      ).unlike,
    ).toEqual([]);
  });

  test('the errors of a connection: refused, reset, impossible, denied', async () => {
    await start([sockets()]);
    const refused: Script = [
      ['tcp,0,4', '0'],
      [`start-connect,0,${at(freePort)}`, 'ok'],
      ['wait,0', 'ok'],
      ['finish-connect,0', failure('connection-refused')],
      ['finish-connect,0', failure('not-in-progress')],
      // It is closed for good.
      [`start-connect,0,${at(echoPort)}`, failure('invalid-state')],
      ['keep-alive,0', failure('invalid-state')],
      ['set-keep-alive,0,1', failure('invalid-state')],
      ['set-backlog,0,1', failure('invalid-state')],
      ['shutdown,0,2', failure('invalid-state')],
      ['wait,0', 'ok'],
      ['drop,0', 'ok'],
    ];
    expect((await play(refused)).unlike).toEqual([]);
    echo.removeAllListeners('connection');
    echo.on(
      'connection',
      (socket: net.Socket) =>
        socket.on('error', () => undefined) && socket.once('data', () => socket.resetAndDestroy()),
    );
    expect(
      (await play([...connected(), ['send,0,x', 'ok'], ['receive,0', 'broken'], ['send,0,x', 'closed']])).unlike,
    ).toEqual([]);
    expect(
      (
        await play([
          ['tcp,1,4', '0'],
          ['start-connect,1,4.0.0.0.0.80', failure('invalid-argument')],
          ['start-connect,1,4.127.0.0.1.0', failure('invalid-argument')],
          ['start-connect,1,4.224.0.0.1.80', failure('invalid-argument')],
          ['start-connect,1,4.255.255.255.255.80', failure('invalid-argument')],
          ['start-connect,1,6.0.0.0.0.0.0.0.1.80', failure('invalid-argument')],
          ['tcp,2,6', '0'],
          ['family,2', '6'],
          ['start-connect,2,6.0.0.0.0.0.65535.32512.1.80', failure('invalid-argument')],
          ['start-connect,2,6.65280.0.0.0.0.0.0.1.80', failure('invalid-argument')],
          // A zone.
          ['start-connect,2,6.65152.0.0.0.0.0.0.1.80.2', failure('invalid-argument')],
          // NAT64 and 6to4 of 127.0.0.1.
          ['start-connect,2,6.100.65435.0.0.0.0.32512.1.80', 'ok'],
          ['wait,2', 'ok'],
          ['finish-connect,2', failure('access-denied')],
          ['tcp,3,6', '0'],
          ['start-connect,3,6.8194.32512.1.0.0.0.0.0.80', 'ok'],
          ['wait,3', 'ok'],
          ['finish-connect,3', failure('access-denied')],
          ['tcp,4,4', '0'],
          ['start-connect,4,4.169.254.169.254.80', 'ok'],
          ['wait,4', 'ok'],
          ['finish-connect,4', failure('access-denied')],
        ])
      ).unlike,
    ).toEqual([]);
    expect(broker.records().slice(-3)).toEqual([
      'Denied - Tcp [64:ff9b::7f00:1]:80 ×1: no grant names 64:ff9b::7f00:1',
      'Denied - Tcp [2002:7f00:1::]:80 ×1: no grant names 2002:7f00:1::',
      'Denied - Tcp 169.254.169.254:80 ×1: no grant names 169.254.169.254',
    ]);
  });

  test('options have values of their own, and what Node has no call for is not supported', async () => {
    await start([sockets()]);
    expect(
      (
        await play([
          ['tcp,0,4', '0'],
          ['keep-alive,0', '0'],
          ['idle,0', '7200000000000'],
          ['interval,0', '75000000000'],
          ['count,0', '9'],
          ['set-keep-alive,0,1', 'ok'],
          ['keep-alive,0', '1'],
          ['set-idle,0,0', failure('invalid-argument')],
          ['set-idle,0,1500000000', 'ok'],
          ['idle,0', '2000000000'],
          ['set-interval,0,0', failure('invalid-argument')],
          ['set-interval,0,99999999999999999', 'ok'],
          ['interval,0', '32767000000000'],
          ['set-count,0,0', failure('invalid-argument')],
          ['set-count,0,200', 'ok'],
          ['count,0', '127'],
          ['hops,0', failure('not-supported')],
          ['set-hops,0,0', failure('invalid-argument')],
          ['set-hops,0,9', failure('not-supported')],
          ['receive-buffer,0', failure('not-supported')],
          ['set-receive-buffer,0,0', failure('invalid-argument')],
          ['set-receive-buffer,0,9', failure('not-supported')],
          ['send-buffer,0', failure('not-supported')],
          ['set-send-buffer,0,0', failure('invalid-argument')],
          ['set-send-buffer,0,9', failure('not-supported')],
          ['set-backlog,0,0', failure('invalid-argument')],
          ['set-backlog,0,9', 'ok'],
          [`start-connect,0,${at(echoPort)}`, 'ok'],
          ['wait,0', 'ok'],
          ['finish-connect,0', 'ok'],
          ['set-count,0,3', 'ok'],
          ['count,0', '3'],
          ['send,0,x', 'ok'],
          ['receive,0', 'x'],
        ])
      ).unlike,
    ).toEqual([]);
  });

  test('ends with the call that opened it; the next call opens its own', async () => {
    await start([sockets()]);
    expect((await play(connected())).unlike).toEqual([]);
    expect(
      (
        await play([
          ['send,0,x', 'closed'],
          ['receive,0', 'closed'],
          ['drop-streams,0', 'ok'],
          ['drop,0', 'ok'],
          ...connected(1),
          ['send,1,x', 'ok'],
          ['receive,1', 'x'],
        ])
      ).unlike,
    ).toEqual([]);
  });

  test('traps: a socket dropped before its streams, more bytes than permitted', async () => {
    await start([sockets()]);
    expect(await trapOf([...connected(), ['drop,0']])).toContain('before its streams');
    expect(await trapOf([...connected(), ['overrun,0,x']])).toContain('check-write permits 0');
  });
});

describe('listening', () => {
  test('accepts, with the addresses of both ends, where the endpoint is granted', async () => {
    await start([sockets({ listen: [`127.0.0.1:${freePort}`] })]);
    const call = run([
      ...listens(freePort),
      ['is-listening,0', '1'],
      ['local,0'],
      ['accept,0,1'],
      ['start-listen,0'],
      ['wait,0'],
      ['accept,0,1'],
      ['receive,1'],
      ['send,1,world'],
      ['remote,1'],
      ['local,1'],
      ['drop-streams,1'],
      ['drop,1'],
      ['drop,0'],
    ]);
    const client = await connectedTo(freePort);
    client.end('hello');
    const heard = client.toArray();
    const said = await call;
    expect(Buffer.concat(await heard).toString()).toBe('world');
    expect(said.slice(6)).toEqual([
      '1',
      at(freePort),
      failure('would-block'),
      failure('invalid-state'),
      'ok',
      'ok',
      'hello',
      'ok',
      expect.stringMatching(/^4\.127\.0\.0\.1\./),
      at(freePort),
      'ok',
      'ok',
      'ok',
    ]);
    expect(broker.records()).toEqual([`Allowed peers Tcp listen 127.0.0.1:${freePort} ×1`]);
  });

  test('is for granted endpoints only: no other port, no wildcard, no port of the kernel', async () => {
    await start([sockets({ listen: [`127.0.0.1:${freePort}`] })]);
    expect(
      (
        await play([
          ['tcp,0,4', '0'],
          ['finish-bind,0', failure('not-in-progress')],
          ['finish-listen,0', failure('not-in-progress')],
          ['start-listen,0', failure('invalid-state')],
          ['start-bind,0,6.0.0.0.0.0.0.0.0.0', failure('invalid-argument')],
          ['start-bind,0,4.224.0.0.1.9', failure('invalid-argument')],
          [`start-bind,0,4.0.0.0.0.${freePort}`, 'ok'],
          ['wait,0', 'ok'],
          ['finish-bind,0', failure('access-denied')],
          [`start-bind,0,${at(freePort - 1)}`, 'ok'],
          ['wait,0', 'ok'],
          ['finish-bind,0', failure('access-denied')],
          // What every client may do is no listening.
          [`start-bind,0,${ANY}`, 'ok'],
          ['finish-bind,0', 'ok'],
          ['local,0', ANY],
          ['start-listen,0', 'ok'],
          ['wait,0', 'ok'],
          ['finish-listen,0', failure('access-denied')],
          ['is-listening,0', '0'],
          ['drop,0', 'ok'],
        ])
      ).unlike,
    ).toEqual([]);
    expect(broker.records()).toEqual([
      `Denied - Tcp listen 0.0.0.0:${freePort} ×1: no grant lets it listen on 0.0.0.0:${freePort}`,
      `Denied - Tcp listen 127.0.0.1:${freePort - 1} ×1: no grant lets it listen on 127.0.0.1:${freePort - 1}`,
      'Denied - Tcp listen 0.0.0.0:0 ×1: no grant lets it listen on 0.0.0.0:0',
    ]);
  });

  test('a port that is taken, a bound socket that would connect', async () => {
    await start([sockets({ listen: [`127.0.0.1:${echoPort}`, `127.0.0.1:${freePort}`] })]);
    expect(
      (
        await play([
          ['tcp,0,4', '0'],
          [`start-bind,0,${at(echoPort)}`, 'ok'],
          ['wait,0', 'ok'],
          ['finish-bind,0', failure('address-in-use')],
          [`start-bind,0,${at(freePort)}`, 'ok'],
          ['finish-bind,0', failure('would-block')],
          ['wait,0', 'ok'],
          ['finish-bind,0', 'ok'],
          ['local,0', at(freePort)],
          [`start-connect,0,${at(echoPort)}`, failure('not-supported')],
          ['drop,0', 'ok'],
          // On all addresses it is free to connect.
          ['tcp,1,4', '0'],
          [`start-bind,1,${ANY}`, 'ok'],
          ['finish-bind,1', 'ok'],
          [`start-connect,1,${at(echoPort)}`, 'ok'],
          ['wait,1', 'ok'],
          ['finish-connect,1', 'ok'],
        ])
      ).unlike,
    ).toEqual([]);
  });
});

describe('UDP', () => {
  test('sends and receives, connected and not; each datagram is judged', async () => {
    await start([sockets()]);
    const to = at(datagramPort);
    expect(
      (
        await play([
          ['udp,0,4', '0'],
          ['udp-finish-bind,0', failure('not-in-progress')],
          ['udp-stream,0', failure('invalid-state')],
          ['udp-local,0', failure('invalid-state')],
          ['udp-remote,0', failure('invalid-state')],
          ['udp-start-bind,0,6.0.0.0.0.0.0.0.0.0', failure('invalid-argument')],
          [`udp-start-bind,0,${ANY}`, 'ok'],
          ['udp-finish-bind,0', failure('would-block')],
          [`udp-start-bind,0,${ANY}`, failure('invalid-state')],
          ['udp-wait,0', 'ok'],
          ['udp-finish-bind,0', 'ok'],
          ['udp-family,0', '4'],
          ['udp-local,0'],
          ['udp-stream,0,4.127.0.0.1.0', failure('invalid-argument')],
          ['udp-stream,0', 'ok'],
          ['udp-receive,0,8', '0'],
          ['udp-check,0', '64'],
          [`udp-send,0,one@${to}`, '1'],
          ['udp-wait-in,0', 'ok'],
          ['udp-receive,0,0', '0'],
          ['udp-receive,0,8', `1 ${to}=re:one`],
          ['udp-send,0,none', failure('invalid-argument')],
          ['udp-send-large,0,65508', failure('datagram-too-large')],
          ['udp-wait-out,0', 'ok'],
          // Not granted: said with the next call.
          [`udp-send,0,two@${at(echoPort + 1)}`, '1'],
          ['sleep,0,1000', 'ok'],
          ['udp-check,0', failure('access-denied')],
          ['udp-check,0', '64'],
          ['udp-drop-streams,0', 'ok'],
          [`udp-stream,0,${to}`, 'ok'],
          ['udp-remote,0', to],
          ['udp-check,0', '64'],
          [`udp-send,0,x@${at(echoPort)}`, failure('invalid-argument')],
          ['udp-send,0,three', '1'],
          [`udp-send,0,four@${to}`, '1'],
          ['udp-wait-in,0', 'ok'],
          ['sleep,0,1000', 'ok'],
          ['udp-receive,0,8', `2 ${to}=re:three ${to}=re:four`],
          ['udp-drop-streams,0', 'ok'],
          ['udp-drop,0', 'ok'],
        ])
      ).unlike,
    ).toEqual([]);
    expect(broker.records()).toEqual([
      `Allowed peers Udp 127.0.0.1:${datagramPort} ×1`,
      `Denied peers Udp 127.0.0.1:${echoPort + 1} ×1: the grant is not for port ${echoPort + 1}`,
      `Allowed peers Udp 127.0.0.1:${datagramPort} ×2`,
    ]);
    expect(dropped()).toEqual(['1 ToNotGranted']);
  });

  test('hears nothing from somebody whom it may not send to, unless it listens there', async () => {
    await start([sockets({ listen: [`127.0.0.1:${freePort}`] })]);
    const stranger = dgram.createSocket('udp4');
    datagrams.on('message', (_bytes, from) => stranger.send('psst', from.port, from.address));
    const to = at(datagramPort);
    expect(
      (
        await play([
          ...bound(),
          ['udp-stream,0', 'ok'],
          ['udp-check,0', '64'],
          [`udp-send,0,one@${to}`, '1'],
          ['udp-wait-in,0', 'ok'],
          ['sleep,0,1000', 'ok'],
          ['udp-receive,0,8', `1 ${to}=re:one`],
        ])
      ).unlike,
    ).toEqual([]);
    expect(dropped()).toEqual(['1 FromNotGranted']);
    const { said: heard, unlike } = await play([
      ...bound(1, at(freePort)),
      ['udp-stream,1', 'ok'],
      ['udp-check,1', '64'],
      [`udp-send,1,two@${to}`, '1'],
      ['udp-wait-in,1', 'ok'],
      ['sleep,1,1000', 'ok'],
      ['udp-receive,1,8'],
    ]);
    expect(unlike).toEqual([]);
    expect(heard.at(-1)).toContain('=re:two');
    expect(heard.at(-1)).toContain('=psst');
    expect(dropped()).toEqual([]);
    stranger.close();
  });

  test('that does not read gets what it has credit for; what comes beyond is counted', async () => {
    await start([sockets()]);
    const fits = 8;
    const beyond = 3;
    const one = Buffer.alloc(INITIAL_CREDIT_BYTES / fits - DATAGRAM_BYTES, 'x');
    datagrams.removeAllListeners('message');
    datagrams.on('message', (_bytes, from) => {
      // One after the other: the kernel's own buffer holds few of this size.
      const next = (left: number): void => {
        if (left > 0) datagrams.send(one, from.port, from.address, () => setTimeout(() => next(left - 1), 5));
      };
      next(fits + beyond);
    });
    const script: Script = [
      ...bound(),
      ['udp-stream,0', 'ok'],
      ['udp-check,0', '64'],
      [`udp-send,0,go@${at(datagramPort)}`, '1'],
      ['sleep,0,2000', 'ok'],
    ];
    expect((await play(script)).unlike).toEqual([]);
    expect(dropped()).toEqual([`${beyond} QueueFull`]);
  });

  test('options, permits and children', async () => {
    await start([sockets()]);
    expect(
      (
        await play([
          ['udp,0,4', '0'],
          ['udp-hops,0', '64'],
          ['udp-set-hops,0,0', failure('invalid-argument')],
          ['udp-set-hops,0,9', 'ok'],
          ['udp-hops,0', '9'],
          ['udp-receive-buffer,0', failure('invalid-state')],
          ['udp-set-receive-buffer,0,0', failure('invalid-argument')],
          ['udp-set-receive-buffer,0,9000', failure('invalid-state')],
          ['udp-send-buffer,0', failure('invalid-state')],
          ['udp-set-send-buffer,0,0', failure('invalid-argument')],
          ['udp-set-send-buffer,0,9000', failure('invalid-state')],
          [`udp-start-bind,0,${ANY}`, 'ok'],
          ['udp-wait,0', 'ok'],
          ['udp-finish-bind,0', 'ok'],
          ['udp-set-receive-buffer,0,9000', 'ok'],
          ['udp-receive-buffer,0', '9000'],
          ['udp-set-send-buffer,0,9000', 'ok'],
          ['udp-send-buffer,0', '9000'],
          ['udp-set-hops,0,3', 'ok'],
        ])
      ).unlike,
    ).toEqual([]);
    expect(await trapOf([...bound(1), ['udp-stream,1'], ['udp-send-many,1,1']])).toContain('permits 0');
    expect(await trapOf([...bound(1), ['udp-stream,1'], ['udp-stream,1']])).toContain('before its last streams');
    expect(await trapOf([...bound(1), ['udp-stream,1'], ['udp-drop,1']])).toContain('before its streams');
  });

  test('an endpoint that is not granted is not bound', async () => {
    await start([sockets()]);
    expect(
      (
        await play([
          ['udp,0,4', '0'],
          [`udp-start-bind,0,${at(freePort)}`, 'ok'],
          ['udp-wait,0', 'ok'],
          ['udp-finish-bind,0', failure('access-denied')],
        ])
      ).unlike,
    ).toEqual([]);
  });
});

describe('names', () => {
  test('are looked up where they are granted, in any spelling; addresses are their own answer', async () => {
    names['db.example'] = ['127.0.0.1', '2606:4700::1'];
    await start([nameLookup('db.example')]);
    expect(
      (
        await play([
          ['lookup,0,DB.example.', 'ok'],
          ['next,0', failure('would-block')],
          ['lookup-wait,0', 'ok'],
          ['next,0', '4.127.0.0.1'],
          ['next,0', '6.9734.18176.0.0.0.0.0.1'],
          ['next,0', 'none'],
          ['next,0', 'none'],
          ['lookup-drop,0', 'ok'],
          ['lookup,1,', failure('invalid-argument')],
          ['lookup,1,a..b', 'ok'],
          ['lookup-wait,1', 'ok'],
          ['next,1', failure('invalid-argument')],
          ['lookup,2,other.example', 'ok'],
          ['lookup-wait,2', 'ok'],
          ['next,2', failure('access-denied')],
          ['lookup,3,0x7f.1', 'ok'],
          ['lookup-wait,3', 'ok'],
          ['next,3', '4.127.0.0.1'],
          ['lookup,4,cart.shop.headway', 'ok'],
          ['lookup-wait,4', 'ok'],
          ['next,4', failure('name-unresolvable')],
          ['lookup,5,[::1]', 'ok'],
          ['lookup-wait,5', 'ok'],
          ['next,5', '6.0.0.0.0.0.0.0.1'],
        ])
      ).unlike,
    ).toEqual([]);
    delete names['db.example'];
    expect(
      (
        await play([
          ['lookup,0,db.example', 'ok'],
          ['lookup-wait,0', 'ok'],
          ['next,0', failure('name-unresolvable')],
        ])
      ).unlike,
    ).toEqual([]);
    expect(broker.records()).toEqual([
      'Allowed names db.example ×1',
      'Denied - other.example ×1: no grant names other.example',
      'Allowed names db.example ×1',
    ]);
  });
});

describe('bounds', () => {
  test(`${DEFAULT_SOCKETS} sockets are open at a time, and one more is refused; a dropped one makes room`, async () => {
    await start([sockets()]);
    const all = Array.from({ length: DEFAULT_SOCKETS }, (_, slot) => connected(slot)).flat();
    expect(
      (
        await play([
          ...all,
          ['tcp,90,4', '0'],
          [`start-connect,90,${at(echoPort)}`, failure('new-socket-limit')],
          ['udp,91,4', '0'],
          [`udp-start-bind,91,${ANY}`, failure('new-socket-limit')],
          ['drop-streams,0', 'ok'],
          ['drop,0', 'ok'],
          ['sleep,0,1000', 'ok'],
          [`start-connect,90,${at(echoPort)}`, 'ok'],
          ['wait,90', 'ok'],
          ['finish-connect,90', 'ok'],
          ['send,90,last', 'ok'],
          ['receive,90', 'last'],
        ])
      ).unlike,
    ).toEqual([]);
    await expect
      .poll(() => limitsOf(peer))
      .toEqual([
        ['sockets', 1],
        ['sockets', 1],
      ]);
  });

  test('handles are the limit of the component: one more is a trap', async () => {
    await start([sockets()], { handles: 24 });
    const seven = Array.from({ length: 5 }, (_, slot) => connected(slot)).flat();
    expect((await play(seven)).unlike).toEqual([]);
    expect(await trapOf([...seven, ...connected(8), ...connected(9)])).toContain('more than 24 handles');
  });

  test('a mirrored call opens nothing', async () => {
    names['db.example'] = ['127.0.0.1'];
    await start([sockets(), nameLookup('db.example')]);
    expect(
      (
        await play(
          [
            ['tcp,0,4', '0'],
            [`start-connect,0,${at(echoPort)}`, 'ok'],
            ['wait,0', 'ok'],
            ['finish-connect,0', failure('access-denied')],
            ['udp,1,4', '0'],
            [`udp-start-bind,1,${ANY}`, 'ok'],
            ['udp-wait,1', 'ok'],
            ['udp-finish-bind,1', failure('access-denied')],
            ['lookup,2,db.example', 'ok'],
            ['lookup-wait,2', 'ok'],
            ['next,2', failure('access-denied')],
          ],
          REQUEST_IS_MIRRORED,
        )
      ).unlike,
    ).toEqual([]);
  });
});

async function connectedTo(port: number): Promise<net.Socket> {
  for (;;) {
    const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const opened = await Promise.race([
      once(client, 'connect').then(() => true),
      once(client, 'error').then(
        () => false,
        () => false,
      ),
    ]).catch(() => false);
    if (opened) return client;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
