import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inspect } from '../../src/component/inspect.ts';
import { MAX_TYPE_DEPTH } from '../../src/component/shape/types.ts';
import { callableFunctions, MAX_WRITTEN_TYPES, uncallable } from '../../src/model/callable.ts';
import { partsOf, type ComponentShape, type WitInterface, type WitTypeRef } from '../../src/model/wit.ts';
import { cpuMs } from '../support/processor-time.ts';
import { dummyOf, example, fromText, wasi } from './support.ts';
import { corpus, KINDS } from './worlds.ts';

function shape(bytes: Uint8Array): ComponentShape {
  const result = inspect(bytes);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** A type as wasm-tools prints it in an interface that may have a name for it. */
function printed({ types, resources }: ComponentShape, within: WitInterface, ref: WitTypeRef): string {
  if (typeof ref === 'string') return ref;
  const named = within.types.find((item) => item.type === ref);
  if (named) return named.name;
  const type = types[ref]!;
  const print = (part: WitTypeRef | undefined): string =>
    part === undefined ? '_' : printed({ types, resources } as ComponentShape, within, part);
  switch (type.kind) {
    case 'list':
      return `list<${print(type.element)}>`;
    case 'option':
      return `option<${print(type.some)}>`;
    case 'tuple':
      return `tuple<${type.types.map(print).join(', ')}>`;
    case 'result':
      if (type.err !== undefined) return `result<${print(type.ok)}, ${print(type.err)}>`;
      return type.ok === undefined ? 'result' : `result<${print(type.ok)}>`;
    case 'own':
    case 'borrow': {
      const name = within.resources.find((item) => item.resource === type.resource)?.name;
      return type.kind === 'own' ? String(name) : `borrow<${name}>`;
    }
    default:
      return `a ${type.kind} without a name`;
  }
}

function functionLines(whole: ComponentShape): string[] {
  return [...whole.imports.interfaces, ...whole.exports.interfaces].flatMap((within) =>
    within.functions
      .filter(({ name }) => !name.startsWith('['))
      .map(({ name, params, result }) => {
        const list = params.map((param) => `${param.name}: ${printed(whole, within, param.type)}`).join(', ');
        return `${name}: func(${list})${result === undefined ? '' : ` -> ${printed(whole, within, result)}`};`;
      }),
  );
}

/** Functions outside of resources, one line each. */
function functionsIn(wit: string): Set<string> {
  const plain = wit.replaceAll(/\/\/.*$/gm, '').replaceAll(/resource [a-z-]+ \{[^}]*\}/g, '');
  // A name for a primitive is not in the binary's functions.
  const named = plain.replaceAll(/(?<![-\w])(?:instant|duration)(?![-\w])/g, 'u64');
  const found = named.matchAll(/%?([a-z0-9-]+): func\(([^)]*)\)([^;]*);/g);
  const flat = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('%', '').trim().replace(/,$/, '');
  return new Set(
    [...found].map(([, name, params, rest]) => `${name}: func(${flat(params!)})${rest!.trim() && ` ${flat(rest!)}`};`),
  );
}

describe('the shape of a component', () => {
  test('has the functions and types of the WIT that it was made from, to the letter', async () => {
    const written = functionsIn(`${KINDS}\n${wasi()}`);
    let compared = 0;
    for (const [name, bytes] of (await corpus()).slice(0, 4)) {
      const ours = functionLines(shape(bytes));
      expect(
        ours.filter((line) => !written.has(line)),
        name,
      ).toEqual([]);
      compared += ours.length;
    }
    expect(compared).toBeGreaterThan(30);
    const kinds = functionLines(shape(await dummyOf(`package test:t; ${KINDS} world w { export kinds; }`)));
    expect(new Set(kinds)).toEqual(functionsIn(KINDS));
  });

  test('tells resources apart: one that comes in is not one that goes out, and each has its origin', async () => {
    const corpusOf = new Map(await corpus());
    expect(shape(corpusOf.get('types both ways')!).resources).toEqual([
      { origin: 'Import', interface: 'test:t/kinds', name: 'thing' },
      { origin: 'Export', interface: 'test:t/kinds', name: 'thing' },
    ]);
    const { resources, imports } = shape(corpusOf.get('all of WASI')!);
    const pollable = resources.findIndex((resource) => resource.name === 'pollable');
    expect(resources[pollable]!.interface).toBe('wasi:io/poll@0.2.12');
    // The same resource under a name of another interface keeps its position.
    const sockets = imports.interfaces.find((item) => item.name === 'wasi:sockets/tcp@0.2.12')!;
    expect(sockets.resources.find((item) => item.name === 'pollable')!.resource).toBe(pollable);
  });

  test('refers to types before it only, and to each type once', async () => {
    for (const [, bytes] of await corpus()) {
      const { types } = shape(bytes);
      expect(new Set(types.map((type) => JSON.stringify(type))).size).toBe(types.length);
      for (const [index, type] of types.entries()) {
        for (const part of partsOf(type)) if (typeof part === 'number') expect(part).toBeLessThan(index);
      }
    }
  });

  test('follows what is put together by instantiation, to the identity of a resource', async () => {
    // Two components in one, the second of which exports what it was given of the first.
    const whole = shape(
      await fromText(`(component
        (type $r (resource (rep i32)))
        (component $shim
          (import "t" (type $t (sub resource)))
          (import "f" (func $f (param "x" (own $t))))
          (export $e "thing" (type $t))
          (export "take" (func $f) (func (param "x" (own $e)))))
        (core module $m (func (export "f") (param i32)))
        (core instance $i (instantiate $m))
        (func $f (param "x" (own $r)) (canon lift (core func $i "f")))
        (instance $s (instantiate $shim (with "t" (type $r)) (with "f" (func $f))))
        (export "a:b/c@1.0.0" (instance $s)))`),
    );
    expect(whole.resources).toEqual([{ origin: 'Export', interface: 'a:b/c@1.0.0', name: 'thing' }]);
    expect(whole.types[whole.exports.interfaces[0]!.functions[0]!.params[0]!.type as number]).toEqual({
      kind: 'own',
      resource: 0,
    });
  });
});

