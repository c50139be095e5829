/** Random modules that call each other: what is found is what a closure by hand finds, and what is called says the same. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { suspensionOf } from '../../src/component/reach/waiting.ts';
import { loadTranspiler } from '../../src/component/transpile.ts';
import { load } from './run.ts';
import { admittedOf, componentOf, GIVEN, IMPORTED, preparedOf } from './waits.ts';

const FUNCTIONS = 5;
const TABLE_SIZE = 4;
/** `wait` and `go` come before a module's own functions and those of the module before it. */
const HOST_FUNCTIONS = 2;
const WAIT = 'wait';

/** Tables: 0 is one and the same in all modules, 1 is each module's own. */
type Operation =
  | { readonly is: 'call'; readonly index: number }
  | { readonly is: 'at'; readonly table: number; readonly signature: number; readonly place: number }
  | { readonly is: 'any'; readonly table: number; readonly signature: number; readonly place: number }
  | { readonly is: 'set'; readonly table: number; readonly index: number; readonly place: number }
  | { readonly is: 'init'; readonly table: number }
  | { readonly is: 'reference'; readonly index: number };

interface Module {
  readonly functions: readonly { readonly signature: number; readonly operations: readonly Operation[] }[];
  readonly segments: readonly { readonly table: number; readonly place: number; readonly index: number }[];
  readonly passive: readonly number[];
}

const table = fc.nat(1);
const signature = fc.nat(1);
const place = fc.nat(TABLE_SIZE - 1);
const index = fc.nat(HOST_FUNCTIONS + 2 * FUNCTIONS - 1);
const operation = (changes: boolean): fc.Arbitrary<Operation> =>
  fc.oneof(
    { arbitrary: fc.record({ is: fc.constant('call' as const), index }), weight: 5 },
    { arbitrary: fc.record({ is: fc.constant('at' as const), table, signature, place }), weight: 3 },
    { arbitrary: fc.record({ is: fc.constant('any' as const), table, signature, place }), weight: 1 },
    { arbitrary: fc.record({ is: fc.constant('reference' as const), index }), weight: 1 },
    ...(changes
      ? [
          { arbitrary: fc.record({ is: fc.constant('set' as const), table, index, place }), weight: 1 },
          { arbitrary: fc.record({ is: fc.constant('init' as const), table }), weight: 1 },
        ]
      : []),
  );
const module = (changes: boolean): fc.Arbitrary<Module> =>
  fc.record({
    functions: fc.array(fc.record({ signature, operations: fc.array(operation(changes), { maxLength: 2 }) }), {
      minLength: FUNCTIONS,
      maxLength: FUNCTIONS,
    }),
    segments: fc.array(fc.record({ table, place, index }), { maxLength: 6 }),
    passive: fc.array(index, { maxLength: 2 }),
  });
const modules = fc.boolean().chain((changes) => fc.array(module(changes), { minLength: 1, maxLength: 3 }));

/** Which function an index of a module means: `wait`, `go`, or `2.3`, the fourth of the third module. */
function meant(at: number, item: number): string {
  if (item < HOST_FUNCTIONS) return item === 0 ? WAIT : 'go';
  const own = item - HOST_FUNCTIONS;
  if (at === 0) return `0.${own % FUNCTIONS}`;
  return own < FUNCTIONS ? `${at - 1}.${own}` : `${at}.${own - FUNCTIONS}`;
}

const signatureOf = (all: readonly Module[], name: string): number => {
  const [at, own] = name.split('.').map(Number);
  return own === undefined ? 0 : all[at!]!.functions[own]!.signature;
};
const tableOf = (at: number, item: number): string => (item === 0 ? 'shared' : `own ${at}`);

/** By the letter, without a thought for time. */
function closure(all: readonly Module[]): readonly string[] {
  const put: { table: string; place: number; name: string }[] = [];
  const values: string[] = [];
  const changed = new Set<string>();
  for (const [at, one] of all.entries()) {
    for (const item of one.segments) put.push({ ...item, table: tableOf(at, item.table), name: meant(at, item.index) });
    values.push(...one.segments.map((item) => meant(at, item.index)), ...one.passive.map((item) => meant(at, item)));
    for (const item of one.functions.flatMap(({ operations }) => operations)) {
      if (item.is === 'set' || item.is === 'reference') values.push(meant(at, item.index));
      if (item.is === 'set' || item.is === 'init') changed.add(tableOf(at, item.table));
    }
  }
  const targets = (at: number, item: Operation): readonly string[] => {
    if (item.is === 'call') return [meant(at, item.index)];
    if (item.is === 'set' || item.is === 'init') return [];
    const wanted = item.is === 'reference' ? signatureOf(all, meant(at, item.index)) : item.signature;
    const held = (): readonly string[] => {
      if (item.is === 'reference' || changed.has(tableOf(at, item.table))) return values;
      const there = put.filter((one) => one.table === tableOf(at, item.table));
      return there.filter((one) => item.is === 'any' || one.place === item.place).map(({ name }) => name);
    };
    return held().filter((name) => signatureOf(all, name) === wanted);
  };
  const found = new Set([WAIT]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const [at, one] of all.entries()) {
      for (const [own, { operations }] of one.functions.entries()) {
        if (operations.some((item) => targets(at, item).some((name) => found.has(name)))) found.add(`${at}.${own}`);
      }
    }
  }
  return [...found];
}

