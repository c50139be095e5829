/**
 * Every function of WASI 0.2, called by guests in real cells, its errors and traps included. What is called is held against
 * the list of what its WIT has; each row runs with the bindings of guests that can wait, and of those that cannot.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { HOST_FUNCTIONS } from '../../src/model/host-functions.ts';
import { assignmentOf, bundleOf } from '../cell/kit/bundle.ts';
import { Peer } from '../cell/kit/peer.ts';
import { attachBroker } from '../cell/kit/seat.ts';
import { TestBroker } from '../broker/support.ts';
import { closeUpstream, RESETTING_PORT, UPSTREAM_PORT } from './kit/upstream.ts';
import { coreImportsOf } from './kit/functions.ts';
import { guestOf } from './kit/guest.ts';
import { wholeHandle, type Row } from './kit/row.ts';
import { TABLES } from './tables/tables.ts';

const ROWS = TABLES.flatMap(({ rows }) => rows);
const SETTINGS = {
  instancePolicy: 'PerRequest',
  concurrency: 4,
  env: [['GREETING', 'hi']],
  args: ['one', 'two'],
} as const;
/** What can suspend its caller. */
const BLOCKS = /\$(?:pollable\.block|poll\.poll|[a-z-]+-stream\.blocking-[a-z-]+)\b/;
/** They never answer with a value here: what they ask for is not served. */
const NEVER_WELL: readonly string[] = ['response-outparam.send-informational'];
const WEB: Grant = {
  name: 'web',
  capability: 'outboundHttp',
  settings: { hosts: ['127.0.0.1'], schemes: ['http'], ports: [UPSTREAM_PORT] },
  enforcement: 'Enforce',
};
const PEERS: Grant = {
  name: 'peers',
  capability: 'sockets',
  settings: { protocols: ['Tcp'], hosts: ['127.0.0.1'], ports: [RESETTING_PORT] },
  enforcement: 'Enforce',
};
const GOOD = { outcome: 'Ok', status: 200, bodyText: 'hello' };

afterAll(closeUpstream);

const all = await coreImportsOf(TABLES.map((table) => table.package));
/** Of the packages whose rows are all here. */
const own = all.filter(({ interface: of }) => {
  return TABLES.some((table) => table.rest === undefined && of.startsWith(`wasi:${table.package}/`));
});

test('the rows name every function that there is, and none that there is not', () => {
  const named = new Set(ROWS.map(({ of }) => of));
  const listed = all.map(({ short }) => short);
  expect([...named].filter((short) => !listed.includes(short))).toEqual([]);
  expect(own.filter(({ short, isDrop }) => !isDrop && !named.has(short)).map(({ short }) => short)).toEqual([]);
});

test('admission knows the functions of each interface', async () => {
  const packages = ['cli', 'clocks', 'filesystem', 'http', 'io', 'random', 'sockets'];
  const called = Map.groupBy(
    (await coreImportsOf(packages)).filter(({ isDrop }) => !isDrop),
    (imported) => imported.interface,
  );
  const listed = [...called].map(([name, functions]) => [name, functions.map(({ field }) => field).sort()]);
  expect(HOST_FUNCTIONS).toEqual(Object.fromEntries(listed));
});

test('each row calls what it is about', () => {
  expect(
    ROWS.filter(({ of, handle }) => !handle.includes(`(call $${of} `)).map(({ of, what }) => `${of} ${what}`),
  ).toEqual([]);
});

test('what can answer with an error has a row for it, and one for its value', () => {
  const excused = Object.assign({}, ...TABLES.map(({ neverFail }) => neverFail)) as Record<string, string>;
  const failing = own.filter(({ canFail }) => canFail).map(({ short }) => short);
  const has = (short: string, ends: Row['ends']): boolean => ROWS.some((row) => row.of === short && row.ends === ends);
  expect(failing.filter((short) => !has(short, 'Error') && !Object.hasOwn(excused, short))).toEqual([]);
  expect(Object.keys(excused).filter((short) => !failing.includes(short) || has(short, 'Error'))).toEqual([]);
  expect(failing.filter((short) => !has(short, 'Value')).filter((short) => !NEVER_WELL.includes(short))).toEqual([]);
});

describe.each([
  ['guests that cannot wait', ROWS.filter((row) => !BLOCKS.test(wholeHandle(row)))],
  ['guests that can', ROWS],
])('%s', (_kind, rows) => {
  let cell: Peer;
  const broker = new TestBroker();

  beforeAll(async () => {
    const bundle = await bundleOf(await guestOf(rows.map(wholeHandle), all));
    cell = await Peer.start();
    await cell.load(assignmentOf(bundle, SETTINGS), bundle);
    attachBroker(broker, cell, { component: 'shop/caller', concurrency: SETTINGS.concurrency, grants: [WEB, PEERS] });
  });
  afterAll(async () => {
    await cell.close();
    broker.close();
  });

  test.each(rows.map((row, index) => [row.of, row.what, row, index] as const))(
    '%s %s',
    async (_of, _what, row, index) => {
      const answer = await cell.ask(1, { path: `/${index}`, ...row.request });
      const expected = row.ends === 'Trap' ? { outcome: 'Trap', status: undefined } : GOOD;
      const bodyText = answer.body.length < 100 ? answer.body.toString('latin1') : `${answer.body.length} bytes`;
      expect({ ...answer, body: [], bodyText }).toMatchObject({ ...expected, ...row.expected });
    },
  );
});