describe('bounds', () => {
  const nested = (depth: number): string =>
    `(component ${Array.from({ length: depth }, (_, index) => `(type (list ${index === 0 ? 'u8' : index - 1}))`).join(' ')})`;

  test('of types within each other', async () => {
    expect(inspect(await fromText(nested(MAX_TYPE_DEPTH))).ok).toBe(true);
    const beyond = inspect(await fromText(nested(MAX_TYPE_DEPTH + 1)));
    expect(beyond).toMatchObject({
      ok: false,
      error: { code: 'HW2104', message: expect.stringContaining(`${MAX_TYPE_DEPTH} value types`) },
    });
  });

  test('of components that double with each level: the items that they come to are counted', async () => {
    // 2^30 instances of a component of nine hundred bytes.
    let inner = '(component $c0 (type (list u8)) (export "t" (type 0)))';
    for (let level = 1; level <= 14; level += 1) {
      inner = `(component $c${level} ${inner} ${`(instance (instantiate $c${level - 1}))`.repeat(8)})`;
    }
    const startMs = cpuMs();
    const result = inspect(await fromText(`(component ${inner} (instance (instantiate $c14)))`));
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'HW2104', message: expect.stringContaining('when it is put together') },
    });
    expect(cpuMs() - startMs).toBeLessThan(5_000);
  });

  test('of a function written out', () => {
    const doubled = (levels: number): ComponentShape => ({
      types: Array.from({ length: levels }, (_, index) => ({
        kind: 'tuple',
        types: index === 0 ? ['u8'] : [index - 1, index - 1],
      })),
      resources: [],
      imports: { interfaces: [], functions: [] },
      exports: { interfaces: [], functions: [] },
    });
    const why = (levels: number): string | undefined =>
      uncallable(doubled(levels), 'a:b/c', { name: 'f', params: [{ name: 'x', type: levels - 1 }] });
    // 2^n - 1 types and 2^(n-1) primitives.
    expect(why(12)).toBeUndefined();
    expect(why(13)).toContain(`more than ${MAX_WRITTEN_TYPES} parts`);
    expect(why(40)).toContain(`more than ${MAX_WRITTEN_TYPES} parts`);
  });

  test('whatever the bytes are, inspection ends in a shape or a problem', () => {
    const real = ['greeting-v1', 'greeting-js', 'testbed-records'].map(example);
    const damaged = fc
      .tuple(
        fc.constantFrom(...real),
        fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 3,
        }),
      )
      .map(([base, flips]) => {
        // Types stand behind the core modules: the last fifth of the file.
        const bytes = Uint8Array.from(base);
        for (const [at, by] of flips) bytes[Math.floor(bytes.length * (0.8 + at / 5))]! ^= by;
        return bytes;
      });
    const ends = fc.property(damaged, (bytes) => typeof inspect(bytes).ok === 'boolean');
    expect(fc.check(ends, { numRuns: 300 }).counterexample).toBeNull();
  });
});

describe('what can be called', () => {
  test('is what has neither resources in it nor belongs to the runtime', async () => {
    const whole = shape(
      await dummyOf(`package test:t;
        interface api {
          resource thing { size: func() -> u32; }
          plain: func(a: list<string>) -> option<u8>;
          lend: func(a: option<borrow<thing>>);
          make: func() -> result<thing, string>;
        }
        world w { export api; }`),
    );
    expect(callableFunctions(whole).map((item) => item.function.name)).toEqual(['plain']);
    const [api] = whole.exports.interfaces;
    const reasons = Object.fromEntries(api!.functions.map((item) => [item.name, uncallable(whole, api!.name, item)]));
    expect(reasons).toEqual({
      '[method]thing.size': 'it belongs to a resource, and resources have no JSON',
      plain: undefined,
      lend: 'its parameter a holds a resource, and resources have no JSON',
      make: 'its result holds a resource, and resources have no JSON',
    });
    expect(callableFunctions(shape(example('testbed-records')))).toEqual([]);
    // It exports `init`, which would load another script.
    expect(callableFunctions(shape(example('greeting-js')))).toEqual([]);
  });
});
