/** The schemas as they lie in the repository, in the tools that people have: their editor, and kubeconform in CI. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { SCHEMAS } from '../../src/manifest/kinds.ts';
import { LanguageServer } from '../support/language-server.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const EXAMPLE = readFileSync(path.join(ROOT, 'docs/manifests/example.yaml'), 'utf8');

interface Example {
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}

/** One document of each kind, as it is written. */
const EXAMPLES: readonly Example[] = parseAllDocuments(EXAMPLE).map((document) => {
  const { kind, metadata } = document.toJS() as { kind: string; metadata: { name: string } };
  return { kind, name: metadata.name, text: document.toString() };
});

/** What goes wrong in real life, and in which line of the text it stands. */
function broken({ text }: Example): { readonly text: string; readonly line: number } {
  const changed = text.replace(/^spec:\n/m, 'spec:\n  sourcery: true\n');
  return { text: changed, line: changed.split('\n').findIndex((line) => line.includes('sourcery')) };
}

let dir: string;
beforeAll(() => (dir = mkdtempSync(path.join(tmpdir(), 'headway-schema-tools-'))));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('there is an example of every kind', () => {
  expect(new Set(EXAMPLES.map(({ kind }) => kind))).toEqual(new Set(Object.keys(SCHEMAS)));
});

describe('an editor with the modeline', () => {
  let server: LanguageServer;
  beforeAll(() => {
    server = new LanguageServer();
  });
  afterAll(() => server.close());

  const diagnose = (example: Example, text: string, name: string) => {
    const schema = path.join(ROOT, 'schemas/headway.dev', `${example.kind.toLowerCase()}_v1alpha1.json`);
    const modeline = `# yaml-language-server: $schema=${path.relative(dir, schema)}\n`;
    return server.diagnose(path.join(dir, name), modeline + text);
  };

  it.each(EXAMPLES)('finds nothing in the example of $kind $name', async (example) => {
    expect(await diagnose(example, example.text, `${example.kind}-${example.name}.yaml`)).toEqual([]);
  });

  it.each(EXAMPLES)('underlines an unknown field in a $kind ($name)', async (example) => {
    const { text, line } = broken(example);
    const found = await diagnose(example, text, `${example.kind}-${example.name}-bad.yaml`);
    expect(found).toMatchObject([
      { message: expect.stringContaining('sourcery'), range: { start: { line: line + 1 } } },
    ]);
  });

  it('underlines a value of the wrong form', async () => {
    const example = EXAMPLES.find(({ kind }) => kind === 'Component')!;
    const text = `${example.text}  suspend: perhaps\n`.replace(/^ {2}suspend: false\n/m, '');
    const found = await diagnose(example, text, 'wrong-form.yaml');
    expect(found.map(({ message }) => message)).toEqual([expect.stringContaining('boolean')]);
  });
});

describe('kubeconform with its own template', () => {
  interface Verdict {
    readonly status: string;
    readonly kind: string;
    readonly validationErrors?: readonly { readonly path: string; readonly msg: string }[];
  }

  const TEMPLATE = path.join(ROOT, 'schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json');

  function kubeconform(file: string): Promise<readonly Verdict[]> {
    const args = ['-strict', '-verbose', '-output', 'json', '-schema-location', TEMPLATE, file];
    return new Promise((resolve, reject) => {
      execFile('kubeconform', args, (error, stdout, stderr) => {
        // 1: something is not valid; the rest is no verdict.
        if (error && error.code !== 1) reject(new Error(`kubeconform: ${error.message} ${stderr}`));
        else
          resolve(
            (JSON.parse(stdout) as { resources: Verdict[] }).resources.sort((a, b) => (a.kind < b.kind ? -1 : 1)),
          );
      });
    });
  }

  it('finds every example valid', async () => {
    const verdicts = await kubeconform(path.join(ROOT, 'docs/manifests/example.yaml'));
    expect(verdicts.map(({ kind, status }) => `${kind} ${status}`)).toEqual(
      EXAMPLES.map(({ kind }) => `${kind} statusValid`).sort(),
    );
  });

  it('says what is wrong with one that is not, of every kind', async () => {
    const file = path.join(dir, 'broken.yaml');
    writeFileSync(file, EXAMPLES.map((example) => broken(example).text).join('---\n'));
    const verdicts = await kubeconform(file);
    expect(verdicts.map(({ kind, status }) => `${kind} ${status}`)).toEqual(
      EXAMPLES.map(({ kind }) => `${kind} statusInvalid`).sort(),
    );
    for (const { validationErrors } of verdicts) {
      expect(validationErrors).toContainEqual({
        path: '/spec',
        msg: expect.stringContaining("'sourcery' not allowed"),
      });
    }
  });
});
