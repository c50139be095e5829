/** When disk space is given back: after each release that was proven, and now and then. Beside the loop, never in it. */
import type { Logger } from 'pino';
import type { Clock } from '../kit/clock.ts';
import type { Decision } from '../model/decision.ts';
import type { Desired } from '../model/desired.ts';
import type { Memory } from '../model/memory.ts';
import { commitsInUse, digestsInUse, membersInUse, pinnedBundles } from './keep.ts';
import type { ArtifactPort, ComponentPort, GitPort, SupplyPort } from './ports.ts';

const COLLECT_EVERY_MS = 600_000;

export interface Collector {
  /** The round has ended; its decision is durable. */
  afterRound(decision: Decision, desired: Desired | undefined): void;
}

interface Stores {
  readonly git: GitPort;
  readonly artifacts: ArtifactPort;
  readonly components: ComponentPort;
  readonly supply: SupplyPort;
}

export function createCollector({ git, artifacts, components, supply }: Stores, clock: Clock, log: Logger): Collector {
  let collectedAtMs = clock.now().monotonicMs;

  async function collect(memory: Memory, desired: Desired | undefined): Promise<void> {
    try {
      const keep = await digestsInUse(membersInUse(memory, desired), pinnedBundles(memory), components, supply);
      await components.collect(keep);
      await artifacts.collect(keep);
      const collected = await git.collect?.(commitsInUse(memory, desired));
      if (collected?.ok === false) log.warn({ problem: collected.error }, 'the mirror could not be collected');
    } catch (cause) {
      log.error({ cause }, 'collecting failed');
    }
  }

  return {
    afterRound({ events, memory }, desired) {
      const { monotonicMs } = clock.now();
      const proven = events.some((event) => event.reason === 'Proven');
      if (!proven && monotonicMs - collectedAtMs < COLLECT_EVERY_MS) return;
      collectedAtMs = monotonicMs;
      void collect(memory, desired);
    },
  };
}