/** Every function gives up where the fuel is spent, for calls go in circles. */
function textOf(all: readonly Module[]): string {
  const parts = all.map((one, at) => moduleText(all, one, at));
  const instances = all.map((_one, at) => {
    const before = at === 0 ? '' : `(with "before" (instance $i${at - 1})) (with "first" (instance $i0))`;
    return `(core instance ${at === all.length - 1 ? '$main' : `$i${at}`} (instantiate $m${at} ${GIVEN} ${before}))`;
  });
  return componentOf([...parts, ...instances].join('\n'), exportsOf(all));
}

/** Functions of the last module without parameters. */
function exportsOf(all: readonly Module[]): readonly string[] {
  return all.at(-1)!.functions.flatMap((item, own) => (item.signature === 0 ? [`f${own}`] : []));
}

const typeText = (one: number): string => (one === 0 ? '(result i32)' : '(param i32) (result i32)');
const named = (name: string): string => (name.includes('.') ? `$f${name.replace('.', '_')}` : `$${name}`);

function moduleText(all: readonly Module[], one: Module, at: number): string {
  const before = at === 0 ? [] : all[at - 1]!.functions;
  const functions = one.functions.map((item, own) => {
    const code = item.operations.map((each) => operationText(all, each, at)).join('\n');
    return `(func ${named(`${at}.${own}`)} (export "f${own}") ${typeText(item.signature)}
      (if (i32.eqz (global.get $fuel)) (then (return (i32.const 0))))
      (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1))) ${code} (i32.const 0))`;
  });
  const values = Array.from({ length: HOST_FUNCTIONS + 2 * FUNCTIONS }, (_, item) => meant(at, item));
  // What is only declared puts nothing anywhere, so it must not make a function of a table's.
  const declared = new Set(
    one.functions.flatMap(({ operations }) =>
      operations.flatMap((each) => (each.is === 'set' || each.is === 'reference' ? [values[each.index]!] : [])),
    ),
  );
  return `(core module $m${at} (type $s0 (func (result i32))) (type $s1 (func (param i32) (result i32))) ${IMPORTED}
    ${before.map((item, own) => `(import "before" "f${own}" (func $f${at - 1}_${own} ${typeText(item.signature)}))`).join(' ')}
    ${at === 0 ? '(table $t0 (export "t") 4 4 funcref)' : '(import "first" "t" (table $t0 4 4 funcref))'}
    (table $t1 4 4 funcref) (global $fuel (mut i32) (i32.const 60)) (global $at (mut i32) (i32.const 0))
    ${one.segments.map((item) => `(elem (table $t${item.table}) (i32.const ${item.place}) func ${named(values[item.index]!)})`).join(' ')}
    (elem $passive func ${one.passive.map((item) => named(values[item]!)).join(' ')})
    (elem declare func ${[...declared].map(named).join(' ')})
    ${functions.join('\n')})`;
}

function operationText(all: readonly Module[], item: Operation, at: number): string {
  const argument = (one: number): string => (one === 0 ? '' : '(i32.const 1)');
  switch (item.is) {
    case 'call': {
      const name = meant(at, item.index);
      return `(drop (call ${named(name)} ${argument(signatureOf(all, name))}))`;
    }
    case 'at':
      return `(drop (call_indirect $t${item.table} (type $s${item.signature}) ${argument(item.signature)} (i32.const ${item.place})))`;
    case 'any':
      return `(drop (call_indirect $t${item.table} (type $s${item.signature}) ${argument(item.signature)}
        (i32.add (global.get $at) (i32.const ${item.place}))))`;
    case 'set':
      return `(table.set $t${item.table} (i32.const ${item.place}) (ref.func ${named(meant(at, item.index))}))`;
    case 'init':
      return `(table.init $t${item.table} $passive (i32.const 0) (i32.const 0) (i32.const 0))`;
    case 'reference': {
      const name = meant(at, item.index);
      const one = signatureOf(all, name);
      return `(drop (call_ref $s${one} ${argument(one)} (ref.func ${named(name)})))`;
    }
  }
}

function expectedOf(all: readonly Module[]): readonly string[] {
  const found = closure(all);
  return exportsOf(all).filter((name) => found.includes(`${all.length - 1}.${name.slice(1)}`));
}

beforeAll(loadTranspiler);

test('what is found is the closure of the calls', async () => {
  let some = 0;
  await fc.assert(
    fc.asyncProperty(modules, async (all) => {
      const exported = exportsOf(all);
      fc.pre(exported.length > 0);
      const admitted = await admittedOf(textOf(all));
      // Imports that nobody takes are none; these are taken by every module.
      const found = suspensionOf(admitted).exports;
      expect([...found].sort()).toEqual([...expectedOf(all)].sort());
      if (found.length > 0 && found.length < exported.length) some += 1;
    }),
    { numRuns: 300 },
  );
  // Samples of which all or none can wait prove little.
  expect(some).toBeGreaterThan(60);
});

test('what is found not to wait never tries to', async () => {
  await fc.assert(
    fc.asyncProperty(modules, async (all) => {
      fc.pre(exportsOf(all).length > 0);
      const prepared = await preparedOf(textOf(all));
      const make = await load(prepared);
      for (const name of exportsOf(all)) {
        // A trap is the end of an instance: each call has one of its own.
        const called = make({ 'test:t/host': { wait: () => Promise.resolve(1), go: () => 1 } }) as object;
        const answer = attempt(() => (called as Record<string, () => unknown>)[name]!());
        const waits = prepared.blockingExports.includes(name);
        expect(answer instanceof Promise).toBe(waits);
        // Empty places and other signatures trap, as they should.
        expect(String(await Promise.resolve(answer).catch(String))).not.toMatch(/suspend/i);
      }
    }),
    { numRuns: 40 },
  );
});

/** What it throws at once, as its text. */
function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (thrown) {
    return String(thrown);
  }
}
