/** Calls of exported functions with parameters by name, as a firing makes them, in a real cell. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_TOLD_CHARACTERS } from '../../src/cell/serve/typed-call.ts';
import { FromCell, ToCell } from '../../src/wire/frames.ts';
import { fromCore } from '../component/support.ts';
import { assignmentOf, bundleOf } from './kit/bundle.ts';
import { MEMORY } from './kit/json-types.ts';
import { Peer } from './kit/peer.ts';

const WIT = `package test:t@1.2.0;
  interface api {
    enum colour { red, dark-green }
    silent: func();
    add: func(first-part: u8, b: option<u8>) -> u32;
    check: func(code: u32) -> result<string, colour>;
    bare: func(code: u32) -> result;
    crash: func(code: u32) -> u32;
    long: func(count: u32) -> list<u64>;
  }
  world w { export api; }`;

const CORE = `(module ${MEMORY}
  (data (i32.const 16) "fine")
  (func (export "test:t/api@1.2.0#silent"))
  (func (export "test:t/api@1.2.0#add") (param i32 i32 i32) (result i32) (i32.add (local.get 0) (local.get 2)))
  (func (export "test:t/api@1.2.0#check") (param i32) (result i32)
    (i32.store (i32.const 1024) (i32.ne (local.get 0) (i32.const 0)))
    (if (i32.eqz (local.get 0))
      (then (i32.store (i32.const 1028) (i32.const 16)) (i32.store (i32.const 1032) (i32.const 4)))
      (else (i32.store8 (i32.const 1028) (local.get 0))))
    (i32.const 1024))
  (func (export "test:t/api@1.2.0#bare") (param i32) (result i32) (i32.ne (local.get 0) (i32.const 0)))
  (func (export "test:t/api@1.2.0#crash") (param i32) (result i32) unreachable)
  (func (export "test:t/api@1.2.0#long") (param i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 65536)) (i32.store (i32.const 1028) (local.get 0)) (i32.const 1024)))`;

/** Of the same release line as what the component exports. */
const NAME = 'test:t/api@1.0.0';
let peer: Peer;
beforeAll(async () => {
  const bundle = await bundleOf(await fromCore(CORE, WIT));
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle), bundle);
}, 60_000);
afterAll(() => peer.close());

let lastId = 0;
async function call(name: string, parameters: unknown, interfaceName = NAME): Promise<unknown> {
  const id = (lastId += 1);
  peer.writer.json(ToCell.Call, id, { interface: interfaceName, function: name, args: [], parameters });
  const { payload } = await peer.frame(FromCell.CallResult, id);
  return JSON.parse(payload.toString()) as unknown;
}

describe('a call with parameters by name', () => {
  test.each([
    ['silent', {}, { ok: null }],
    ['add', { 'first-part': 2, b: 40 }, { ok: '42' }],
    ['add', { 'first-part': 2 }, { ok: '2' }],
    ['check', { code: 0 }, { ok: '"fine"' }],
    ['check', { code: 1 }, { err: '"dark-green"' }],
    ['bare', { code: 0 }, { ok: null }],
    ['bare', { code: 1 }, { err: null }],
  ])('%s %j', async (name, parameters, expected) => {
    expect(await call(name, parameters)).toEqual(expected);
  });

  test.each([
    ['add', { 'first-part': 256 }, 'HW4610 expected an integer from 0 to 255 (u8), found 256 at /first-part'],
    ['add', {}, 'HW4610 expected an object with first-part, b, found nothing at /first-part'],
    ['crash', { code: -1 }, 'HW4610 expected an integer from 0 to 4294967295 (u32), found -1 at /code'],
    ['crash', {}, 'HW4610 expected an object with code, found nothing at /code'],
    ['gone', { a: 1 }, `HW4610 this release has no function ${NAME}#gone that can be called with JSON`],
  ])('does not call %s with %j', async (name, parameters, err) => {
    expect(await call(name, parameters)).toEqual({ err });
  });

  test('a function that is not there, and nothing to give it, is a trap as before', async () => {
    expect(await call('gone', {})).toEqual({ trap: expect.stringContaining(`does not export ${NAME}#gone`) });
    expect(await call('silent', {}, 'test:t/api@2.0.0')).toEqual({ trap: expect.stringContaining('does not export') });
  });

  test('a trap is a trap, and what its bindings give has to be of its type', async () => {
    expect(await call('crash', { code: 1 })).toEqual({ trap: expect.stringContaining('unreachable') });
    // The bindings trap, or we do: a colour of this number is none.
    expect(await call('check', { code: 7 })).toEqual({ trap: expect.any(String) });
    expect(await call('check', { code: 0 })).toEqual({ ok: '"fine"' });
  });

  test('tells what was returned up to a bound, and a longer one fails nothing', async () => {
    // An integer of 0 is `"0"`, and a comma between them: 4 n + 1.
    const told = async (count: number): Promise<string> => {
      const { ok } = (await call('long', { count })) as { ok: string };
      return ok;
    };
    const [fits, cut] = [await told(255), await told(256)];
    expect([fits.length, fits.at(-1)]).toEqual([MAX_TOLD_CHARACTERS - 3, ']']);
    expect([cut.length, cut.at(-1)]).toEqual([MAX_TOLD_CHARACTERS, '…']);
    // The brackets are no part of what is bounded while it grows.
    expect(await told(16_384)).toHaveLength(MAX_TOLD_CHARACTERS);
    expect(await told(16_385)).toBe('more than 65536 characters of JSON');
  });

  test('parameters that are no object break the protocol', async () => {
    peer.writer.json(ToCell.Call, 99, { interface: NAME, function: 'silent', args: [], parameters: [] });
    expect((await peer.exited()).code).not.toBe(0);
  });
});
