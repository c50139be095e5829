import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lintArguments, type LintArguments } from '../../src/check/lint/arguments.ts';
import { lintCommand } from '../../src/process/lint.ts';
import { headway } from '../support/headway.ts';
import { example } from '../support/manifests.ts';
import { temporaryFolders, write } from './folder.ts';
import { component, ENVIRONMENT, rolloutPolicy, route, type Files } from '../manifest/support.ts';

const run = promisify(execFile);
const folder = temporaryFolders();

/** A repository with these files committed; identity and signing of this machine stay out of it. */
async function repository(files: Files): Promise<{ dir: string; commit(files: Files): Promise<string> }> {
  const dir = folder({});
  const git = async (...args: readonly string[]) =>
    (
      await run(
        'git',
        ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.invalid', '-c', 'commit.gpgsign=false', ...args],
        { cwd: dir },
      )
    ).stdout;
  await git('init', '-q', '-b', 'main');
  const commit = async (changes: Files): Promise<string> => {
    write(dir, changes);
    await git('add', '-A');
    await git('commit', '-qm', 'change');
    return (await git('rev-parse', 'HEAD')).trim();
  };
  await commit(files);
  return { dir, commit };
}

async function lint(target: string, more: Partial<LintArguments> = {}) {
  const said = { out: '', err: '' };
  const terminal = {
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    colours: false,
  };
  const options = { target, format: 'json', reports: [], ignore: [], fix: false, ...more } as const;
  const exit = await lintCommand(options, terminal);
  const report = said.out === '' ? undefined : (JSON.parse(said.out) as Report);
  const found = report?.findings.map(({ code, severity, span }) => `${code} ${severity} ${span?.file}:${span?.line}`);
  return { exit, report, found, err: said.err };
}

interface Report {
  readonly findings: readonly {
    code: string;
    severity: string;
    message: string;
    span?: { file: string; line: number };
  }[];
  readonly waived: readonly { finding: { code: string }; reason: string }[];
}

const PROBE = '  probes: {readiness: {httpGet: {path: /}}}\n';
const CLEAN: Files = {
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart', PROBE),
  'route.yaml': route('cart', '  rules: [{backendRef: {name: cart}}]\n'),
  'cart.wasm': example('greeting-v1'),
};
const POLICY = rolloutPolicy('p', '  bake: {duration: 1m}\n');
const annotated = (annotations: string) => POLICY.replace('metadata: {', `metadata: {annotations: {${annotations}}, `);
const config = (text: string) => `apiVersion: headway.dev/v1alpha1\nkind: Lint\n${text}`;

describe('waivers', () => {
  it('take a finding off a document, with the reason that it gives', async () => {
    const { exit, report } = await lint(
      folder({ ...CLEAN, 'p.yaml': annotated('lint.headway.dev/HW1061: used next week') }),
    );
    expect(exit).toBe(0);
    expect(report?.waived).toMatchObject([{ finding: { code: 'HW1061' }, reason: 'used next week' }]);
  });

  it.each([
    [
      'of what the daemon refuses',
      'lint.headway.dev/HW1013: because I say so',
      ['HW1061 warning p.yaml:3', 'HW1068 error p.yaml:3'],
    ],
    [
      'of no code at all',
      'lint.headway.dev/HW1999: because I say so',
      ['HW1061 warning p.yaml:3', 'HW1068 error p.yaml:3'],
    ],
    ['without a reason', 'lint.headway.dev/HW1061: "  tbd    "', ['HW1061 warning p.yaml:3', 'HW1068 error p.yaml:3']],
    [
      'for nothing',
      'lint.headway.dev/HW1061: used next week, lint.headway.dev/HW1060: never mind it',
      ['HW1069 warning p.yaml:3'],
    ],
  ])('do not hold %s', async (_name, annotations, expected) => {
    const { exit, found } = await lint(folder({ ...CLEAN, 'p.yaml': annotated(annotations) }));
    expect(exit).toBe(1);
    expect([...(found ?? [])].sort()).toEqual(expected);
  });

  it('of one document are not those of another with its name', async () => {
    const waived = component('cart', '').replace(
      'metadata: {',
      'metadata: {annotations: {lint.headway.dev/HW1061: a long reason}, ',
    );
    const { found } = await lint(folder({ ...CLEAN, 'cart.yaml': waived, 'p.yaml': POLICY }));
    expect(found).toContain('HW1061 warning p.yaml:3');
  });
});

