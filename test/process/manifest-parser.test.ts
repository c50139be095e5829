import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import {
  openManifestParser,
  type ManifestParser,
  type ManifestParserOptions,
} from '../../src/process/manifest-parser.ts';
import { component, ENVIRONMENT } from '../manifest/support.ts';

const MOODY = path.join(import.meta.dirname, 'fixtures/moody-child.ts');
const STILLBORN = path.join(import.meta.dirname, 'fixtures/stillborn-child.ts');
const log = pino({ enabled: false });
const open: ManifestParser[] = [];

function parser(options: Partial<ManifestParserOptions> = {}): ManifestParser {
  const opened = openManifestParser({ log, ...options });
  open.push(opened);
  return opened;
}

function file(text: string | Uint8Array, name = 'a.yaml') {
  return [{ path: name, bytes: typeof text === 'string' ? new TextEncoder().encode(text) : text }];
}

async function codes(parsing: ManifestParser, text: string | Uint8Array): Promise<readonly string[]> {
  const result = await parsing.parse(file(text));
  if (!result.ok) return [result.error.code];
  return result.value.parsed.invalid.flatMap(({ problems }) => problems.map(({ code }) => code));
}

/** A zombie that nobody has waited for yet counts as ended. */
async function ended(pid: number): Promise<void> {
  for (let tries = 0; existsSync(`/proc/${pid}`); tries += 1) {
    if (tries > 500) throw new Error(`process ${pid} is still there`);
    await sleep(10);
  }
}

afterEach(() => {
  for (const opened of open.splice(0)) opened.close();
});

describe('the parser in its child', () => {
  it('parses, names artifacts and assembles', async () => {
    const opened = parser();
    const result = await opened.parse(file(`${ENVIRONMENT}---\n${component('cart')}`));
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value.artifactPaths).toEqual(['cart.wasm']);
    const artifacts = new Map([['cart.wasm', `sha256:${'0'.repeat(64)}` as const]]);
    expect([...opened.assemble('c', result.value.parsed, artifacts).entries.keys()]).toEqual(['shop/cart']);
  });

  it('serves callers in turn', async () => {
    const opened = parser();
    const texts = ['a: 1', component('cart'), '{[', ''];
    const found = await Promise.all(texts.map((text) => codes(opened, text)));
    expect(found.map((list) => list[0])).toEqual(['HW1010', undefined, 'HW1001', undefined]);
  });

  it('ends with its parent', async () => {
    const opened = parser();
    await opened.parse(file(''));
    const pid = opened.pid()!;
    opened.close();
    await ended(pid);
    expect(await codes(opened, '')).toEqual(['HW1009']);
  });

  it('says so when the child does not start', async () => {
    expect(await codes(parser({ entry: STILLBORN }), '')).toEqual(['HW1009']);
  });
});

describe('hostile files are bounded and harmless', () => {
  const bomb = Array.from({ length: 20 }, (_, level) => `a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}]`).join(
    '\n',
  );

  it.each([
    ['deep flow collections', '['.repeat(500_000), 'HW1003'],
    ['deep mappings', '{a: '.repeat(200_000), 'HW1003'],
    ['deep block sequences', '- '.repeat(8_000), 'HW1003'],
    ['deep explicit keys', '? '.repeat(8_000), 'HW1003'],
    ['100,000 keys', Array.from({ length: 100_000 }, (_, key) => `k${key}: 1\n`).join(''), 'HW1003'],
    ['50,000 keys in one mapping', Array.from({ length: 50_000 }, (_, key) => `k${key}: 1\n`).join(''), 'HW1010'],
    ['a huge scalar', `a: ${'x'.repeat(900_000)}`, 'HW1003'],
    ['a huge block scalar', `a: |\n${'  xxxxxxxxxxxx\n'.repeat(60_000)}`, 'HW1010'],
    ['a long quoted scalar that does not end', `a: "${'x\n'.repeat(400_000)}`, 'HW1001'],
    ['a file over 1 MiB', ' '.repeat(2 ** 20 + 1), 'HW1003'],
    ['a billion laughs', `a-1: &a-1 lol\n${bomb}`, 'HW1004'],
    ['half a million commas', `a: [${',\n'.repeat(400_000)}]`, 'HW1003'],
    ['a hundred thousand mistakes', ',\n'.repeat(100_000), 'HW1001'],
    ['many documents', '---\na\n'.repeat(100_000), 'HW1003'],
    ['many unclosed quotes', `'\n`.repeat(200_000), 'HW1001'],
    ['NUL', 'a: \0', 'HW1002'],
    ['invalid UTF-8', Uint8Array.from([0x61, 0x3a, 0x20, 0xff, 0xfe]), 'HW1002'],
    ['UTF-16', Uint8Array.from([0xff, 0xfe, 0x61, 0x00]), 'HW1002'],
    ['tabs', 'a:\n\t\tb: 1\n', 'HW1001'],
  ])('%s', async (_name, text, code) => {
    const opened = parser();
    await opened.parse(file(''));
    const before = opened.pid();
    expect(await codes(opened, text)).toContain(code);
    // The same child answers on: nothing had to be killed.
    expect(await codes(opened, component('cart'))).toEqual([]);
    expect(opened.pid()).toBe(before);
  });

  it('a thousand documents are not hostile', async () => {
    const opened = parser();
    const files = Array.from({ length: 1_000 }, (_, index) => file(component(`c${index}`), `${index}.yaml`)).flat();
    const result = await opened.parse(files);
    expect(result.ok && result.value.parsed.documents.length).toBe(1_000);
  });
});

