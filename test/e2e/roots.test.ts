/** Two teams, two repositories, one daemon: what breaks one of them is no business of the other. */
import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Status } from '../../src/model/status.ts';
import { EXIT } from '../../src/model/exit.ts';
import { Daemon } from '../support/daemon.ts';
import { headway } from '../support/headway.ts';
import { component, environment, example, immediatePolicy, route } from '../support/manifests.ts';
import { Repository, type Changes } from '../support/repository.ts';
import type { Traffic } from '../support/traffic.ts';
import { KEY, provenAfter, temporaryFolder, traffic } from './story.ts';

const BLOG = 'blog/greeting';
const SECRET = 'a-secret-of-the-hook';

/** One namespace with the greeting at a host of its own; git is looked at rarely unless somebody hints. */
function team(namespace: string, wasm: string): Changes {
  return {
    'environment.yaml': environment({ name: `${namespace}s`, tenants: [namespace] }),
    [`${namespace}/policy.yaml`]: immediatePolicy({ namespace }),
    [`${namespace}/greeting.yaml`]: greeting(namespace, wasm),
    [`${namespace}/route.yaml`]: route({ namespace, hostname: `${namespace}.example` }),
    'wasm/v1.wasm': example('greeting-v1'),
    'wasm/v2.wasm': example('greeting-v2'),
  };
}

function greeting(namespace: string, wasm: string): string {
  return component({ namespace, wasm: `wasm/${wasm}.wasm`, rollout: '{policyRef: {name: now}}' });
}

async function lossOf(load: Traffic) {
  const { lost, byStatus } = await load.stop();
  return { lost, statuses: Object.keys(byStatus) };
}