describe('.headway.yaml', () => {
  it('gives severities to rules of lint, and leaves files out', async () => {
    const dir = folder({
      ...CLEAN,
      'cart.yaml': component('cart', ''),
      'p.yaml': POLICY,
      'charts/values.yaml': 'image: x\n',
      '.headway.yaml': config(
        'ignore: ["charts/**"]\nrules: [{code: HW1064, severity: Error}, {code: HW1061, severity: Ignore}]\n',
      ),
    });
    expect((await lint(dir)).found).toEqual(['HW1062 warning cart.yaml:4', 'HW1064 error cart.yaml:4']);
  });

  it('says which namespaces the repository has, where the host follows several: lint and plan refuse others', async () => {
    const files = { ...CLEAN, '.headway.yaml': config('namespaces: [shop, cart]\n') };
    const { dir, commit } = await repository(files);
    expect((await lint(dir)).found).toEqual([]);
    await commit({ 'blog.yaml': component('blog', PROBE, 'blog').replace('blog.wasm', 'cart.wasm') });
    for (const target of [dir, `${dir}@HEAD`]) {
      const { exit, found } = await lint(target);
      expect([exit, found]).toEqual([1, ['HW1120 error blog.yaml:3']]);
    }
    const plan = await headway(['plan', '--repo', dir, 'HEAD~1..HEAD']);
    expect([plan.code, plan.out]).toEqual([
      1,
      expect.stringContaining('HW1120 this repository may not hold namespace blog'),
    ]);
    await commit({ '.headway.yaml': config('namespaces: [Shop]\n') });
    expect((await lint(dir)).exit).toBe(2);
    const broken = await headway(['plan', '--repo', dir, 'HEAD~1..HEAD']);
    expect([broken.code, broken.err]).toEqual([1, expect.stringContaining('.headway.yaml:3')]);
  });

  it('above the folder, in the same repository, holds for it, with globs from where it lies', async () => {
    const { dir } = await repository({
      '.headway.yaml': config('ignore: ["env/charts/**"]\n'),
      ...Object.fromEntries(Object.entries(CLEAN).map(([file, text]) => [`env/${file}`, text])),
      'env/charts/values.yaml': 'image: x\n',
    });
    expect((await lint(path.join(dir, 'env'))).found).toEqual([]);
    expect((await lint(path.join(dir, 'env'), { ignore: ['route.yaml'] })).found).toEqual([
      'HW1060 warning cart.yaml:3',
    ]);
  });

  it.each([
    ['not of its form', 'rulez: []\n', /\.headway\.yaml:3:1: `rulez` is not a field.*HW1013/],
    [
      'about what the daemon refuses',
      'rules: [{code: HW1013, severity: Ignore}]\n',
      /:3:16: HW1013 is what the daemon refuses.*HW1068/,
    ],
    ['about nothing', 'rules: [{code: HW9999, severity: Ignore}]\n', /there is no code HW9999.*HW1068/],
    [
      'twice about one',
      'rules: [{code: HW1061, severity: Ignore}, {code: HW1061, severity: Error}]\n',
      /HW1061 is given a severity twice.*HW1030/,
    ],
    ['several documents', '---\na: 1\n', /holds 2 documents.*HW1027/],
  ])('%s ends with 2: what it meant is not known', async (_name, text, said) => {
    const { exit, report, err } = await lint(folder({ ...CLEAN, '.headway.yaml': config(text) }));
    expect([exit, report]).toEqual([2, undefined]);
    expect(err).toMatch(said);
    expect(err).toContain('fix: ');
  });
});

describe('a commit', () => {
  it('is linted as it is in the repository, whatever lies in the work tree', async () => {
    const { dir, commit } = await repository(CLEAN);
    await commit({ 'p.yaml': POLICY });
    write(dir, { 'cart.yaml': 'not: ours\n' });
    expect((await lint(`${dir}@HEAD`)).found).toEqual(['HW1061 warning p.yaml:3']);
    expect((await lint(`${dir}@HEAD~1`)).found).toEqual([]);
    expect((await lint(dir)).found).toContain('HW1010 error cart.yaml:1');
  });

  it('of a folder that only the commit has, or of one in a bare repository, is that folder and not the whole', async () => {
    const inFolder = (name: string) =>
      Object.fromEntries(Object.entries(CLEAN).map(([file, text]) => [`${name}/${file}`, text]));
    const { dir, commit } = await repository({ ...inFolder('fleet'), 'other.yaml': 'a: [' });
    await run('git', ['-C', dir, 'checkout', '-q', '-b', 'topic']);
    await commit({ ...inFolder('next'), 'next/p.yaml': POLICY });
    await run('git', ['-C', dir, 'checkout', '-q', '-']);
    const bare = path.join(folder({}), 'bare.git');
    await run('git', ['clone', '-q', '--bare', dir, bare]);
    for (const [place, exit, found] of [
      [`${dir}/next@topic`, 1, ['HW1061 warning p.yaml:3']],
      [`${bare}/next@topic`, 1, ['HW1061 warning p.yaml:3']],
      [`${bare}/fleet@HEAD`, 0, []],
    ] as const) {
      expect(await lint(place)).toMatchObject({ exit, found });
    }
    const { exit, err } = await lint(`${bare}/nowhere@HEAD`);
    expect([exit, err]).toEqual([2, expect.stringContaining('HW3014')]);
  });

  it('has its artifacts and its configuration', async () => {
    const { dir, commit } = await repository({
      ...CLEAN,
      '.headway.yaml': config('rules: [{code: HW1061, severity: Ignore}]\n'),
    });
    await commit({ 'p.yaml': POLICY });
    expect((await lint(`${dir}@main`)).found).toEqual([]);
    rmSync(path.join(dir, 'cart.wasm'));
    expect((await lint(`${dir}@main`)).found).toEqual([]);
    expect((await lint(dir)).found).toEqual(['HW2001 error cart.yaml:5', 'HW1024 error route.yaml:5']);
  });

  it.each([
    ['an unknown revision', '@nowhere', /nowhere names no commit.*HW3019/],
    ['an option in place of a revision', '@--exec=x', /is not a revision.*HW3019/],
  ])('%s ends with 2', async (_name, revision, said) => {
    const { dir } = await repository(CLEAN);
    const { exit, err } = await lint(`${dir}${revision}`);
    expect(exit).toBe(2);
    expect(err).toMatch(said);
  });
});

