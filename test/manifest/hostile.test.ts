import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/manifest/assemble.ts';
import { createParse } from '../../src/manifest/parse.ts';
import { canonicalJson, type Json } from '../../src/kit/json.ts';
import { FORMS } from '../../src/manifest/schema-finding.ts';
import { parseRuntimeConfig } from '../../src/manifest/runtime-config.ts';
import { artifactsOf } from './support.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const parse = createParse();

const honest = ['docs/manifests/example.yaml', ...globSync('manifests/**/*.yaml', { cwd: ROOT })].map((file) =>
  readFileSync(path.join(ROOT, file), 'utf8'),
);

/** Whatever the bytes: no exception, every finding within the file and complete, and a result that JSON can carry. */
function survives(bytes: Uint8Array): void {
  const parsed = parse([{ path: 'a.yaml', bytes }]);
  const desired = assemble('c', parsed, artifactsOf(parsed));
  for (const { code, message, remedy, span } of desired.diagnostics) {
    expect(code).toMatch(/^HW[12][0-9]{3}$/);
    expect(message.length * remedy.length).toBeGreaterThan(0);
    if (span) expect(span.line >= 1 && span.column >= 1 && span.endLine >= span.line).toBe(true);
  }
  expect(() => canonicalJson([...desired.entries.values()] as unknown as Json)).not.toThrow();
  expect(structuredClone(parsed)).toEqual(parsed);
}

const pieces = fc.constantFrom(
  ...'{}[]:,-?&*!|>\'"%@`#\n\t \\<>~=.0'.split(''),
  '---\n',
  '...\n',
  '<<: ',
  '&a ',
  '*a',
  '!!binary ',
  '%YAML 1.1\n',
  '\r',
  '\u2028',
  '\ufeff',
  '\u0000',
  '\ud800',
  'yes',
  'null',
  '.inf',
  '0x1f',
  '1e999',
  '__proto__: ',
  'constructor: ',
  'toString: ',
  '? ',
  '- ',
  ': ',
  '|2-\n',
  '>+\n',
  'apiVersion: headway.dev/v1alpha1\n',
  'kind: Component\n',
  'kind: Route\n',
  'kind: Environment\n',
  'spec: ',
  'metadata: ',
);

describe('no bytes can make it throw', () => {
  it('random bytes', { timeout: 60_000 }, () => {
    expect.hasAssertions();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), survives), { numRuns: 300 });
  });

  it('random pieces of YAML', { timeout: 60_000 }, () => {
    expect.hasAssertions();
    const text = fc.array(pieces, { maxLength: 60 }).map((parts) => new TextEncoder().encode(parts.join('')));
    fc.assert(fc.property(text, survives), { numRuns: 400 });
  });

  it('honest documents with pieces cut out, put in and doubled', { timeout: 60_000 }, () => {
    expect.hasAssertions();
    const edit = fc.record({ at: fc.nat(), cut: fc.nat({ max: 12 }), put: fc.array(pieces, { maxLength: 3 }) });
    const mutated = fc
      .tuple(fc.constantFrom(...honest), fc.array(edit, { minLength: 1, maxLength: 6 }))
      .map(([text, edits]) =>
        edits.reduce((before, { at, cut, put }) => {
          const start = at % (before.length + 1);
          return before.slice(0, start) + put.join('') + before.slice(start + cut);
        }, text),
      );
    fc.assert(
      fc.property(mutated, (text) => survives(new TextEncoder().encode(text))),
      { numRuns: 200 },
    );
  });

  it("nor the host's own file", () => {
    expect.hasAssertions();
    const text = fc.array(pieces, { maxLength: 40 }).map((parts) => new TextEncoder().encode(parts.join('')));
    fc.assert(
      fc.property(text, (bytes) => {
        expect(parseRuntimeConfig(bytes, 'runtime.yaml').ok).toBe(false);
      }),
      { numRuns: 20 },
    );
  });
});

describe('fields with names from JavaScript', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    '%s is an unknown field like any other',
    (name) => {
      const text = `apiVersion: headway.dev/v1alpha1\nkind: Component\nmetadata: {name: a, namespace: b}\nspec: {source: {path: a.wasm}, ${name}: {suspend: true}}\n`;
      const { invalid } = parse([{ path: 'a.yaml', bytes: new TextEncoder().encode(text) }]);
      expect(invalid[0]!.problems.map(({ code }) => code)).toEqual(['HW1013']);
    },
  );
});

describe('bytes that are no text', () => {
  const utf16 = Buffer.from(`\ufeff${honest[0]}`, 'utf16le');
  it.each([
    [
      'a byte in the middle of a line',
      Buffer.from('a: 1\nb: gr\xfcn\n', 'latin1'),
      2,
      6,
      'is not valid UTF-8 in line 2',
    ],
    ['UTF-16', utf16, 1, 1, 'is UTF-16'],
    ['UTF-16 of the other order', Buffer.from(utf16).swap16(), 1, 1, 'is UTF-16'],
  ])('are shown where they are: %s', (_, bytes, line, column, says) => {
    const [found] = parse([{ path: 'a.yaml', bytes }]).invalid.flatMap(({ problems }) => problems);
    expect(found).toMatchObject({ code: 'HW1002', message: `a.yaml ${says}`, span: { line, column } });
  });
});

describe('the forms that messages explain', () => {
  it('are patterns of the schemas', () => {
    const schemas = globSync('schemas/headway.dev/*.json', { cwd: ROOT }).map((file) =>
      readFileSync(path.join(ROOT, file), 'utf8'),
    );
    const unused = Object.keys(FORMS).filter((form) => !schemas.some((text) => text.includes(JSON.stringify(form))));
    expect([schemas.length > 5, unused]).toEqual([true, []]);
  });
});