describe('two roots in one daemon', () => {
  let folder: string;
  let config: string;
  let shops: Repository;
  let blogs: Repository;
  let daemon: Daemon;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'headway-'));
    shops = await Repository.create(path.join(folder, 'shops'));
    blogs = await Repository.create(path.join(folder, 'blogs'));
    await shops.push('Open', team('shop', 'v1'));
    await blogs.push('Open', team('blog', 'v1'));
    config = path.join(folder, 'runtime.yaml');
    await writeFile(
      config,
      `apiVersion: headway.dev/v1alpha1
kind: Runtime
webhook: {secret: {file: hook}}
roots:
  - {name: shops, namespaces: [shop], repository: {url: "${shops.url}"}}
  - {name: blogs, namespaces: [blog], repository: {url: "${blogs.url}"}}
`,
    );
    await writeFile(path.join(folder, 'hook'), SECRET);
    daemon = await Daemon.start({ config, data: path.join(folder, 'data') });
    await provenAfter(daemon, undefined);
    await provenAfter(daemon, undefined, BLOG);
  });

  afterAll(async () => {
    await daemon?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const root = ({ roots = [] }: Status, name: string) => roots.find((one) => one.name === name)!;
  const body = async (host: string) => (await daemon.ask('/', host)).body;

  it('both serve, each from its own repository, and all that is told says which', async () => {
    expect([await body('shop.example'), await body('blog.example')]).toEqual([
      expect.stringContaining('v1'),
      expect.stringContaining('v1'),
    ]);
    const status = (await daemon.status())!;
    expect(status.roots).toMatchObject([
      {
        name: 'shops',
        namespaces: ['shop'],
        ready: true,
        environment: 'shops',
        source: { acceptedCommit: await shops.head() },
      },
      {
        name: 'blogs',
        namespaces: ['blog'],
        ready: true,
        environment: 'blogs',
        source: { acceptedCommit: await blogs.head() },
      },
    ]);
    expect(new Map(status.entries.map(({ key, root: of }) => [key, of]))).toEqual(
      new Map([
        [BLOG, 'blogs'],
        [KEY, 'shops'],
      ]),
    );
    expect(new Set(status.timeline.map((event) => event.root))).toEqual(new Set(['shops', 'blogs']));
    const told = await headway(['status', '--status', daemon.statusAddress]);
    expect(told.out).toMatch(/root {5}shops, for shop\n {2}source file:.*shops.*InSync/);
    const explained = await headway(['explain', BLOG, '--status', daemon.statusAddress]);
    expect(explained.out).toContain('of the root blogs');
    const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
    expect(metrics).toContain('headway_source_synced{reason="InSync",root="blogs"} 1');
    expect(metrics).toContain('headway_root_namespace_info{root="shops",namespace="shop"} 1');
    const data = path.join(folder, 'data');
    for (const name of ['shops', 'blogs']) {
      expect((await headway(['audit', 'verify', '--data', path.join(data, 'roots', name)])).out).toMatch(/: whole\n/);
    }
    expect((await headway(['audit', 'verify', '--data', data])).err).toContain(path.join('roots', 'blogs'));
  });

  it('the git of one is broken: the other rolls out, and both serve without an error', async () => {
    const load = traffic(daemon, { host: 'blog.example' });
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => Boolean(serving));
    await rename(blogs.bare, `${blogs.bare}.away`);
    await daemon.until('it says so', (status) => root(status, 'blogs').source.condition.reason === 'SourceUnavailable');
    await shops.push('Greet better', { 'shop/greeting.yaml': greeting('shop', 'v2') });
    await provenAfter(daemon, before);
    expect(await body('shop.example')).toContain('v2');
    const status = await daemon.until('it is ready all the same', ({ ready }) => ready);
    expect(root(status, 'shops').source.condition.reason).toBe('InSync');
    expect(status.source).toEqual(root(status, 'blogs').source);
    expect(await lossOf(load)).toEqual({ lost: [], statuses: ['200'] });
  });

  it('control is killed: both resume, also the one whose git is away', async () => {
    const load = traffic(daemon, { host: 'blog.example' });
    const control = daemon.one('control');
    const before = (await daemon.status())!;
    process.kill(control, 'SIGKILL');
    const after = await daemon.until(
      'another control knows both',
      (status) =>
        status.startedAt !== before.startedAt && status.ready && status.entries.every(({ serving }) => serving),
    );
    const served = (status: Status) => new Map(status.entries.map(({ key, serving }) => [key, serving?.release]));
    expect(served(after)).toEqual(served(before));
    expect(after.timeline.filter(({ reason }) => reason === 'Bootstrapped')).toEqual([]);
    const shop = after.entries.find(({ key }) => key === KEY);
    await shops.push('Greet as before', { 'shop/greeting.yaml': greeting('shop', 'v1') });
    await daemon.entry(
      KEY,
      'it is back',
      ({ serving, candidate }) => !candidate && serving?.release !== shop?.serving?.release,
    );
    expect([await body('shop.example'), await body('blog.example')]).toEqual([
      expect.stringContaining('v1'),
      expect.stringContaining('v1'),
    ]);
    expect(await lossOf(load)).toEqual({ lost: [], statuses: ['200'] });
  });

  it('the engine is killed: all routes come back together', async () => {
    const epoch = (await daemon.status())?.engine.epoch;
    process.kill(daemon.one('engine'), 'SIGKILL');
    await daemon.until(
      'another engine serves',
      ({ engine, ready }) => ready && engine.connected && engine.epoch !== epoch,
    );
    expect([await body('shop.example'), await body('blog.example')]).toEqual([
      expect.stringContaining('v1'),
      expect.stringContaining('v1'),
    ]);
  });

  it('the daemon is started anew: both serve from their journals, one without its git', async () => {
    const { listen, statusAddress } = daemon;
    await daemon.stop();
    daemon = await Daemon.start({ config, data: path.join(folder, 'data'), listen, status: statusAddress });
    const status = (await daemon.status())!;
    expect(root(status, 'blogs').source.condition.status).not.toBe('True');
    expect([await body('shop.example'), await body('blog.example')]).toEqual([
      expect.stringContaining('v1'),
      expect.stringContaining('v1'),
    ]);
  });

  it('a delivery of the git host is a hint to the root that it names', async () => {
    await rename(`${blogs.bare}.away`, blogs.bare);
    const delivery = JSON.stringify({ repository: { clone_url: blogs.url } });
    const signature = createHmac('sha256', SECRET).update(delivery).digest('hex');
    const headers = { 'x-hub-signature-256': `sha256=${signature}` };
    const answer = await fetch(`${daemon.statusUrl}/hooks/git`, { method: 'POST', headers, body: delivery });
    expect(answer.status).toBe(202);
    await daemon.until('its git is back', (status) => root(status, 'blogs').source.condition.reason === 'InSync');
  });

  it('one cannot speak for the other: not for its namespace, nor for what it answers', async () => {
    const head = await blogs.push('Reach out', {
      'blog/greeting.yaml': greeting('blog', 'v2'),
      'blog/theirs.yaml': route({ name: 'theirs', namespace: 'blog', backend: 'greeting', hostname: 'shop.example' }),
      'foreign.yaml': greeting('shop', 'v2'),
    });
    const status = await daemon.until('it is accepted', (seen) => root(seen, 'blogs').source.acceptedCommit === head);
    const found = status.diagnostics.map(({ code, root: of, span }) => `${of} ${code} ${span?.file}`).toSorted();
    expect(found).toEqual(['blogs HW1120 foreign.yaml', 'blogs HW1121 blog/theirs.yaml']);
    const texts = status.diagnostics.map(({ message }) => message).join('\n');
    expect(texts).toContain('the Route shop/greeting of the root shops');
    expect(texts).toContain('the root blogs may not hold namespace shop');
    await daemon.entry(BLOG, 'its own goes live', ({ serving, candidate }) => !candidate && serving?.commit === head);
    expect([await body('shop.example'), await body('blog.example')]).toEqual([
      expect.stringContaining('v1'),
      expect.stringContaining('v2'),
    ]);
    expect((await headway(['status', '--status', daemon.statusAddress])).out).toMatch(
      /blogs: blog\/theirs\.yaml:\d+:\d+ HW1121/,
    );
  });
});