describe('--changed-since', () => {
  const two: Files = { ...CLEAN, 'p.yaml': POLICY, 'q.yaml': POLICY.replace('name: p', 'name: q') };

  it('says only what is in files that differ, committed or not', async () => {
    const { dir, commit } = await repository(two);
    expect((await lint(dir, { changedSince: 'HEAD' })).found).toEqual([]);
    write(dir, { 'q.yaml': `${two['q.yaml'] as string}# later\n` });
    expect((await lint(dir, { changedSince: 'HEAD' })).found).toEqual(['HW1061 warning q.yaml:3']);
    await commit({});
    expect((await lint(`${dir}@HEAD`, { changedSince: 'HEAD~1' })).found).toEqual(['HW1061 warning q.yaml:3']);
    expect((await lint(`${dir}@HEAD~1`, { changedSince: 'HEAD~1' })).found).toEqual([]);
  });

  it('compares with what both have in common, so that what happened to the branch meanwhile is nobody else’s', async () => {
    const { dir, commit } = await repository(CLEAN);
    await run('git', ['-C', dir, 'branch', 'topic']);
    await commit({ 'p.yaml': POLICY });
    await run('git', ['-C', dir, 'checkout', '-q', 'topic']);
    await commit({ 'q.yaml': POLICY.replace('name: p', 'name: q') });
    expect((await lint(dir, { changedSince: 'main' })).found).toEqual(['HW1061 warning q.yaml:3']);
  });

  it('counts a changed artifact as a change of who names it', async () => {
    const { dir } = await repository({ ...CLEAN, 'cart.yaml': component('cart', '') });
    expect((await lint(dir, { changedSince: 'HEAD' })).found).toEqual([]);
    write(dir, { 'cart.wasm': example('greeting-v2') });
    expect((await lint(dir, { changedSince: 'HEAD' })).found).toEqual([
      'HW1062 warning cart.yaml:4',
      'HW1064 warning cart.yaml:4',
    ]);
  });

  it('outside of a repository ends with 2', async () => {
    const { exit, err } = await lint(folder(CLEAN), { changedSince: 'HEAD' });
    expect(exit).toBe(2);
    expect(err).toMatch(/is not a git repository.*HW3018/);
  });
});