describe('a large commit in two children', () => {
  const padding = `# ${'x'.repeat(100)}\n`.repeat(20);
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => {
      const name = `c${String(n).padStart(3, '0')}`;
      return file(`${component(name)}${padding}`, `${name}.yaml`);
    }).flat();

  it('is what it would be in one, in the order of its files', async () => {
    const result = await parser().parse(many(300));
    if (!result.ok) throw new Error(result.error.message);
    const names = result.value.parsed.documents.map(({ name }) => name);
    expect(names).toEqual(many(300).map(({ path: name }) => name.replace('.yaml', '')));
  });

  it('loses only the file that ends one of them', async () => {
    const files = [...many(300), ...file('LEAVE', 'c010a.yaml'), ...file('LEAVE too', 'c290a.yaml')];
    const result = await parser({ entry: MOODY }).parse(files);
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value.parsed.documents.length).toBe(300);
    expect(result.value.parsed.unreadableFiles).toEqual(['c010a.yaml', 'c290a.yaml']);
  });

  it('is refused as a whole where both find too many', async () => {
    const poisons = Array.from({ length: 8 }, (_, n) => file(`LEAVE ${padding.repeat(20)}`, `${n}.yaml`)).flat();
    expect(await parser({ entry: MOODY }).parse(poisons)).toMatchObject({ ok: false, error: { code: 'HW1008' } });
  });
});

describe('what ends the child', () => {
  it.each([
    ['spins', 'SPIN', { deadlineMs: 1_000 }, 'more than 4000 ms'],
    ['eats memory', 'EAT', { maxHeapMb: 64 }, 'ended by'],
    ['leaves', 'LEAVE', {}, 'code 3'],
  ])('because it %s is unreadable, and harms nothing else', async (_name, text, options, why) => {
    const opened = parser({ entry: MOODY, ...options });
    await opened.parse(file(''));
    const first = opened.pid()!;
    const files = [...file(component('a'), 'a.yaml'), ...file(text, 'b.yaml'), ...file(component('c'), 'c.yaml')];
    const result = await opened.parse(files);
    if (!result.ok) throw new Error(result.error.message);
    const { documents, invalid, unreadableFiles } = result.value.parsed;
    expect(documents.map(({ name }) => name)).toEqual(['a', 'c']);
    expect(unreadableFiles).toEqual(['b.yaml']);
    expect(invalid[0]!.problems).toMatchObject([{ code: 'HW1008', policy: 'Terminal', span: { file: 'b.yaml' } }]);
    expect(invalid[0]!.problems[0]!.message).toContain(why);
    await ended(first);
    const child = opened.pid();
    // Known now: no other child has to die for it while the file is the same.
    const again = await opened.parse([...files, ...file(component('d'), 'd.yaml')]);
    expect(again.ok && again.value.parsed.documents.length).toBe(3);
    expect(opened.pid()).toBe(child);
  });

  it('by more files than a commit may have refuses the commit, and the next one goes through', async () => {
    const opened = parser({ entry: MOODY });
    const poisons = (count: number) =>
      Array.from({ length: count }, (_, index) => file(`LEAVE${index}`, `${index}.yaml`)).flat();
    expect(await opened.parse(poisons(4))).toMatchObject({ ok: false, error: { code: 'HW1008', policy: 'Terminal' } });
    const three = await opened.parse(poisons(3));
    expect(three.ok && three.value.parsed.unreadableFiles).toHaveLength(3);
    expect(await codes(opened, component('cart'))).toEqual([]);
  });
});

describe('work is proportional to what changed', () => {
  it('a file that is the same is not parsed again', async () => {
    const opened = parser();
    const files = [...file(component('a'), 'a.yaml'), ...file(component('b'), 'b.yaml')];
    const first = await opened.parse(files);
    const second = await opened.parse([...files.slice(0, 1), ...file(component('b', '  suspend: true\n'), 'b.yaml')]);
    if (!first.ok || !second.ok) throw new Error('not parsed');
    // The very same value, not an equal one: it did not cross the process boundary a second time.
    expect(second.value.parsed.documents[0]).toBe(first.value.parsed.documents[0]);
    expect(second.value.parsed.documents[1]).not.toEqual(first.value.parsed.documents[1]);
  });
});