describe('from one repository to a root of its own', () => {
  it('takes along what its journal remembers, as the guide says', async () => {
    const folder = await temporaryFolder();
    const repository = await Repository.create(path.join(folder, 'git'));
    await repository.push('Open', team('shop', 'v1'));
    const data = path.join(folder, 'data');
    const before = await Daemon.start({ repo: repository.url, data });
    const proven = await provenAfter(before, undefined);
    await before.stop();
    const config = path.join(folder, 'runtime.yaml');
    await writeFile(
      config,
      `apiVersion: headway.dev/v1alpha1
kind: Runtime
roots: [{name: shops, namespaces: [shop], repository: {url: "${repository.url}"}}]
`,
    );
    await mkdir(path.join(data, 'roots/shops'), { recursive: true });
    const moved = (await readdir(data)).filter((name) => /^(journal\.db.*|seed\.json|audit|mirror)$/.test(name));
    for (const name of moved) await rename(path.join(data, name), path.join(data, 'roots/shops', name));
    // The repository is away: what serves comes from the journal, and is the same release, proven.
    await rename(repository.bare, `${repository.bare}.away`);
    const after = await Daemon.start({ config, data });
    onTestFinished(async () => void (await after.stop()));
    const entry = await after.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    expect([entry.proven?.release, entry.root]).toEqual([proven.proven?.release, 'shops']);
    expect((await after.ask('/', 'shop.example')).body).toContain('v1');
    const verified = await headway(['audit', 'verify', '--data', path.join(data, 'roots/shops')]);
    expect(verified.out).toMatch(/: whole\n/);
  });
});

describe('roots that cannot be', () => {
  it('one namespace for two: the place, and the exit code of a configuration', async () => {
    const folder = await temporaryFolder();
    const config = path.join(folder, 'runtime.yaml');
    const one = (name: string) => `  - {name: ${name}, namespaces: [shop], repository: {url: "file:///nowhere"}}\n`;
    await writeFile(config, `apiVersion: headway.dev/v1alpha1\nkind: Runtime\nroots:\n${one('a')}${one('b')}`);
    const { code, err } = await headway(['run', '--config', config]);
    expect([code, err]).toEqual([
      EXIT.ConfigInvalid,
      expect.stringMatching(/runtime\.yaml:5:\d+.*shop is given to the root a/),
    ]);
  });
});
