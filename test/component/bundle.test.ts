import { beforeAll, describe, expect, test } from 'vitest';
import { admit } from '../../src/component/admission/admit.ts';
import { prepareComponent, type Prepared } from '../../src/component/job.ts';
import { loadTranspiler, transpile } from '../../src/component/transpile.ts';
import { instantiate, tinyHost } from './run.ts';
import { dummyOf, example, fromCore, fromText, MIB } from './support.ts';

beforeAll(loadTranspiler);

const HANDLER = 'wasi:http/incoming-handler@0.2.12';
const NOTHING = { capabilities: [], links: [] };

function prepare(bytes: Uint8Array, memoryBytes = 64 * MIB): Prepared {
  const result = prepareComponent({ bytes, memoryBytes, given: NOTHING });
  if (!result.ok) throw new Error(`${result.error.code} ${result.error.message}`);
  return result.value;
}

/** jco's own text for the same component, as it comes out of the transpiler. */
function stockSource(bytes: Uint8Array): string {
  const admitted = admit(bytes, 64 * MIB);
  if (!admitted.ok) throw new Error(admitted.error.message);
  const transpiled = transpile(admitted.value);
  if (!transpiled.ok) throw new Error(transpiled.error.message);
  return transpiled.value.source;
}

describe('a bundle keeps what the README of the room promises', () => {
  test('its files, names and order', () => {
    const prepared = prepare(example('greeting-v1'));
    expect(prepared.files[0]!.name).toBe('component.js');
    expect(prepared.files.slice(1).map((file) => file.name)).toEqual([
      'component.core.wasm',
      'component.core2.wasm',
      'component.core3.wasm',
      'types.json',
    ]);
    expect(prepared).toMatchObject({ tier: 'fast', blockingExports: [`${HANDLER}#handle`] });
  });

  test.each([true, false])(
    'a wasi:http handler answers, and its call is a promise (the host suspends: %s)',
    async (suspend) => {
      const { answer, imports, call } = tinyHost('/healthz', suspend);
      const exports = await instantiate(prepare(example('greeting-v1')), imports);
      const promise = exports[HANDLER]!['handle']!(...call());
      expect(promise).toBeInstanceOf(Promise);
      await promise;
      expect(answer).toMatchObject({ status: 200, streams: [{ dropped: true }] });
      expect(answer.body).not.toBe('');
    },
  );

  test('a component that never blocks is synchronous', async () => {
    const prepared = prepare(example('greeting-js'));
    expect(prepared.blockingExports).toEqual([]);
    const exports = await instantiate(prepared, {});
    const request = {
      method: 'GET',
      pathWithQuery: '/',
      authority: 'a',
      scheme: 'http',
      headers: [],
      body: new Uint8Array(),
    };
    const response = exports['headway:http/handler@0.1.0']!['handle']!(request) as { status: number; body: Uint8Array };
    expect(response.status).toBe(200);
    expect(response.body).toBeInstanceOf(Uint8Array);
  });

  test('an exported result returns its ok and throws its err as it is', async () => {
    const core = `(module (memory (export "memory") 1)
      (data (i32.const 16) "no")
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 32)
      (func (export "test:t/sides#choose") (param i32) (result i32)
        (i32.store8 (i32.const 0) (local.get 0))
        (if (local.get 0) (then (i32.store (i32.const 4) (i32.const 16)) (i32.store (i32.const 8) (i32.const 2)))
                          (else (i32.store (i32.const 4) (i32.const 7))))
        i32.const 0))`;
    const wit =
      'package test:t; interface sides { choose: func(fail: bool) -> result<u32, string>; } world w { export sides; }';
    const exports = await instantiate(prepare(await fromCore(core, wit)), {});
    expect(exports['test:t/sides']!['choose']!(false)).toBe(7);
    let thrown: unknown;
    try {
      exports['test:t/sides']!['choose']!(true);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe('no');
  });

  test('memory stops growing at limits.memory, in the file that a cell compiles', async () => {
    const core = `(module (memory (export "memory") 1)
      (func (export "test:t/grows#grow") (result i32) (memory.grow (i32.const 1))))`;
    const wit = 'package test:t; interface grows { grow: func() -> s32; } world w { export grows; }';
    const exports = await instantiate(prepare(await fromCore(core, wit), 4 * 65_536), {});
    const grow = exports['test:t/grows']!['grow']!;
    expect([grow(), grow(), grow(), grow()]).toEqual([1, 2, 3, -1]);
  });
});

describe('quiet bindings do what jco’s own do', () => {
  test.each(['/', '/healthz', '/nowhere?x=1'])('the greeting in C at %s', async (path) => {
    const bytes = example('greeting-v1');
    const prepared = prepare(bytes);
    const answers = [];
    for (const source of [undefined, stockSource(bytes)]) {
      const { answer, imports, call } = tinyHost(path, true);
      const exports = await instantiate(prepared, imports, source);
      for (let round = 0; round < 3; round += 1) {
        await exports[HANDLER]!['handle']!(...call());
      }
      answers.push({ ...answer, streams: answer.streams.map((stream) => stream.dropped) });
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]!.status).toBeGreaterThanOrEqual(200);
  });

  test('a trap is a trap, and the instance stays trapped', async () => {
    const core = '(module (func (export "test:t/traps#now") unreachable) (func (export "test:t/traps#later")))';
    const wit = 'package test:t; interface traps { now: func(); later: func(); } world w { export traps; }';
    const bytes = await fromCore(core, wit);
    const prepared = prepare(bytes);
    for (const source of [undefined, stockSource(bytes)]) {
      const exports = await instantiate(prepared, {}, source);
      expect(() => exports['test:t/traps']!['now']!()).toThrow(WebAssembly.RuntimeError);
      expect(() => exports['test:t/traps']!['later']!()).toThrow(/cannot enter component instance/);
    }
  });
});

