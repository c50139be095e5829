/**
 * docs/ci.md, as far as it goes without its vendors: the commands of each recipe as they stand, in a shell as the vendor
 * starts it, on a branch of a repository whose `node_modules` has this Headway, with a `gh` that answers for the forge.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../support/headway.ts';
import { environment, example, plainComponent, quickPolicy, route } from '../support/manifests.ts';
import { Repository, type Changes } from '../support/repository.ts';

/** Files that the page shows, by the name that it gives them. */
async function filesOf(page: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(path.join(ROOT, page), 'utf8');
  return new Map([...text.matchAll(/^```\w+ file=(\S+)\n([^]*?)^```$/gm)].map(([, name, body]) => [name!, body!]));
}

/** The forge: comments are in a file, and each call is written down. Its arguments are those of the recipe. */
const GH = `#!/usr/bin/env bash
set -euo pipefail
echo "$*" >> "$GH_LOG"
case "$*" in
  *--paginate*) if [ -s "$GH_LOG.body" ]; then echo 7; fi ;;
  *body=@*) last=\${!#}; cp "\${last#body=@}" "$GH_LOG.body" ;;
esac
`;

interface Run {
  readonly code: number | null;
  readonly out: string;
}

let folder: string;
let repository: Repository;
let recipes: ReadonlyMap<string, string>;

const GREETING = 'fleet/shop/greeting.yaml';
function greeting(wasm: string, more = ''): Changes {
  return {
    [GREETING]: `${plainComponent({ wasm: `wasm/${wasm}.wasm` })}${more}`,
    [`fleet/wasm/${wasm}.wasm`]: example(wasm),
  };
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headway-ci-'));
  recipes = await filesOf('docs/ci.md');
  repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Start', {
    ...greeting('greeting-v1'),
    'fleet/environment.yaml': environment(),
    'fleet/shop/policies.yaml': quickPolicy(),
    'fleet/shop/route.yaml': route(),
    ...Object.fromEntries(recipes),
    '.gitignore': '/node_modules/\n/plan.md\n/lint.*\n/quality.json\n',
  });
  const bin = path.join(repository.work, 'node_modules/.bin');
  await mkdir(bin, { recursive: true });
  await symlink(path.join(ROOT, 'src/headway.mjs'), path.join(bin, 'headway'));
  await mkdir(path.join(folder, 'bin'));
  await writeFile(path.join(folder, 'bin/gh'), GH);
  await chmod(path.join(folder, 'bin/gh'), 0o755);
});

afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

/** Each test has a branch of its own, from main. */
let branches = 0;
beforeEach(async () => {
  branches += 1;
  await repository.git('switch', '-q', '-c', `branch-${branches}`, 'origin/main');
});

function run(script: string, env: Readonly<Record<string, string>>, shell = ['bash', '-eo', 'pipefail']): Promise<Run> {
  const [command, ...flags] = shell;
  // `npm ci` would ask a registry; what it brings is there.
  const child = spawn(command!, [...flags, '-c', `npm() { :; }\n${script}`], {
    cwd: repository.work,
    env: { ...process.env, ...env, PATH: `${path.join(folder, 'bin')}:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (out += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out })));
}

const BETTER = greeting('greeting-v2');
const BROKEN: Changes = { 'fleet/shop/route.yaml': 'apiVersion: headway.dev/v1alpha1\nkind: Rout\n' };

describe('GitHub Actions', () => {
  interface Workflow {
    readonly jobs: {
      readonly headway: { readonly steps: readonly { readonly name?: string; readonly run?: string }[] };
    };
  }

  async function steps(): Promise<{ readonly runs: readonly Run[]; readonly summary: string; readonly calls: string }> {
    const { jobs } = parse(recipes.get('.github/workflows/fleet.yaml')!) as Workflow;
    const log = path.join(folder, `gh-${branches}`);
    const summary = `${log}.md`;
    await writeFile(log, '');
    await writeFile(summary, '');
    const env = {
      GITHUB_BASE_REF: 'main',
      GITHUB_REPOSITORY: 'platform/fleet',
      GITHUB_STEP_SUMMARY: summary,
      NUMBER: '12',
      GH_LOG: log,
    };
    const runs: Run[] = [];
    for (const { run: script } of jobs.headway.steps) {
      if (script !== undefined) runs.push(await run(script, env));
      if (runs.at(-1) && runs.at(-1)!.code !== 0) break;
    }
    return { runs, summary: await readFile(summary, 'utf8'), calls: await readFile(log, 'utf8') };
  }

  it('a good change passes; its plan is in the summary and in one comment, which the next push replaces', async () => {
    await repository.commit('Greet better', BETTER);
    const first = await steps();
    expect(first.runs.map(({ code, out }) => (code === 0 ? code : out))).toEqual([0, 0, 0, 0]);
    expect(first.summary).toContain('shop/greeting');
    const sarif = JSON.parse(await readFile(path.join(repository.work, 'lint.sarif'), 'utf8')) as { version: string };
    expect(sarif.version).toBe('2.1.0');
    expect(first.calls.trim().split('\n').at(-1)).toBe('api repos/platform/fleet/issues/12/comments -F body=@plan.md');
    const comment = await readFile(path.join(folder, `gh-${branches}.body`), 'utf8');
    expect(comment.startsWith('<!-- headway:plan -->\n')).toBe(true);
    const again = await steps();
    expect(again.calls).toContain('api -X PATCH repos/platform/fleet/issues/comments/7 -F body=@plan.md');
  });

  it('a broken one fails at its line', async () => {
    await repository.commit('Break the route', BROKEN);
    const { runs } = await steps();
    expect(runs.at(-1)).toMatchObject({
      code: 1,
      out: expect.stringContaining('::error file=fleet/shop/route.yaml,line='),
    });
  });
});

describe('GitLab CI', () => {
  async function job(): Promise<Run> {
    const { headway } = parse(recipes.get('.gitlab-ci.yml')!) as { headway: { script: readonly string[] } };
    const env = { CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main' };
    return run(headway.script.join('\n'), env);
  }

  it('a good change passes, with the reports of the merge request', async () => {
    await repository.commit('Greet better', BETTER);
    const { code, out } = await job();
    expect([code, out]).toEqual([0, expect.stringContaining('headway plan')]);
    expect(JSON.parse(await readFile(path.join(repository.work, 'quality.json'), 'utf8'))).toEqual([]);
    expect(await readFile(path.join(repository.work, 'lint.xml'), 'utf8')).toContain('<testsuites');
  });

  it('a broken one fails, and says where in the reports too', async () => {
    await repository.commit('Break the route', BROKEN);
    expect((await job()).code).toBe(1);
    const quality = JSON.parse(await readFile(path.join(repository.work, 'quality.json'), 'utf8')) as {
      location: { path: string };
    }[];
    expect(quality.map(({ location }) => location.path)).toContain('fleet/shop/route.yaml');
  });
});

describe('a plain shell', () => {
  const script = () => run('bash ./ci.sh', {});

  it('passes a change', async () => {
    await repository.commit('Greet better', BETTER);
    expect(await script()).toMatchObject({ code: 0, out: expect.stringContaining('shop/greeting') });
  });

  it('stops what gains a grant', async () => {
    const grant = '  capabilities: [{name: carts, keyValue: {store: carts, access: ReadWrite}}]\n';
    await repository.commit('Keep carts', greeting('greeting-v1', grant));
    const { code, out } = await script();
    expect([code, out]).toEqual([1, expect.stringContaining('carts')]);
  });

  it('stops what is broken', async () => {
    await repository.commit('Break the route', BROKEN);
    expect((await script()).code).toBe(1);
  });
});
