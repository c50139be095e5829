/**
 * WASI 0.2 from JavaScript: a QuickJS guest in a real cell with a real broker, which runs the JavaScript of the rows. Which
 * functions were called, and how they ended, is what the guest has noted, held against the list of what the WIT has: together with
 * the rows of WebAssembly text (`functions.test.ts`) every function of every interface is called, its errors included.
 */
import { once } from 'node:events';
import dgram from 'node:dgram';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { REQUEST_IS_TYPED } from '../../src/wire/frames.ts';
import { TestBroker, volume } from '../broker/support.ts';
import { assignmentOf, bundleOf } from '../cell/kit/bundle.ts';
import { Peer } from '../cell/kit/peer.ts';
import { attachBroker } from '../cell/kit/seat.ts';
import { coreImportsOf } from './kit/functions.ts';
import { INTERFACE, PACKAGES, scriptGuest } from './kit/script.ts';
import { AFTER, BEFORE, EXCUSED, NEVER_WELL, SCRIPTS, type Places, type Script } from './tables/scripts.ts';
import { TABLES } from './tables/tables.ts';

const CONCURRENCY = 4;
const ROWS = TABLES.flatMap(({ rows }) => rows);

/** `descriptor.open-at` and `Descriptor.openAt` are one. */
const plain = (name: string): string => name.toLowerCase().replaceAll('-', '');

let peer: Peer;
let attach: () => void;
let places: Places;
const broker = new TestBroker({
  http: { maxBodyBytes: 1 },
  resolve: (name) =>
    name === 'db.example'
      ? Promise.resolve([{ address: '127.0.0.1', family: 4 }])
      : Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
});
const echo = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket));
const datagrams = dgram.createSocket('udp4');
/** What was called, and how it ended: `descriptor.openat Value`. */
const seen = new Set<string>();

beforeAll(async () => {
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  datagrams.on('message', (bytes, from) => datagrams.send(`re:${bytes.toString()}`, from.port, from.address));
  datagrams.bind(0, '127.0.0.1');
  await once(datagrams, 'listening');
  const free = net.createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;
  places = { echo: portOf(echo), datagrams: datagrams.address().port, free: portOf(free) };
  free.close();
  const peers: Grant = {
    name: 'peers',
    capability: 'sockets',
    settings: {
      protocols: ['Tcp', 'Udp'],
      hosts: ['127.0.0.1'],
      ports: [places.echo, places.datagrams, places.free],
      listen: [`127.0.0.1:${places.free}`],
    },
    enforcement: 'Enforce',
  };
  const names: Grant = {
    name: 'names',
    capability: 'nameLookup',
    settings: { hosts: ['db.example', 'no.example'] },
    enforcement: 'Enforce',
  };
  const bundle = await bundleOf(await scriptGuest());
  peer = await Peer.start();
  const settings = {
    concurrency: CONCURRENCY,
    env: [['GREETING', 'hi']],
    args: ['one'],
    mounts: [{ mountPath: '/media', volume: 'media', mayWrite: true }],
  } as const;
  await peer.load(assignmentOf(bundle, settings), bundle);
  attach = () =>
    attachBroker(broker, peer, {
      component: 'shop/script',
      concurrency: CONCURRENCY,
      grants: [volume('media'), peers, names],
    });
  attach();
});
afterAll(async () => {
  await peer.close();
  broker.close();
  echo.close();
  datagrams.close();
});

async function run(code: string): Promise<string> {
  const request = { method: 'POST', path: `${INTERFACE}#run`, headers: ['content-type', 'application/json'] };
  const answer = await peer.ask(1, {
    ...request,
    body: Buffer.from(JSON.stringify({ code })),
    flags: REQUEST_IS_TYPED,
  });
  if (answer.status !== 200) return `${answer.outcome}: ${answer.text}${answer.body.toString()}`;
  const { said, calls } = JSON.parse(JSON.parse(answer.body.toString()) as string) as { said: string; calls: string[] };
  for (const call of calls) seen.add(call.replace(/^\S+/, plain));
  return said;
}

const expected = ({ says }: Script): unknown => (typeof says === 'string' ? says : expect.stringMatching(says));
const rows = (scripts: readonly Script[]) => scripts.map((script) => [script.what, script] as const);

describe('a guest in JavaScript', () => {
  test.each(rows([...SCRIPTS, BEFORE]))('%s', async (_what, script) => {
    expect(await run(script.code(places))).toEqual(expected(script));
  });
});

describe('and with another broker', () => {
  beforeAll(() => {
    // The old one reads no more.
    peer.brokerEnd.removeAllListeners('data');
    attach();
  });
  test.each(rows(AFTER))('%s', async (_what, script) => {
    expect(await run(script.code(places))).toEqual(expected(script));
  });
});

test('with the rows of text, every function of every interface was called, and ended well and with an error', async () => {
  const all = (await coreImportsOf(PACKAGES)).filter(({ isDrop }) => !isDrop);
  const has = (short: string, ends: 'Value' | 'Error'): boolean =>
    seen.has(`${plain(short)} ${ends}`) || ROWS.some((row) => row.of === short && row.ends === ends);
  const called = (short: string): boolean =>
    has(short, 'Value') || has(short, 'Error') || ROWS.some((row) => row.of === short);
  expect(all.filter(({ short }) => !called(short)).map(({ short }) => short)).toEqual([]);
  const failing = all.filter(({ canFail }) => canFail).map(({ short }) => short);
  const excused = Object.assign({}, ...TABLES.map(({ neverFail }) => neverFail), EXCUSED) as Record<string, string>;
  expect(failing.filter((short) => !has(short, 'Error') && !Object.hasOwn(excused, short))).toEqual([]);
  expect(failing.filter((short) => !has(short, 'Value'))).toEqual(
    failing.filter((short) => Object.hasOwn(NEVER_WELL, short)),
  );
  // What is excused here does not fail in secret.
  expect(Object.keys(EXCUSED).filter((short) => !failing.includes(short) || has(short, 'Error'))).toEqual([]);
});
