import { describe, expect, it } from 'vitest';
import type { Bounds } from '../../src/manifest/bounds.ts';
import { Lexer } from 'yaml';
import { createParse, isManifestPath } from '../../src/manifest/parse.ts';
import { readYaml } from '../../src/manifest/yaml.ts';
import { bytesOf, component } from './support.ts';

const SMALL: Bounds = {
  maxFileBytes: 400,
  maxTotalBytes: 1_000,
  maxFiles: 3,
  maxLineLength: 100,
  maxDepth: 4,
  maxKeys: 12,
  maxDocumentsPerFile: 2,
  maxLexemes: 10_000,
  maxProblemsPerDocument: 3,
};

const parse = createParse(SMALL);

function codes(...texts: readonly string[]): readonly string[] {
  const files = texts.map((text, index) => ({ path: `${index}.yaml`, bytes: bytesOf(text) }));
  return parse(files).invalid.flatMap(({ problems }) => problems.map(({ code }) => code));
}

const good = component('a');
/** A good file of so many bytes. */
const sized = (bytes: number): string => good.padEnd(bytes, '\n');

describe('each bound, at N and N + 1', () => {
  it.each([
    [
      'bytes of a file',
      [`${good}${'#\n'.repeat((400 - good.length) / 2)}`.padEnd(400, '\n')],
      [good.padEnd(401, '\n')],
    ],
    ['characters of a line', [`${good}#${'x'.repeat(99)}`], [`${good}#${'x'.repeat(100)}`]],
    ['nested flow collections', ['[[[[]]]]'], ['[[[[[]]]]]']],
    ['nested block sequences', ['- - - - x'], ['- - - - - x']],
    ['nested block mappings', ['a:\n b:\n  c:\n   d: 1'], ['a:\n b:\n  c:\n   d:\n    e: 1']],
    ['documents of a file', ['a: 1\n---\nb: 1\n'], ['a: 1\n---\nb: 1\n---\nc: 1\n']],
    ['keys of a file', [keys(12)], [keys(13)]],
    ['bytes of all files', [sized(333), sized(333), sized(334)], [sized(334), sized(334), sized(333)]],
    ['number of files', [good, '', ''], [good, '', '', '']],
  ])('%s', (_name, within, beyond) => {
    expect(codes(...within)).not.toContain('HW1003');
    expect(codes(...beyond)).toContain('HW1003');
  });

  it('lexemes of a file', () => {
    const lexemes = [...new Lexer().lex(good)].length;
    const read = (maxLexemes: number) => readYaml('a.yaml', good, { ...SMALL, maxLexemes }).ok;
    expect([read(lexemes), read(lexemes - 1)]).toEqual([true, false]);
  });

  it('problems of a document: the rest is counted', () => {
    const wrong = (count: number): string =>
      component('a', Array.from({ length: count }, (_, n) => `  x${n}: 1\n`).join(''));
    const wide = createParse({ ...SMALL, maxKeys: 100 });
    const problems = (count: number) => wide([{ path: 'a.yaml', bytes: bytesOf(wrong(count)) }]).invalid[0]!.problems;
    expect(
      problems(3)
        .map(({ message }) => message)
        .some((message) => message.includes('more problems')),
    ).toBe(false);
    expect(problems(4)).toHaveLength(3);
    expect(problems(4)[2]!.message).toContain('2 more problems');
  });
});

describe('what is read', () => {
  it.each([
    ['a.yaml', true],
    ['tenants/shop/a.yml', true],
    ['a.yaml.txt', false],
    ['a.json', false],
    ['.headway.yaml', false],
    ['.github/workflows/ci.yaml', false],
    ['a/.b/c.yaml', false],
  ])('%s: %s', (path, read) => {
    expect(isManifestPath(path)).toBe(read);
    expect(parse([{ path, bytes: bytesOf('a: 1') }]).invalid).toHaveLength(read ? 1 : 0);
  });

  it.each([
    ['nothing', ''],
    ['comments', '# only words\n'],
    ['empty documents', '---\n---\n'],
    ['a byte order mark and other line ends', `\ufeff${good.replaceAll('\n', '\r\n')}`],
  ])('%s: no findings', (_name, text) => {
    expect(createParse()([{ path: 'a.yaml', bytes: bytesOf(text) }]).invalid).toEqual([]);
  });

  it('names the line that is not UTF-8', () => {
    const bytes = Uint8Array.from([...bytesOf('a: 1\nb: "'), 0xc3, 0x28, ...bytesOf('"\n')]);
    const [problem] = createParse()([{ path: 'a.yaml', bytes }]).invalid[0]!.problems;
    expect([problem!.code, problem!.span!.line]).toEqual(['HW1002', 2]);
  });
});

describe('reading stops where a bound is broken', () => {
  it('before the rest is looked at', () => {
    // A million openers: built as a tree they end the process, counted one by one they end at the fifth.
    const result = readYaml('a.yaml', '['.repeat(1_000_000), SMALL);
    expect(result.ok ? 'read' : result.error.span).toMatchObject({ line: 1, column: 5 });
  });
});

function keys(count: number): string {
  return Array.from({ length: count }, (_, index) => `k${index}: 1\n`).join('');
}
