import { Buffer } from 'node:buffer';
import { globSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificate.ts';
import { Daemon } from '../support/daemon.ts';
import { shop, swapTo } from '../support/manifests.ts';
import { startNginxGit, type NginxGit } from '../support/nginx-git.ts';
import { Repository } from '../support/repository.ts';
import { KEY, provenAfter, toldOf, traffic } from './story.ts';

const LOGIN = { username: 'headway', password: 'correct-h0rse-battery' };

let folder: string;
let server: NginxGit;
let repository: Repository;
let daemon: Daemon;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
  repository = await Repository.create(folder);
  const { certFile, keyFile, caFile } = await makeCertificate(folder);
  server = await startNginxGit(folder, path.join(folder, 'nginx'), LOGIN, { certificate: certFile, key: keyFile });
  await repository.git('remote', 'set-url', 'origin', server.pushUrl());
  await repository.git('config', 'http.sslCAInfo', caFile);
  await repository.push('Start', shop());
  await writeFile(path.join(folder, 'password'), `${LOGIN.password}\n`, { mode: 0o600 });
  const config = path.join(folder, 'runtime.yaml');
  await writeFile(
    config,
    `apiVersion: headway.dev/v1alpha1
kind: Runtime
repository:
  url: ${server.url()}
  ref: main
  credentials: {basic: {username: ${LOGIN.username}, password: {file: password}}}
  caFile: ${path.basename(caFile)}
log: {level: trace}
`,
  );
  daemon = await Daemon.start({ config, data: path.join(folder, 'data') });
});

afterAll(async () => {
  await daemon?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Of a running daemon: a file may be gone by now. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

describe('a pull request, over https with a login', () => {
  it('does nothing while it is a branch; merged, it walks its steps, is proven, and the old release retires', async () => {
    const first = await provenAfter(daemon, undefined);
    const accepted = (await daemon.status())!.source.acceptedCommit;
    const visitors = traffic(daemon);

    await repository.git('switch', '-q', '-c', 'better');
    await repository.commit('Greet better', swapTo('greeting-v2'));
    await repository.git('push', '-q', 'origin', 'better');
    const pushedAt = Date.now();
    const looked = await daemon.until('git was looked at', ({ source }) => Date.parse(source.lastLookAt!) > pushedAt);
    expect(looked.source.acceptedCommit).toBe(accepted);

    await repository.git('switch', '-q', 'main');
    await repository.git('merge', '-q', '--no-ff', '-m', 'Merge pull request #1: Greet better', 'better');
    await repository.git('push', '-q', 'origin', 'main');
    const merge = await repository.head();
    const proven = await provenAfter(daemon, first);
    expect(proven.proven?.commit).toBe(merge);
    expect(proven.proven?.release).not.toBe(first.proven?.release);

    const { commits, timeline } = await daemon.until('the old release has retired', ({ entries }) =>
      entries[0]!.replicas.every(({ release }) => release === proven.proven?.release),
    );
    expect(commits.find(({ commit }) => commit === merge)).toMatchObject({
      subject: 'Merge pull request #1: Greet better',
      state: 'Proven',
    });
    // The commit of the branch was never the head: it is told as passed over, in favour of the merge.
    expect(commits.find(({ subject }) => subject === 'Greet better')?.why).toContain(merge.slice(0, 12));
    const told = toldOf(timeline, merge);
    expect(told.map(({ message }) => message).join('\n')).toMatch(/at step 1 of 2: 20 %[^]*at step 2 of 2: 50 %/);
    expect(told.map(({ reason }) => reason)).toEqual(['Progressing', 'Progressing', 'Progressing', 'Baking', 'Proven']);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });

  it('says a login that no longer works, serves on, and goes on when it works again', async () => {
    await writeFile(path.join(folder, 'password'), 'a-wrong-one-instead');
    const refused = await daemon.until('it is said', ({ source }) => source.condition.reason === 'SourceUnavailable');
    expect(refused.source.condition.message).toMatch(/credentials|login|401/i);
    expect((await fetch(`${daemon.url}/`)).status).toBe(200);
    await writeFile(path.join(folder, 'password'), LOGIN.password);
    await daemon.until('it is mended without a restart', ({ source }) => source.condition.reason === 'InSync');
  });

  it('shows its credentials nowhere: not in status, metrics, page, log or the data folder', async () => {
    const header = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
    const pages = ['/', '/api/v1/state', '/metrics', `/api/v1/entries/${KEY}`];
    const answers = await Promise.all(pages.map(async (page) => (await fetch(`${daemon.statusUrl}${page}`)).text()));
    const written = globSync(path.join(folder, 'data/**'), { exclude: (name) => name.endsWith('.sock') })
      .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
      .map(textOf);
    expect(written.length).toBeGreaterThan(10);
    expect(daemon.output).toContain('accepted a commit');
    for (const secret of [LOGIN.password, header, 'a-wrong-one-instead']) {
      for (const text of [...answers, ...written, daemon.output]) expect(text.includes(secret)).toBe(false);
    }
  });
});
