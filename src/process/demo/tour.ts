/**
 * `npm run tour`: the three things that `npm start` asks a person to try, by themselves and under load, once for a canary
 * and once for a blue-green, with a timeline and the numbers. Exit code 0 when all came as announced and nothing was lost.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fetchStatus } from '../../check/status-client.ts';
import { table } from '../../check/table.ts';
import type { Terminal } from '../../check/terminal.ts';
import { EXIT, type ExitCode } from '../../model/exit.ts';
import { freeAddress } from '../free-address.ts';
import { stopOnSignals } from '../run.ts';
import { printedAddress, type RunFlags } from '../run-options.ts';
import { play, type Act, type ActResult, type Stage } from './act.ts';
import { inviteGuest, type Guest } from './guest.ts';
import { becomesReady, launch, said, type Launched } from './launch.ts';

const run = promisify(execFile);
const REQUESTS_PER_SECOND = 100;
const SETTLE_POLL_MS = 100;
const SETTLE_DEADLINE_MS = 120_000;
/** Before the first push, so that what serves has samples to compare with. */
const WARM_UP_MS = 2_000;

const CANARY: Act = {
  title: 'canary',
  entry: 'demo/greeting',
  file: 'demo/greeting.yaml',
  good: 'greeting-v2.wasm',
  bad: 'greeting-flaky.wasm',
};

const BLUE_GREEN: Act = { ...CANARY, title: 'blue-green', entry: 'demo/welcome', file: 'demo/welcome.yaml' };
const WELCOME_HOST = 'welcome.localhost';

/** The same service at a host of its own, with the demo's other policy. */
const WELCOME = `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: welcome, namespace: demo}
spec:
  source: {path: demo/components/greeting-v1.wasm}
  probes:
    readiness: {httpGet: {path: /healthz}, period: 50ms, timeout: 500ms, deadline: 5s}
  rollout: {policyRef: {name: blue-green}}
---
apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: welcome, namespace: demo}
spec:
  hostnames: [${WELCOME_HOST}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /}}]
      backendRef: {name: welcome}
`;

export async function tourCommand(flags: RunFlags, terminal: Terminal): Promise<ExitCode> {
  const kept = typeof flags['data'] === 'string';
  const root = kept ? String(flags['data']) : mkdtempSync(path.join(tmpdir(), 'headway-tour-'));
  const addresses = { listen: await freeAddress(), status: await freeAddress() };
  const launched = await launch(root, { ...addresses, ...flags }, terminal);
  if (!launched.ok) return launched.error;
  const { supervisor, folders } = launched.value;
  const ending = new AbortController();
  void supervisor.ended.finally(() => ending.abort(new Error('the runtime ended')));
  stopOnSignals(async () => ending.abort(new Error('interrupted')));
  const guests: Guest[] = [];
  try {
    const results = await perform(launched.value, terminal, ending.signal, guests);
    terminal.out(`\n${summary(results).join('\n')}\n`);
    return results.every(({ lost }) => lost === 0) ? EXIT.Ok : EXIT.Findings;
  } catch (error) {
    terminal.err(`\nheadway: the tour ended early: ${(error as Error).message}\n${said(folders)}`);
    return EXIT.Broken;
  } finally {
    for (const guest of guests) await guest.stop();
    await supervisor.stop();
    if (!kept) rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function perform(
  launched: Launched,
  terminal: Terminal,
  signal: AbortSignal,
  guests: Guest[],
): Promise<readonly ActResult[]> {
  const { statusUrl, options, folders } = launched;
  await becomesReady(launched, signal);
  writeFileSync(path.join(folders.work, BLUE_GREEN.file), WELCOME);
  await run('git', ['-C', folders.work, 'add', '-A']);
  await run('git', ['-C', folders.work, 'commit', '-qm', 'Welcome, by blue-green']);
  await run('git', ['-C', folders.work, 'push', '-q']);
  await allProven(statusUrl, signal);
  const url = `http://${printedAddress(options.listen)}/`;
  terminal.out(
    `traffic ${url}, status ${statusUrl}: ${REQUESTS_PER_SECOND} requests a second to each of two components\n\n`,
  );
  const startMs = Date.now();
  const stage: Stage = {
    statusUrl,
    work: folders.work,
    signal,
    tell: (atMs, what) => terminal.out(`${((atMs - startMs) / 1000).toFixed(1).padStart(6)} s  ${what}\n`),
  };
  const audience = [
    [CANARY, inviteGuest({ url, requestsPerSecond: REQUESTS_PER_SECOND })],
    [BLUE_GREEN, inviteGuest({ url, host: WELCOME_HOST, requestsPerSecond: REQUESTS_PER_SECOND })],
  ] as const;
  guests.push(...audience.map(([, guest]) => guest));
  await sleep(WARM_UP_MS, undefined, { signal });
  const results: ActResult[] = [];
  for (const [act, guest] of audience) results.push(await play(act, stage, guest));
  return results;
}

/** Everything has finished its first bake: what follows is a rollout and no first deployment. */
async function allProven(statusUrl: string, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + SETTLE_DEADLINE_MS;
  for (;;) {
    const answer = await fetchStatus(statusUrl);
    const entries = answer.ok ? answer.value.entries : [];
    if (entries.some(({ key }) => key === BLUE_GREEN.entry) && entries.every(({ proven }) => proven)) return;
    if (performance.now() > deadlineMs) throw new Error('the first deployment was not proven');
    await sleep(SETTLE_POLL_MS, undefined, { signal });
  }
}

function summary(results: readonly ActResult[]): string[] {
  const row = (title: string, cell: (result: ActResult) => string) => [title, ...results.map(cell)];
  return table(
    ['', ...results.map(({ title }) => title)],
    [
      row('good: push → first visitor on it', ({ firstVisitorMs }) => time(firstVisitorMs)),
      row('good: push → all traffic', ({ allTrafficMs }) => time(allTrafficMs)),
      row('good: push → proven', ({ provenMs }) => time(provenMs)),
      row('bad: push → caught and taken back', ({ caughtMs }) => time(caughtMs)),
      row('bad: where it was then', ({ caughtAt }) => caughtAt),
      row('bad: samples it took', ({ caughtAfterSamples }) => String(caughtAfterSamples)),
      row('bad: visitors who saw an error of it', ({ failuresSeen }) => String(failuresSeen)),
      row('revert: push → git and live agree', ({ revertMs }) => time(revertMs)),
      row('requests answered', ({ requests }) => String(requests)),
      row('requests lost', ({ lost }) => (lost === 0 ? 'none' : String(lost))),
    ],
  );
}

function time(ms: number | undefined): string {
  if (ms === undefined) return '-';
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