describe('refusals on the way', () => {
  test('an import that was not granted, before anything is transpiled', () => {
    const result = prepareComponent({ bytes: example('greeting-ungranted'), memoryBytes: 64 * MIB, given: NOTHING });
    expect(result).toMatchObject({ ok: false, error: { code: 'HW2111' } });
    expect(result.ok || result.error.message).toContain('wasi:http/outgoing-handler@0.2.12');
    expect(result.ok || result.error.remedy).toContain('outboundHttp');
  });

  test.each([
    ['own-the-host', 'f: func() -> u32'],
    // What every object has is no function of the host.
    ['to-string', 'f: func() -> string'],
    ['value-of', 'f: func() -> u32'],
  ])('a function that the interface does not have here: %s', async (name, signature) => {
    const random = 'wasi:random/random@0.2.99';
    const bytes = await dummyOf(
      `package test:t;\nworld w { import ${random}; export run: func(); }\n` +
        `package wasi:random@0.2.99 { interface random { get-random-u64: func() -> u64; ${signature.replace('f', name)}; } }`,
    );
    const result = prepareComponent({ bytes, memoryBytes: 64 * MIB, given: NOTHING });
    expect(result).toMatchObject({ ok: false, error: { code: 'HW2112', policy: 'Terminal' } });
    expect(result.ok || result.error.message).toBe(
      `the component imports ${name} of ${random}; the host's wasi:random/random has no such function`,
    );
    const links = [{ import: random }];
    expect(prepareComponent({ bytes, memoryBytes: 64 * MIB, given: { ...NOTHING, links } }).ok).toBe(true);
  });

  test('a binary that the walk lets through and the transpiler does not', async () => {
    // An index that nothing has: well-formed to the walk, which does not count functions.
    const bytes = await fromText('(component (core module (func (export "a") (call 99))))');
    expect(prepareComponent({ bytes, memoryBytes: MIB, given: NOTHING })).toMatchObject({
      ok: false,
      error: { code: 'HW2201', policy: 'Terminal' },
    });
  });
});
