import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Isolation, Probes } from '../../src/model/component.ts';
import type { Bundle } from '../../src/model/engine.ts';
import { contentPath } from '../../src/model/content.ts';
import { MIN_SHUTDOWN_MS } from '../../src/host/replica.ts';
import { LOST } from '../../src/wire/cell-caller.ts';
import { Outcome } from '../../src/wire/frames.ts';
import { ANSWER, guest } from '../cell/kit/guest.ts';
import { bundleOf, bundleOfBytes } from './bundles.ts';
import { cellOf, get, isAlive, MIB, RunningHost } from './running.ts';

const HEALTH = { interface: 'headway:component/health@0.1.0', function: 'check' };

/** A cell that has to wait for the processor is not late for that. */
const PATIENCE_MS = 10_000;

function readiness(path: string, deadlineMs = PATIENCE_MS): Probes {
  const call = { type: 'httpGet', path, headers: [] } as const;
  return { readiness: { call, periodMs: 20, timeoutMs: PATIENCE_MS, successThreshold: 1, deadlineMs } };
}

function liveness(path: string, failureThreshold: number): Probes {
  const call = { type: 'httpGet', path, headers: [] } as const;
  return { liveness: { call, periodMs: 30, timeoutMs: PATIENCE_MS, failureThreshold } };
}

