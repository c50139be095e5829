/** Frames of a cell that was taken over, against the real engine's side, in both isolations: it ends alone. */
import { fork } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bundle } from '../../src/model/engine.ts';
import { BROKE_PROTOCOL, LOST } from '../../src/wire/cell-caller.ts';
import { Outcome } from '../../src/wire/frames.ts';
import { bundleOf } from '../host/bundles.ts';
import { cellOf, get, MIB, RunningHost } from '../host/running.ts';
import { ATTACKS } from './fixtures/attacks.ts';

const SPAWNER = path.join(import.meta.dirname, 'fixtures/spawner.ts');
const NEIGHBOUR = 'shop/neighbour@b0b0c3d4e5f6' as const;

let host: RunningHost;
let bundle: Bundle;

beforeAll(async () => {
  host = new RunningHost({
    poolSize: 2,
    maxReplicas: 200,
    forkSpawner: () =>
      fork(SPAWNER, [], {
        execArgv: ['--disable-warning=ExperimentalWarning'],
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      }),
  });
  bundle = await bundleOf('testbed', host.storeFolder, 16 * MIB);
});
afterAll(() => host.stop());

describe.each(['Process', 'Strict'] as const)('a cell that lies, as %s', (isolation) => {
  const start = (id: string, group?: typeof NEIGHBOUR) =>
    host.ready(id, cellOf(bundle, { isolation, ...(group ? { group } : {}) }));

  it.each(Object.entries(ATTACKS))('%s', async (name, { then }) => {
    const neighbourId = `neighbour-${isolation}`;
    const known = host.host.observe().replicas.some(({ id }) => id === neighbourId);
    if (!known) await start(neighbourId, NEIGHBOUR);
    const neighbour = host.readyOf(NEIGHBOUR).find(({ replica }) => replica === neighbourId)!;
    const id = `${name}-${isolation}`;
    const liar = await start(id);

    const answer = await get(liar, `/${name}`, then === 'Late' ? 300 : 30_000);
    if (then === 'Late') {
      expect(answer.end).toBe(Outcome.Deadline);
      expect((await host.ended(id)).end).toBe('LimitExceeded');
    } else if (then === 'Ends') {
      const { end, problem } = await host.ended(id);
      expect(end).toBe('Crashed');
      expect(problem?.code).toMatch(/^HW41(07|12)$/);
      expect([BROKE_PROTOCOL, LOST, Outcome.Ok, Outcome.NoResponse]).toContain(answer.end);
    } else {
      expect(answer).toMatchObject({ end: Outcome.Ok, status: 200 });
      expect(await get(liar, '/good')).toMatchObject({ end: Outcome.Ok, status: 200 });
      host.host.stop(id, 0);
    }
    expect(await get(neighbour, '/good')).toMatchObject({ end: Outcome.Ok, status: 200 });
    expect(host.host.observe().replicas.find((one) => one.id === neighbourId)?.phase).toBe('Ready');
  });
});

it('what they said is in the log as text of one line each, and bounded', () => {
  const lines = host.lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect(lines.filter(({ msg }) => msg === 'forged')).toEqual([]);
  // oxlint-disable-next-line no-control-regex
  expect(host.lines.filter((line) => /[\u0000-\u0008\u000b-\u001f\u007f]/.test(line.trimEnd()))).toEqual([]);
  const flood = lines.filter(({ text }) => typeof text === 'string' && text.startsWith('xxxx'));
  const floodBytes = flood.reduce((sum, { text }) => sum + (text as string).length, 0);
  expect(floodBytes).toBeLessThan(2 * 2 * 64 * 1024 * 10);
});
