import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lintFindings } from '../../src/check/lint/rules.ts';
import { findExports } from '../../src/cell/exports.ts';
import { inspect } from '../../src/component/inspect.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import { isLintRule } from '../../src/manifest/lint-config.ts';
import type { Desired } from '../../src/model/desired.ts';
import { answersHttp } from '../../src/model/callable.ts';
import { BINARY_CODES } from '../../src/model/binary-codes.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { ShapeOf } from '../../src/model/wit.ts';
import { marked } from '../manifest/marked.ts';
import { artifactsOf, bytesOf, component, ENVIRONMENT, parse, places, type Files } from '../manifest/support.ts';
import { BINARY_ROWS } from './binary-codes.table.ts';
import { LINT_ROWS } from './lint-codes.table.ts';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples');

/** The artifacts by their names in the documents; each stands for a file below `examples/`. */
function linted(files: Files, artifacts: Readonly<Record<string, string>>): readonly [Desired, readonly Diagnostic[]] {
  const parsed = parse(files);
  const shapes = new Map(
    Object.entries(artifacts).map(([name, from]) => [
      digestOfBytes(bytesOf(name)),
      inspect(readFileSync(path.join(EXAMPLES, from))),
    ]),
  );
  const shapeOf: ShapeOf = (artifact) => shapes.get(artifact);
  const desired = assemble('0123456789abcdef', parsed, artifactsOf(parsed), undefined, shapeOf);
  return [desired, [...desired.diagnostics, ...lintFindings(desired, parsed, shapeOf)]];
}

describe('what binaries say against their documents', () => {
  it.each(BINARY_ROWS.map((row) => [`${row.code} ${row.what}`, row] as const))('%s', (_name, row) => {
    const { files, expected } = marked(row.code, row.bad);
    const { artifact, goodArtifact = artifact } = row;
    const [desired, all] = linted(files, { 'cart.wasm': artifact, 'tax.wasm': 'wasm/tax-v1.wasm' });
    const found = all.filter(({ code }) => code === row.code);
    expect(places(found)).toEqual(expected);
    for (const { message, remedy, severity } of found) {
      expect(`${message}\n${remedy}`).toContain(row.says);
      expect(severity).toBe(row.severity);
    }
    const refused = desired.entries.get('shop/cart')!.refusals.map(({ code }) => code);
    expect(refused.filter((code) => code !== 'HW1042')).toEqual(isLintRule(row.code) ? [] : [row.code]);
    const [, good] = linted(row.good, { 'cart.wasm': goodArtifact, 'tax.wasm': 'wasm/tax-v1.wasm' });
    expect(good.filter(({ severity, code }) => severity === 'error' || code === row.code)).toEqual([]);
  });

  it('has a row for every code', () => {
    const shown = new Set<string>([...BINARY_ROWS, ...LINT_ROWS].map(({ code }) => code));
    expect(Object.keys(BINARY_CODES).filter((code) => !shown.has(code))).toEqual([]);
  });

  it('lets nobody waive what the daemon refuses', () => {
    expect(BINARY_ROWS.filter(({ code }) => isLintRule(code) !== code.startsWith('HW12'))).toEqual([]);
  });

  it('refuses an entry for what it links, and finds that once, where it is written', () => {
    const links = '  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}}]\n';
    const [desired, all] = linted(
      {
        'environment.yaml': ENVIRONMENT,
        'cart.yaml': component('cart', links),
        'tax.yaml': component('tax', '  limits: {memory: 64Ki}\n'),
      },
      { 'cart.wasm': 'wasm/checkout.wasm', 'tax.wasm': 'wasm/tax-v1.wasm' },
    );
    expect(places(all.filter(({ code }) => code === 'HW1102'))).toEqual(['HW1102 tax.yaml:6:20']);
    expect(desired.entries.get('shop/cart')!.refusals.map(({ code }) => code)).toEqual(['HW1102']);
  });

  it('says nothing of what it has not seen', () => {
    const [, all] = linted({ 'environment.yaml': ENVIRONMENT, 'cart.yaml': component('cart') }, {});
    expect(all.filter(({ code }) => Object.hasOwn(BINARY_CODES, code))).toEqual([]);
  });
});

it.each(globSync('wasm/*.wasm', { cwd: EXAMPLES }))('%s answers HTTP for lint as it does for the cell', (file) => {
  const shape = inspect(readFileSync(path.join(EXAMPLES, file)));
  if (!shape.ok) throw new Error(shape.error.message);
  const names = shape.value.exports.interfaces.map(({ name }) => name);
  expect(answersHttp(shape.value)).toBe(findExports(names, []).http !== 'none');
});

describe('grants of Roles', () => {
  const role = `apiVersion: headway.dev/v1alpha1
kind: Role
metadata: {name: basics, namespace: shop}
spec:
  capabilities: [{name: carts, keyValue: {store: carts}}, {name: web, outboundHttp: {hosts: [api.example.com]}}]
`;
  const files = {
    'environment.yaml': ENVIRONMENT,
    'basics.yaml': role,
    'cart.yaml': component('cart', '  capabilities: [{name: basics, roleRef: {name: basics}}]\n'),
  };
  it.each([
    ['counter-v1', []],
    ['greeting-v1', ['HW1200 cart.yaml:6:25']],
  ])('of which %s uses some or none', (name, expected) => {
    const [, all] = linted(files, { 'cart.wasm': `wasm/${name}.wasm` });
    expect(places(all.filter(({ code }) => code === 'HW1200'))).toEqual(expected);
  });
});