describe.each(['Strict', 'Process'] as const satisfies Isolation[])('a replica as %s', (isolation) => {
  let running: RunningHost;
  let testbed: Bundle;
  let managed: Bundle;
  let count = 0;
  const nextId = (): string => `r${++count}`;

  beforeAll(async () => {
    running = new RunningHost();
    testbed = await bundleOf('testbed', running.storeFolder, 16 * MIB);
    managed = await bundleOf('testbed-managed', running.storeFolder, 16 * MIB);
  });
  afterAll(() => running.stop());

  it('serves, and says what it is', async () => {
    const id = nextId();
    const caller = await running.ready(id, cellOf(testbed, { isolation, probes: readiness('/healthz') }));
    expect(await get(caller, '/healthz')).toMatchObject({ end: Outcome.Ok, status: 200 });
    expect(running.replica(id)).toMatchObject({ phase: 'Ready', isolation, effectiveInstancePolicy: 'Pooled' });
    const { pid } = running.replica(id);
    expect(pid).toBeGreaterThan(1);
    expect(Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'latin1'))).toBeGreaterThan(0);
  });

  it('says how instances are used, and why, also when it finds out while it serves', async () => {
    const oneShot = await bundleOfBytes(
      await guest({ handle: `(if (i32.gt_u (global.get $calls) (i32.const 1)) (then unreachable)) ${ANSWER}` }),
      running.storeFolder,
      16 * MIB,
    );
    const failed = /^a second call on one instance failed: .*unreachable/;
    const probed = nextId();
    await running.ready(probed, cellOf(oneShot, { isolation, probes: readiness('/') }));
    expect(running.replica(probed)).toMatchObject({
      effectiveInstancePolicy: 'PerRequest',
      instancePolicyReason: expect.stringMatching(failed),
    });
    const id = nextId();
    const caller = await running.ready(id, cellOf(oneShot, { isolation, group: `shop/testbed@${id}` }));
    expect(running.replica(id)).toMatchObject({
      effectiveInstancePolicy: 'Pooled',
      instancePolicyReason: expect.stringContaining('no readiness probe asks for a path'),
    });
    expect(await get(caller, '/')).toMatchObject({ end: Outcome.Ok, status: 200 });
    expect(await get(caller, '/')).toMatchObject({ end: Outcome.Trap });
    await running.until('what it found out', () => running.replica(id).effectiveInstancePolicy === 'PerRequest');
    expect(running.replica(id).instancePolicyReason).toMatch(failed);
    expect(await get(caller, '/')).toMatchObject({ end: Outcome.Ok, status: 200 });
  });

  it('is started once, however often it is asked for, even after its end', async () => {
    const id = nextId();
    const cell = cellOf(testbed, { isolation });
    await running.ready(id, cell);
    const { pid } = running.replica(id);
    expect(running.host.start(id, cell)).toEqual({ ok: true, value: undefined });
    expect(running.replica(id).pid).toBe(pid);
    running.host.stop(id, 0);
    expect((await running.ended(id)).end).toBe('Stopped');
    expect(running.host.start(id, cell)).toEqual({ ok: true, value: undefined });
    expect(running.replica(id).phase).toBe('Ended');
    running.host.forget([id]);
    expect(running.host.observe().replicas.some((replica) => replica.id === id)).toBe(false);
  });

  it('finishes what is in flight when it is stopped, and takes nothing new', async () => {
    const id = nextId();
    const cell = cellOf(testbed, { isolation, group: `shop/testbed@${id}` });
    const caller = await running.ready(id, cell);
    const { pid } = running.replica(id);
    const slow = get(caller, '/sleep?ms=300');
    running.host.stop(id, PATIENCE_MS);
    expect(running.replica(id).phase).toBe('Draining');
    expect(running.readyOf(cell.group)).toEqual([]);
    expect(await slow).toMatchObject({ end: Outcome.Ok, status: 200 });
    expect(await running.ended(id)).toMatchObject({ end: 'Stopped' });
    expect(running.replica(id).problem).toBeUndefined();
    await running.until('the end of the process', () => !isAlive(pid!));
  });

  it('is cut off at the deadline of its drain', async () => {
    const id = nextId();
    const caller = await running.ready(id, cellOf(testbed, { isolation }));
    const slow = get(caller, '/sleep?ms=20000', 30_000);
    running.host.stop(id, 50);
    expect((await slow).end).not.toBe(Outcome.Ok);
    expect(await running.ended(id)).toMatchObject({ end: 'Stopped' });
  });

  it('is killed when a guest spins past its deadline', async () => {
    const id = nextId();
    const caller = await running.ready(id, cellOf(testbed, { isolation }));
    const { pid } = running.replica(id);
    // Long enough to have begun: one that hears of its cancel first ends.
    expect(await get(caller, '/spin', 1_000)).toMatchObject({ end: Outcome.Deadline });
    const ended = await running.ended(id);
    expect(ended).toMatchObject({ end: 'LimitExceeded', problem: { code: 'HW4111' } });
    await running.until('the end of the process', () => !isAlive(pid!));
  });

  it('has crashed when its process is killed from outside', async () => {
    const id = nextId();
    const caller = await running.ready(id, cellOf(testbed, { isolation }));
    const slow = get(caller, '/sleep?ms=20000');
    process.kill(running.replica(id).pid!, 'SIGKILL');
    expect((await slow).end).toBe(LOST);
    const ended = await running.ended(id);
    expect(ended).toMatchObject({ end: 'Crashed', problem: { code: 'HW4107' } });
    expect(ended.problem?.message).toContain('SIGKILL');
  });

  it('lives on when a guest asks for more memory than it may have', async () => {
    const id = nextId();
    const caller = await running.ready(id, cellOf(testbed, { isolation }));
    const greedy = await get(caller, `/memory?bytes=${256 * MIB}`);
    expect([200, undefined, 500, 502, 507]).toContain(greedy.status);
    expect(await get(caller, '/healthz')).toMatchObject({ status: 200 });
  });

  it('never becomes ready where its probe does not succeed before the deadline', async () => {
    const id = nextId();
    running.host.start(id, cellOf(testbed, { isolation, probes: readiness('/status?code=503', 5_000) }));
    await running.until('a reason', () => running.replica(id).problem !== undefined);
    const ended = await running.ended(id);
    expect(ended).toMatchObject({ end: 'NeverReady', problem: { code: 'HW4106' } });
    expect(ended.problem?.message).toContain('503');
  });

  it('becomes unhealthy, and ends, when liveness fails', async () => {
    const id = nextId();
    running.host.start(id, cellOf(testbed, { isolation, probes: liveness('/status?code=500', 3) }));
    await running.until('an unhealthy phase', () => running.replica(id).phase === 'Unhealthy');
    expect(await running.ended(id)).toMatchObject({ end: 'Unhealthy', problem: { code: 'HW4113' } });
  });

  it('is asked about its health by an exported function', async () => {
    const good = nextId();
    const probes = {
      readiness: {
        call: { type: 'export', export: HEALTH },
        periodMs: 20,
        timeoutMs: PATIENCE_MS,
        successThreshold: 2,
        deadlineMs: PATIENCE_MS,
      },
    } as const;
    await running.ready(good, cellOf(managed, { isolation, probes }));
    const bad = nextId();
    const failing = { readiness: { ...probes.readiness, deadlineMs: 300 } };
    running.host.start(bad, cellOf(managed, { isolation, probes: failing, env: { HEALTH: 'fail' } }));
    expect(await running.ended(bad)).toMatchObject({ end: 'NeverReady' });
  });

  it.each([
    { init: 'fail', code: 'HW4104', says: /./ },
    { init: 'trap', code: 'HW4104', says: /./ },
    { init: 'spin', code: 'HW4105', says: /was not loaded within 500 ms/ },
    // The cell's own word, or the engine's where that comes first: both count the same time.
    { init: 'wait', code: /^HW410[45]$/, says: /init took longer than|was not loaded within 500 ms/ },
  ])('does not start where init says $init', async ({ init, code, says }) => {
    const id = nextId();
    // One that says itself why it does not start has hit nothing.
    const isLate = init === 'spin' || init === 'wait';
    const limits = { startTimeoutMs: isLate ? 500 : PATIENCE_MS };
    running.host.start(id, cellOf(managed, { isolation, env: { INIT: init }, limits }));
    running.limits.length = 0;
    const { end, problem } = await running.ended(id);
    expect(end).toBe('StartFailed');
    expect(problem?.code).toMatch(code);
    expect(problem?.message).toMatch(says);
    expect(running.limits).toEqual(isLate ? [['startTimeout', 1]] : []);
  });

  it('that calls what nobody granted answers, and the audit hears of it', async () => {
    const id = nextId();
    const bundle = await bundleOf('greeting-ungranted', running.storeFolder, 16 * MIB);
    const caller = await running.ready(id, cellOf(bundle, { isolation, group: `shop/testbed@${id}` }));
    expect(await get(caller, '/')).toMatchObject({ end: Outcome.Ok, status: 200 });
    const denied = () =>
      running.host.broker.records.take(0).records.filter(({ group }) => group === `shop/testbed@${id}`);
    await running.until('a record', () => denied().length > 0);
    expect(denied()).toContainEqual(
      expect.objectContaining({
        component: 'shop/testbed',
        capability: 'outboundHttp',
        outcome: 'Denied',
        grant: '',
        count: 1,
      }),
    );
  });

  it('shuts down within what is left of its drain, after its last call', async () => {
    const id = nextId();
    const caller = await running.ready(id, cellOf(managed, { isolation }));
    const slow = get(caller, '/sleep?ms=300');
    running.host.stop(id, PATIENCE_MS);
    expect(await slow).toMatchObject({ end: Outcome.Ok });
    expect(await running.ended(id)).toMatchObject({ end: 'Stopped' });
    expect(running.replica(id).problem).toBeUndefined();
    expect(running.saidBy(id)).toEqual(['init', 'shutdown']);
  });

  it.each([
    ['trap', /^$/, /shutdown failed: .*unreachable/],
    // The cell's own word, or the engine's where that comes first: both count the same time.
    ['wait', /^(HW4752)?$/, /shutdown failed: .*took too long|did not end within \d+ ms of being told to/],
    ['spin', /^HW4752$/, /did not end within \d+ ms of being told to/],
  ])('ends in time where shutdown says %s', async (shutdown, code, says) => {
    const id = nextId();
    await running.ready(id, cellOf(managed, { isolation, env: { SHUTDOWN: shutdown } }));
    const stoppedAtMs = performance.now();
    running.host.stop(id, 100);
    const ended = await running.ended(id);
    expect(ended.end).toBe('Stopped');
    expect(ended.problem?.code ?? '').toMatch(code);
    // What it says as it begins to spin does not leave the process any more.
    if (shutdown !== 'spin') expect(running.saidBy(id)).toContain('shutdown');
    expect([...running.saidBy(id), ended.problem?.message].join('\n')).toMatch(says);
    // It had its two seconds although its drain was shorter.
    if (shutdown !== 'trap') expect(performance.now() - stoppedAtMs).toBeGreaterThan(MIN_SHUTDOWN_MS - 100);
  });

  it('does not run bytes that are not those of the digest', async () => {
    const id = nextId();
    const file = testbed.files.find(({ name }) => name.endsWith('.js'))!;
    const other = { ...file, digest: `sha256:${'1'.repeat(64)}` as const };
    writeFileSync(fileOf(running, other.digest), 'export function instantiate() { return {}; }');
    const files = testbed.files.map((each) => (each === file ? other : each));
    running.host.start(id, cellOf({ ...testbed, files }, { isolation }));
    const ended = await running.ended(id);
    expect(ended).toMatchObject({ end: 'StartFailed', problem: { code: 'HW4108' } });
  });

  it('says what its guest wrote, with the identity of the replica', async () => {
    const id = nextId();
    const caller = await running.ready(id, cellOf(testbed, { isolation }));
    await get(caller, '/log?text=hello-from-the-guest&times=2');
    await running.until('the lines', () => running.lines.some((line) => line.includes('hello-from-the-guest')));
    const line = JSON.parse(running.lines.find((text) => text.includes('hello-from-the-guest'))!) as object;
    expect(line).toMatchObject({ msg: 'guest output', replica: id, entry: 'shop/testbed' });
  });
});

function fileOf(running: RunningHost, digest: Parameters<typeof contentPath>[0]): string {
  const file = path.join(running.storeFolder, contentPath(digest));
  mkdirSync(path.dirname(file), { recursive: true });
  return file;
}
