/** Two environments over one base, as real files and commits: lint and plan see what the daemon would. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planCommand, type PlanOptions } from '../../src/process/plan.ts';
import { headway } from '../support/headway.ts';
import { example } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';
import { component, environment, rolloutPolicy, route, type Files } from '../manifest/support.ts';
import { removeFolder, standingFolder } from '../e2e/story.ts';

const PROBE = '  probes: {readiness: {httpGet: {path: /healthz}}}\n';
const GREETING = component('greeting', PROBE).replace('path: greeting.wasm', 'path: wasm/greeting.wasm');
const routeTo = (backend: string) =>
  route('greeting', `  hostnames: ["\${host}"]\n  rules: [{backendRef: {name: ${backend}}}]\n`);
const over = (name: string, memory: string, more = '') => ({
  [`environments/${name}/environment.yaml`]: environment(
    `  bases: [../../base]
  variables: [{name: host, value: ${name}.example}]
  patches: [{target: {kind: Component, namespace: shop, name: greeting}, patch: {spec: {limits: {memory: ${memory}}${more}}}}]
`,
    name,
  ),
});
const FIRST: Files = {
  'base/shop/greeting.yaml': GREETING,
  'base/shop/route.yaml': routeTo('greeting'),
  'base/wasm/greeting.wasm': example('greeting-v1'),
  ...over('staging', '64Mi'),
  ...over('production', '128Mi'),
};

describe('environments over one base', () => {
  let folder: string;
  let repository: Repository;

  beforeAll(async () => {
    folder = await standingFolder();
    repository = await Repository.create(path.join(folder, 'git'));
    await repository.push('Start', FIRST);
  });

  afterAll(() => removeFolder(folder));

  const at = (name: string) => path.join(repository.work, name);
  const lint = (...args: readonly string[]) => headway(['lint', ...args], { cwd: repository.work });
  async function plan(range: string, folder: string, more: Partial<PlanOptions> = {}) {
    let [out, err] = ['', ''];
    const terminal = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      colours: false,
    };
    const [base, head] = range.split('..') as [string, string];
    const code = await planCommand(
      { repo: repository.work, path: folder, base, head, format: 'json', failOnEscalation: false, ...more },
      terminal,
    );
    return { code, plan: out.startsWith('{') ? (JSON.parse(out) as never) : undefined, out, err };
  }

  it('are clean, as folders and as commits', async () => {
    expect(await lint('environments/production')).toMatchObject({ code: 0, err: '' });
    expect(await lint('environments/staging@HEAD')).toMatchObject({ code: 0, err: '' });
  });

  it('a finding in the base is at its file, one of a patch in the Environment; reports name files from the root', async () => {
    const broken = over('production', '1Pi');
    write({ ...broken, 'base/shop/route.yaml': routeTo('gretting') });
    const { code, out } = await lint('environments/production');
    expect(code).toBe(1);
    expect(out).toMatch(/^environment\.yaml:7:106: error HW1017 /m);
    expect(out).toMatch(/^\.\.\/\.\.\/base\/shop\/route\.yaml:6:31: error HW1023 /m);
    expect(out).toContain('gretting');
    const github = await lint('environments/production', '--format', 'github');
    expect(github.out).toContain('file=base/shop/route.yaml,');
    write(FIRST);
  });

  it('a base that is the environment itself, or lies behind a link, is refused', async () => {
    const base = (name: string) =>
      write({ 'environments/production/environment.yaml': environment(`  bases: [${name}]\n`, 'production') });
    symlinkSync(at('base'), at('linked'));
    for (const [name, says] of [
      ['../production', 'holds the followed path itself'],
      ['../../linked', 'there is no folder linked'],
    ] as const) {
      base(name);
      const { code, out } = await lint('environments/production');
      expect([code, out]).toEqual([1, expect.stringMatching(new RegExp(`HW1150.*${says}`))]);
    }
    rmSync(at('linked'));
    write(FIRST);
  });

  it('plan: a change of the base is one of each, a change of a patch of its own', async () => {
    await repository.push('Base', { 'base/shop/greeting.yaml': GREETING.replace('/healthz', '/') });
    for (const name of ['staging', 'production']) {
      const { code, plan: made } = await plan('HEAD~1..HEAD', `environments/${name}`);
      expect([code, made]).toMatchObject([2, { entries: [{ key: 'shop/greeting', change: 'Settings' }] }]);
    }
    await repository.push('Patch', over('staging', '96Mi'));
    expect(await plan('HEAD~1..HEAD', 'environments/production')).toMatchObject({ code: 0 });
    const { plan: staging } = await plan('HEAD~1..HEAD', 'environments/staging');
    expect(staging).toMatchObject({
      entries: [{ change: 'Replace', differences: ['limits.memoryBytes 67108864 → 100663296'] }],
    });
  });

  it('plan: another artifact in the base is found there', async () => {
    await repository.push('Build', { 'base/wasm/greeting.wasm': example('greeting-v2') });
    const { plan: made } = await plan('HEAD~1..HEAD', 'environments/staging');
    expect(made).toMatchObject({
      entries: [{ change: 'Replace', differences: [expect.stringMatching(/^artifact /)] }],
    });
    await repository.push('Gone', { 'base/wasm/greeting.wasm': null });
    const gone = await plan('HEAD~1..HEAD', 'environments/staging');
    expect(gone).toMatchObject({ code: 1, plan: { entries: [{ problems: [{ code: 'HW2001' }] }] } });
  });

  it('plan of several: what each gets, and what the second lacks of the first; a promotion makes it less', async () => {
    const both = { environments: ['staging', 'production'] };
    await repository.push('Here again', { 'base/wasm/greeting.wasm': example('greeting-v2') });
    const suspended = over('staging', '96Mi', ', suspend: true');
    await repository.push('Try it in staging', suspended);
    const tried = await plan('HEAD~1..HEAD', 'environments', both);
    expect(tried).toMatchObject({
      code: 2,
      plan: {
        environments: [
          {
            name: 'staging',
            path: 'environments/staging',
            plan: { entries: [{ differences: ['suspend false → true'] }] },
          },
          { name: 'production', plan: { entries: [] } },
        ],
        promotions: [
          {
            from: 'staging',
            to: 'production',
            entries: [
              {
                key: 'shop/greeting',
                change: 'Replace',
                differences: expect.arrayContaining([
                  'limits.memoryBytes 134217728 → 100663296',
                  'suspend false → true',
                  expect.stringMatching(/^routes: /),
                ]) as unknown,
              },
            ],
          },
        ],
      },
    });
    await repository.push('Promote', over('production', '96Mi', ', suspend: true'));
    const { code, out } = await plan('HEAD~1..HEAD', 'environments', { ...both, format: 'text' });
    expect(code).toBe(2);
    expect(out).toMatch(/^== staging \(environments\/staging\)\nplan \w+\.\.\w+\n\nnothing changes\n\n== production /);
    expect(out).toContain('  ~ limits.memoryBytes 134217728 → 100663296\n');
    expect(out).toMatch(
      /\nstaging has, and production has not:\n {2}shop\/greeting gets other triggers, the same cells\n {4}~ routes: .*\n$/,
    );
    const markdown = await plan('HEAD~1..HEAD', 'environments', { ...both, format: 'markdown' });
    expect(markdown.out.match(/headway:plan/g)).toHaveLength(1);
    expect(markdown.out).toContain('## production (`environments/production`)');
    expect(await plan('HEAD~1..HEAD', 'environments', { environments: ['staging', 'prod'] })).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('environment prod (environments/prod): ') as string,
    });
  });

  it('plan and lint of a clone that is too shallow say so, and how to get the rest', async () => {
    await repository.git('push', '-q', 'origin', 'HEAD~1:refs/heads/before');
    const shallow = path.join(folder, 'shallow');
    await repository.git('clone', '-q', '--depth', '1', '--no-single-branch', `file://${repository.bare}`, shallow);
    const range = 'origin/before..origin/main';
    for (const args of [
      ['plan', range, '--path', 'environments/staging'],
      ['lint', 'environments/staging', '--changed-since', 'origin/before'],
    ]) {
      const { code, out, err } = await headway(args, { cwd: shallow });
      expect([code, out, err]).toEqual([args[0] === 'plan' ? 1 : 2, '', expect.stringContaining('may be too shallow')]);
      expect(err).toContain('fetch-depth: 0');
    }
  });

  it('plan: without its Environment nothing of a base is taken for deleted', async () => {
    await repository.push('Broken', { 'environments/staging/environment.yaml': 'kind: [' });
    const { code, err } = await plan('HEAD~1..HEAD', 'environments/staging');
    expect([code, err]).toEqual([1, expect.stringContaining('HW1150')]);
  });

  it('a value that is no text cannot be a variable, and says so; --fix leaves files of a base alone', async () => {
    const own = 'environments/production/environment.yaml';
    const text = over('production', '128Mi')[own]!;
    write({
      [own]: text.replace('variables: [', 'variables: [{name: replicas, value: "3"}, {name: kind, value: pooled}, '),
      'base/shop/greeting.yaml': `${GREETING}  scaling: {minReplicas: "\${replicas}"}\n  instancePolicy: "\${kind}"\n`,
    });
    const before = readFileSync(at('base/shop/greeting.yaml'), 'utf8');
    const { code, out } = await lint('environments/production', '--fix');
    expect(code).toBe(1);
    expect(out).toMatch(/^\.\.\/\.\.\/base\/shop\/greeting\.yaml:7:\d+: error HW1015 /m);
    expect(out).toContain('fix: a variable makes a text: give this value by a patch of the Environment');
    expect(out).toContain('HW1016');
    expect(readFileSync(at('base/shop/greeting.yaml'), 'utf8')).toBe(before);
    write(FIRST);
  });

  it('--changed-since: of a base only what changed, in its file or by the Environment', async () => {
    const unused = (name: string, bake: string) => rolloutPolicy(name, `  bake: {duration: ${bake}}\n`);
    const start: Files = {
      ...FIRST,
      'base/shop/first.yaml': unused('first', '1m'),
      'base/shop/second.yaml': unused('second', '1m'),
    };
    await repository.push('Unused', start);
    const found = async () => {
      const { out } = await lint('environments/production', '--changed-since', 'HEAD');
      return [...out.matchAll(/^(\S+?):\d+:\d+: \w+ (HW\d+)/gm)].map(([, file, code]) => `${code} ${file}`).sort();
    };
    expect((await lint('environments/production')).out.match(/HW1061/g)).toHaveLength(2);
    expect(await found()).toEqual([]);
    write({ 'base/shop/second.yaml': unused('second', '2m') });
    expect(await found()).toEqual(['HW1061 ../../base/shop/second.yaml']);
    write(start);
    const patch =
      '{target: {kind: RolloutPolicy, namespace: shop, name: first}, patch: {spec: {bake: {duration: 3m}}}}';
    const text = start['environments/production/environment.yaml'] as string;
    write({ 'environments/production/environment.yaml': text.replace('patches: [', `patches: [${patch}, `) });
    expect(await found()).toEqual(['HW1061 ../../base/shop/first.yaml']);
    // A variable: the same texts in the base say something else.
    write({
      'environments/production/environment.yaml': text.replace('value: production.example', 'value: other.example'),
    });
    expect(await found()).toEqual([]);
    // What another document referred to is gone: that error is of this change, wherever it stands.
    write(start);
    write({ 'environments/production/environment.yaml': text.replace('name: greeting}', 'name: greting}') });
    expect(await found()).toEqual(['HW1154 environment.yaml']);
    write(start);
    rmSync(at('base/shop/greeting.yaml'));
    expect(await found()).toContain('HW1023 ../../base/shop/route.yaml');
    write(start);
  });

  it('plan: an environment that is new is all new; one that is taken away is all deleted, and no daemon follows there', async () => {
    await repository.push('Canary', over('canary', '64Mi'));
    const added = await plan('HEAD~1..HEAD', 'environments/canary');
    expect(added).toMatchObject({ code: 2, plan: { entries: [{ key: 'shop/greeting', change: 'Add' }] } });
    expect(added.plan).not.toHaveProperty('deletion');
    await repository.push('Gone', { 'environments/canary/environment.yaml': null });
    const gone = await plan('HEAD~1..HEAD', 'environments/canary');
    expect(gone).toMatchObject({
      code: 1,
      plan: {
        entries: [{ key: 'shop/greeting', change: 'Remove' }],
        deletion: { keys: ['shop/greeting'], held: 'this deletes everything that runs in namespace shop' },
        problems: [{ code: 'HW3014', message: expect.stringContaining('goes on with the one before') as string }],
      },
    });
    const { out } = await plan('HEAD~1..HEAD', 'environments/canary', { format: 'text' });
    expect(out).toMatch(/deletes shop\/greeting: held, because .*\n/);
    const several = await plan('HEAD~2..HEAD~1', 'environments', { environments: ['staging', 'canary'] });
    expect(several).toMatchObject({ code: 2 });
    const never = await plan('HEAD~1..HEAD', 'environments/never');
    expect(never).toMatchObject({ code: 1, out: '', err: expect.stringContaining('HW3014') as string });
  });

  function write(files: Files): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(at(name)), { recursive: true });
      writeFileSync(at(name), text);
    }
  }
});
