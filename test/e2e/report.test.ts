/** What came of a commit is told on the commit: by the real program, over receivers that lose, delay and refuse. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Daemon } from '../support/daemon.ts';
import { ForgeServer } from '../support/forge-server.ts';
import { environment, shop, swapTo } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';
import { KEY, provenAfter, temporaryFolder, traffic } from './story.ts';

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

it('a canary that is rolled back: told on its commit, with what was measured and the line that reverts', async () => {
  const folder = await temporaryFolder();
  const repository = await Repository.create(path.join(folder, 'git'));
  const report = '  report: {notes: true, onRollback: proposeRevert}\n';
  const first = await repository.push('Start', { ...shop(), 'environment.yaml': environment({ extra: report }) });
  const forge = await ForgeServer.start();
  onTestFinished(() => forge.stop());
  await writeFile(path.join(folder, 'token'), 't0ken\n');
  const config = path.join(folder, 'runtime.yaml');
  await writeFile(
    config,
    `apiVersion: headway.dev/v1alpha1
kind: Runtime
repository: {url: "${repository.url}"}
report:
  notes: {}
  proposals: {target: forge, credentials: {token: {file: token}}}
  targets:
    - name: forge
      type: GitHub
      url: ${forge.url}
      repository: acme/fleet
      credentials: {token: {file: token}}
      deployments: true
      timeout: 500ms
`,
  );
  const daemon = await Daemon.start({ config, data: path.join(folder, 'data') });
  onTestFinished(async () => void (await daemon.stop()));
  const before = await provenAfter(daemon, undefined);
  await until('the first is good', () => forge.statusOf(first)?.state === 'success');

  const visitors = traffic(daemon, { requestsPerSecond: 100 });
  forge.faults.push(
    'loseAnswer',
    'delay',
    { status: 503 },
    { status: 429, headers: { 'retry-after': '1' } },
    'loseRequest',
  );
  // And then it is down until it is said otherwise.
  forge.faults.push(...Array.from({ length: 500 }, () => ({ status: 503 })));
  const bad = await repository.push('Greet worse', swapTo('greeting-flaky'));
  await daemon.entry(KEY, 'it is rolled back', ({ quarantined }) => quarantined.length > 0);
  // Control dies with what it has to tell.
  process.kill(daemon.one('control'), 'SIGKILL');
  await until('control is back', async () => ((await daemon.status())?.report?.channels[0]?.backlog ?? 0) > 0);
  forge.faults.length = 0;
  await until('the bad one is told', () => forge.statusOf(bad)?.state === 'failure');
  const said = forge.statusOf(bad)!;
  expect(said.context).toBe(`headway/${/name: (\S+?)[},\s]/.exec(environment())![1]}`);
  expect(said.description).toContain(`git revert ${bad.slice(0, 12)}`);
  expect(forge.statuses.filter(({ sha, state }) => sha === bad && state === 'success')).toEqual([]);

  await until('the revert is proposed', () => forge.pulls.length > 0);
  const [pull] = forge.pulls;
  expect(pull).toMatchObject({
    from: `headway/revert-test-${bad.slice(0, 12)}`,
    into: 'main',
    title: 'Revert "Greet worse"',
  });
  expect(pull!.text).toContain(said.context);
  await repository.git('fetch', '-q', 'origin');
  expect(await repository.git('rev-parse', 'origin/main')).toBe(bad);
  await repository.git('merge', '-q', '--ff-only', `origin/${pull!.from}`);
  await repository.git('push', '-q', 'origin', 'HEAD:main');
  const mended = await repository.head();
  await until('the revert is good', () => forge.statusOf(mended)?.state === 'success');
  expect(forge.statusOf(bad)!.state).toBe('failure');
  const failedAt = forge.statuses.findIndex(({ sha, state }) => sha === bad && state === 'failure');
  const mendedAt = forge.statuses.findIndex(({ sha, state }) => sha === mended && state === 'success');
  expect(failedAt).toBeLessThan(mendedAt);
  await until('the deployment failed', () =>
    forge.deployments.some(({ sha, states }) => sha === bad && states.at(-1) === 'failure'),
  );
  expect(forge.deployments.filter(({ sha }) => sha === bad)).toHaveLength(1);

  const notes = async (commit: string): Promise<string> => {
    await repository.git('fetch', '-q', 'origin', '+refs/notes/headway:refs/notes/headway');
    return repository.git('log', '-1', '--format=%N', '--notes=headway', commit);
  };
  await until(
    'notes tell the story',
    async () => (await notes(mended)).includes(': good: ') && (await notes(bad)).includes('Git went on'),
  );
  const story = await notes(bad);
  for (const words of ['failed: ', 'at step 1 of 2: 20 %', 'RolledBack', 'Quarantined', 'git revert', 'samples']) {
    expect(story).toContain(words);
  }
  const refs = (await repository.git('ls-remote', 'origin')).split('\n').map((line) => line.split('\t')[1]);
  expect(refs).toEqual(['HEAD', `refs/heads/${pull!.from}`, 'refs/heads/main', 'refs/notes/headway']);

  const { lost } = await visitors.stop();
  expect([
    lost,
    (await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined)).serving!.release,
  ]).toEqual([[], before.serving!.release]);
  const status = (await daemon.status())!;
  expect(status.report!.channels.map(({ name }) => name)).toEqual(['forge', 'forge/deployments', 'notes', 'proposals']);
  expect(JSON.stringify(status)).not.toContain('t0ken');
});