describe('--fix', () => {
  it('writes the one right answer, says how many, and leaves the rest', async () => {
    const bad = component(
      'cart',
      `${PROBE}  # kept\n  limits: {memroy: 64Mi, concurrency: "8"}\n  env: [{name: A, value: 8080}]\n  rollout: {strategy: {type: immediate}}\n  nonsense: 1\n`,
    );
    const dir = folder({ ...CLEAN, 'cart.yaml': bad });
    chmodSync(path.join(dir, 'cart.yaml'), 0o640);
    const { exit, found, err } = await lint(dir, { fix: true });
    expect(err).toBe('headway: mended 4 of the findings\n');
    expect(found).toEqual(['HW1013 error cart.yaml:11', 'HW1024 error route.yaml:5']);
    expect(exit).toBe(1);
    expect(readFileSync(path.join(dir, 'cart.yaml'), 'utf8')).toBe(
      bad.replace('memroy', 'memory').replace('"8"', '8').replace('8080', '"8080"').replace('immediate', 'Immediate'),
    );
    expect(statSync(path.join(dir, 'cart.yaml')).mode & 0o777).toBe(0o640);
    expect((await lint(dir, { fix: true })).err).toBe('');
  });

  it('writes what lint alone knows: a value as it arrives, and no more access than is used', async () => {
    const view = component('cart', `${PROBE}  capabilities: [{name: c, keyValue: {store: c, access: ReadWrite}}]\n`);
    const beta = route(
      'cart',
      '  rules: [{matches: [{headers: [{name: x-channel, value: "beta "}]}], backendRef: {name: cart}}]\n',
    );
    const dir = folder({ ...CLEAN, 'cart.yaml': view, 'cart.wasm': example('counter-view'), 'route.yaml': beta });
    const { found, err } = await lint(dir, { fix: true });
    expect([found, err]).toEqual([[], 'headway: mended 2 of the findings\n']);
    expect(readFileSync(path.join(dir, 'cart.yaml'), 'utf8')).toBe(view.replace('ReadWrite', 'ReadOnly'));
    expect(readFileSync(path.join(dir, 'route.yaml'), 'utf8')).toBe(beta.replace('"beta "', '"beta"'));
  });

  it('keeps a byte order mark, line ends and letters beyond ASCII where they were', async () => {
    const text = `\ufeff# größe 🙂\r\n${component('cart', `${PROBE}  limits: {memroy: 64Mi}\n`).replaceAll('\n', '\r\n')}`;
    const dir = folder({ ...CLEAN, 'cart.yaml': text });
    await lint(dir, { fix: true });
    expect(readFileSync(path.join(dir, 'cart.yaml'), 'utf8')).toBe(text.replace('memroy', 'memory'));
  });

  it.each([
    ['two fields are as near', '  limits: {mem: 64Mi}\n'],
    ['the right one is there already', '  limits: {memroy: 64Mi, memory: 32Mi}\n'],
    ['it is another word', '  limits: {ram: 64Mi}\n'],
  ])('guesses nothing where %s', async (_name, spec) => {
    const bad = component('cart', PROBE + spec);
    const dir = folder({ ...CLEAN, 'cart.yaml': bad });
    await lint(dir, { fix: true });
    expect(readFileSync(path.join(dir, 'cart.yaml'), 'utf8')).toBe(bad);
  });

  it('of a commit is wrong usage', async () => {
    const { dir } = await repository(CLEAN);
    expect(await lint(`${dir}@HEAD`, { fix: true })).toMatchObject({
      exit: 2,
      err: expect.stringContaining('HW5012') as string,
    });
  });
});

describe('the command line', () => {
  it('prints one report and writes any number beside it', async () => {
    const dir = folder({ ...CLEAN, 'p.yaml': POLICY });
    const out = folder({});
    const { code, out: printed } = await headway([
      'lint',
      dir,
      '--format',
      'github',
      '--report',
      `sarif=${out}/lint.sarif`,
      '--report',
      `junit=${out}/lint.xml`,
    ]);
    expect(code).toBe(1);
    expect(printed).toMatch(/^::warning .*title=HW1061::/);
    expect(readFileSync(path.join(out, 'lint.sarif'), 'utf8')).toContain('"ruleId": "HW1061"');
    expect(readFileSync(path.join(out, 'lint.xml'), 'utf8')).toContain('type="HW1061"');
  });

  it('says places as the one who stands where the job runs sees them', async () => {
    const dir = folder({ 'env/p.yaml': POLICY });
    const { out } = await headway(['lint', 'env', '--format', 'github'], { cwd: dir });
    expect(out).toContain('file=env/p.yaml');
  });

  it.each([
    [{ format: 'html' }, 'there is no reporter "html"; there are text, json,'],
    [{ format: 'text', report: ['sarif'] }, 'names no file'],
    [{ format: 'text', report: ['html=x'] }, 'there is no reporter "html"'],
  ])('%j is wrong usage', (flags, said) => {
    const options = lintArguments('.', flags);
    expect(options.ok ? '' : options.error).toContain(said);
  });

  it('a report that cannot be written ends with 2', async () => {
    const { code, err } = await headway(['lint', folder(CLEAN), '--report', 'json=/no/such/folder/x.json']);
    expect(code).toBe(2);
    expect(err).toMatch(/cannot be written.*HW5013/);
  });

  it('prints the schema of each kind', async () => {
    const kinds = (await headway(['schema'])).out.trim().split('\n');
    expect(kinds).toContain('Component');
    const { code, out } = await headway(['schema', 'rolloutpolicy']);
    expect(code).toBe(0);
    expect((JSON.parse(out) as { title: string }).title).toBe('RolloutPolicy');
    expect((await headway(['schema', 'Componet'])).err).toMatch(/did you mean Component\?/);
  });
});
