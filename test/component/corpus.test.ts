import { beforeAll, expect, test } from 'vitest';
import { admit } from '../../src/component/admission/admit.ts';
import {
  ALLOWED_FORMS,
  ALLOWED_GLOBALS,
  NOT_OF_FAST,
  UNRESOLVED_IN_JCO,
} from '../../src/component/bindings/allowed.ts';
import { FAST_TRANSPILER, makeBindings, makeFastBindings } from '../../src/component/bindings/make.ts';
import { freeIdentifiers } from '../../src/component/bindings/scope.ts';
import { seal } from '../../src/component/bindings/seal.ts';
import { parseModule, printModule, visit } from '../../src/component/bindings/syntax.ts';
import { suspensionOf } from '../../src/component/reach/waiting.ts';
import { loadTranspiler, transpile } from '../../src/component/transpile.ts';
import { MIB } from './support.ts';
import { corpus } from './worlds.ts';

/** jco's own text for each component of the corpus, suspending and not. */
const sources: [string, string][] = [];
/** What the fast tier says to each of them. */
const verdicts = new Map<string, string>();
/** Its text of each. */
const fastTexts: string[] = [];
beforeAll(async () => {
  await loadTranspiler();
  for (const [name, bytes] of await corpus()) {
    const admitted = admit(bytes, 64 * MIB);
    if (!admitted.ok) throw new Error(`${name}: ${admitted.error.message}`);
    for (const blockingImports of [[], admitted.value.blockingImports]) {
      const transpiled = transpile({ ...admitted.value, blockingImports });
      if (!transpiled.ok) throw new Error(`${name}: ${transpiled.error.message}`);
      if (blockingImports.length === 0) {
        const { source, coreModules } = transpiled.value;
        const fast = makeFastBindings(source, FAST_TRANSPILER, suspensionOf(admitted.value), coreModules);
        verdicts.set(name, fast.ok ? fast.value.tier : fast.error);
        if (fast.ok) fastTexts.push(fast.value.text);
      }
      sources.push([`${name}${blockingImports.length > 0 ? ', suspending' : ''}`, transpiled.value.source]);
    }
  }
});

test('every component of the corpus gets quiet bindings', () => {
  const tiers = sources.map(([name, source]) => {
    const made = makeBindings(source);
    return `${name}: ${made.ok ? made.value.tier : made.error.message}`;
  });
  expect(tiers).toEqual(sources.map(([name]) => `${name}: quiet`));
});

test('every one gets fast bindings, also those whose nested components call each other', () => {
  expect(verdicts.size).toBe(9);
  for (const [name, verdict] of verdicts) expect([name, verdict]).toEqual([name, 'fast']);
});

test('printing changes the layout of jco’s text and nothing else', () => {
  const plain = (text: string): string =>
    JSON.stringify(parseModule(text), (key, value: unknown) => {
      if (key === 'start' || key === 'end' || key === 'raw') return undefined;
      return typeof value === 'bigint' ? `${value}n` : value;
    });
  for (const [name, source] of sources) {
    const printed = printModule(parseModule(source));
    expect(plain(printed) === plain(source), name).toBe(true);
  }
});

test('the golden lists are exactly what jco emits over the corpus', () => {
  const forms = new Set<string>();
  const globals = new Set<string>();
  for (const [, source] of sources) {
    const program = parseModule(source);
    seal(program);
    visit(program, (node) => void forms.add(node.type));
    for (const name of freeIdentifiers(program).keys()) globals.add(name);
  }
  expect([...forms].filter((form) => !ALLOWED_FORMS.has(form))).toEqual([]);
  expect([...ALLOWED_FORMS].filter((form) => !forms.has(form))).toEqual(['EmptyStatement']);
  expect([...globals].filter((name) => !ALLOWED_GLOBALS.has(name)).sort()).toEqual([...UNRESOLVED_IN_JCO]);
  expect([...ALLOWED_GLOBALS].filter((name) => !globals.has(name))).toEqual([]);
});

test('fast bindings take twenty-eight names from the realm, and no timer', () => {
  const globals = new Set(fastTexts.flatMap((text) => [...freeIdentifiers(parseModule(text)).keys()]));
  expect([...globals].filter((name) => !ALLOWED_GLOBALS.has(name) || NOT_OF_FAST.has(name))).toEqual([]);
  expect(globals.size).toBe(28);
});
