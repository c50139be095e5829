/**
 * The reference tests of the component model, every command of each script, through jco's own bindings and through ours.
 * `WAST=values/strings npx vitest run --config test/vitest.config.ts test/component/wast` prints the verdicts of some.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Makers } from './makers.ts';
import { DIFFERENCES, REFUSED, UNMET } from './reviewed.ts';
import { readScript } from './script.ts';
import { spelled, valueOf } from './values.ts';
import { verdictsOf, type Verdict } from './verdicts.ts';

const FOLDER = path.join(import.meta.dirname, 'reference');
const SCRIPTS = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.wast'))
  .toSorted();
/** So many that none can go missing unseen. */
const COMMANDS = 1_425;
const TIMEOUT_MS = 300_000;

const verdicts: (Verdict & { readonly at: string })[] = [];
beforeAll(async () => {
  const makers = new Makers();
  for (const script of SCRIPTS) {
    const forms = readScript(readFileSync(path.join(FOLDER, script), 'utf8'));
    await verdictsOf(
      forms,
      (text) => makers.make(text),
      (verdict) => verdicts.push({ ...verdict, at: `${script}:${verdict.line}` }),
    );
  }
  await makers.close();
}, TIMEOUT_MS);
afterAll(() => {
  const asked = process.env['WAST'];
  if (asked === undefined) return;
  for (const { at, command, stock, ours } of verdicts.filter((item) => item.at.startsWith(asked))) {
    process.stdout.write(`${at} ${command} | ${stock}${stock === ours ? '' : ` | ${ours}`}\n`);
  }
});

test('every command of every script has a verdict', () => {
  expect(SCRIPTS).toHaveLength(63);
  expect(verdicts).toHaveLength(COMMANDS);
});

test('where jco’s bindings and ours differ, it is known, and ours is what is asked for', () => {
  const found = verdicts.filter(({ stock, ours }) => stock !== ours);
  expect(found.map(({ at }) => at)).toEqual(DIFFERENCES.map(([at]) => at));
  for (const [index, { at, stock, isMet }] of found.entries()) {
    expect(stock, at).toContain(DIFFERENCES[index]![1]);
    expect(isMet, at).toBe(true);
  }
});

test('what is not as it is asked for is known', () => {
  const found = verdicts.filter(({ isMet, ours }) => !isMet && !ours.includes('refused: '));
  expect(found.map(({ at, ours }) => [at, ours])).toEqual(UNMET.map(([at, ours]) => [at, ours]));
});

describe('a component that is valid and refused', () => {
  const refused = (): Verdict[] => verdicts.filter(({ isMet, ours }) => !isMet && ours.includes('refused: '));

  test.each(REFUSED)('%s', (reason, commands) => {
    expect(refused().filter(({ ours }) => reason.test(ours.replaceAll('\n', ' ')))).toHaveLength(commands);
  });

  test('by no other reason', () => {
    expect(refused()).toHaveLength(REFUSED.reduce((sum, [, commands]) => sum + commands, 0));
  });
});

describe('the reader of scripts', () => {
  test('forms, lines, comments and escapes', () => {
    const [first, second] = readScript('(a ;; )\n "x\\u{e4}\\ff\\t" (; ( ;) (b c))\n\n(d)');
    expect(first).toMatchObject({ line: 1, items: ['a', { bytes: new Uint8Array([120, 0xc3, 0xa4, 0xff, 9]) }, {}] });
    expect(second).toMatchObject({ line: 4, items: ['d'], text: '(d)' });
    expect(() => readScript('(a')).toThrow('does not end');
    expect(() => readScript('a')).toThrow('not a form');
  });

  test.each([
    ['(list.const (u8.const 1) (u8.const 2))', '[1,2]'],
    ['(record.const (field "a-b" str.const "x") (field "c" (bool.const true)))', '{"aB":"x","c":true}'],
    ['(u64.const 18446744073709551615)', '"18446744073709551615n"'],
    ['(f32.const nan:canonical)', '"NaN"'],
    ['(f64.const -0)', '"-0"'],
    ['(variant.const "x" (s8.const -1))', '{"tag":"x","val":-1}'],
    ['(option.none)', 'nothing'],
    ['(flags.const "a" "b-c")', '{"a":true,"bC":true}'],
  ])('%s', (text, expected) => {
    expect(spelled(valueOf(readScript(text)[0]!))).toBe(expected);
  });

  test('a constant of no kind', () => {
    expect(() => valueOf(readScript('(v128.const 1)')[0]!)).toThrow('the constant v128.const');
  });
});
