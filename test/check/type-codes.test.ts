import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspect } from '../../src/component/inspect.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import { marked } from '../manifest/marked.ts';
import { artifactsOf, bytesOf, parse, places, type Files } from '../manifest/support.ts';
import { TYPE_ROWS } from './type-codes.table.ts';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples');

function diagnostics(files: Files, artifacts: Readonly<Record<string, string>>) {
  const shapes = new Map(
    Object.entries(artifacts).map(([name, from]) => [
      digestOfBytes(bytesOf(name)),
      inspect(readFileSync(path.join(EXAMPLES, from))),
    ]),
  );
  const parsed = parse(files);
  return assemble('c', parsed, artifactsOf(parsed), undefined, (artifact) => shapes.get(artifact)).diagnostics;
}

describe('what types say against documents', () => {
  it.each(TYPE_ROWS.map((row) => [`${row.code} ${row.what}`, row] as const))('%s', (_name, row) => {
    const { files, expected } = marked(row.code, row.bad);
    const { artifact, linked = 'wasm/tax-v1.wasm', goodArtifact = artifact, goodLinked = linked } = row;
    const found = diagnostics(files, { 'cart.wasm': artifact, 'tax.wasm': linked });
    const own = found.filter(({ code }) => code === row.code);
    expect(places(own)).toEqual(expected);
    for (const { message, remedy, severity } of own) {
      expect(`${message}\n${remedy}`).toContain(row.says);
      expect(severity).toBe('error');
    }
    const good = diagnostics(row.good, { 'cart.wasm': goodArtifact, 'tax.wasm': goodLinked });
    expect(good.filter(({ severity, code }) => severity === 'error' && code !== 'HW1042')).toEqual([]);
  });
});
