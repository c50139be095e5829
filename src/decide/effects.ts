/** Preparations and synthetic runs that the memory asks for and that are not under way. */
import type { EntryKey } from '../model/component.ts';
import type { Release, Trial } from '../model/memory.ts';
import { syntheticNeed } from './gate/synthetic.ts';
import { withBake, withCandidate } from './memory.ts';
import { callsOf } from './schedule/calls.ts';
import { stepOf, takesRequests } from './steps.ts';
import { groupOf, readyCount, type World } from './world.ts';

const DEFAULT_SYNTHETIC_TIMEOUT_MS = 5_000;

/** Level-triggered: asked for as long as the loop does not report one under way, so a restart simply asks again. */
export function prepare(world: World): void {
  for (const [key, { candidate }] of world.entries) {
    if (candidate?.state !== 'Fetching' && candidate?.state !== 'Verified') continue;
    const group = groupOf(key, candidate.release);
    if (world.observed.preparations.has(group)) continue;
    const { members } = candidate.release.entry;
    world.actions.push({ type: 'Prepare', group, members, why: `candidate ${key} is to be prepared` });
  }
}

/** Sends what real traffic does not bring, to a candidate in its step or to what bakes. */
export function synthesize(world: World): void {
  if (!world.acknowledged) return;
  for (const [key, entry] of world.entries) {
    if (world.wishes.get(key)?.target?.entry.suspend) continue;
    const { candidate } = entry;
    const bake = entry.serving?.bake;
    if (candidate?.state === 'Canary' && callsOf(candidate.release.entry) === 'Requests') {
      const present = stepOf(candidate);
      const step = {
        elapsedMs: world.memory.clockMs - candidate.sinceMs,
        durationMs: present?.minDurationMs ?? 0,
        takesRequests: present !== undefined && takesRequests(present),
      };
      const synthetic = run(world, key, candidate.release, candidate.trial, step);
      if (synthetic) withCandidate(entry, { trial: { ...candidate.trial, synthetic } });
    }
    if (bake?.state === 'Watching' && callsOf(entry.serving!.release.entry) === 'Requests') {
      const { release } = entry.serving!;
      const durationMs = release.entry.rollout.settings.bake.durationMs;
      const elapsedMs = world.memory.clockMs - bake.sinceMs - (bake.trial.doubtedAfterMs ?? 0);
      const step = { elapsedMs, durationMs, takesRequests: true };
      const synthetic = run(world, key, release, bake.trial, step);
      if (synthetic) withBake(entry, { trial: { ...bake.trial, synthetic } });
    }
  }
}

function run(
  world: World,
  key: EntryKey,
  release: Release,
  trial: Trial,
  step: { readonly elapsedMs: number; readonly durationMs: number; readonly takesRequests: boolean },
): Trial['synthetic'] | undefined {
  const { rollout, probes } = release.entry;
  if (readyCount(world, key, release) === 0) return undefined;
  const need = syntheticNeed(trial, rollout.settings.gate, probes, step);
  if (!need) return undefined;
  const id = `run-${world.memory.nextRun}`;
  world.memory.nextRun += 1;
  const timeoutMs = probes.readiness?.timeoutMs ?? DEFAULT_SYNTHETIC_TIMEOUT_MS;
  world.actions.push({
    type: 'Synthesize',
    run: {
      id,
      release: release.release,
      group: groupOf(key, release),
      requests: need.requests,
      call: need.call,
      timeoutMs,
    },
    why: `too little traffic: ${need.requests} synthetic requests`,
  });
  return { run: id, sentInStep: trial.synthetic.sentInStep + need.requests };
}
