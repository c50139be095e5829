/** Which bindings a component would get, and why no better ones: for a plan, which keeps nothing of what is made. */
import { pino } from 'pino';
import type { BindingTier } from '../model/engine.ts';
import type { Member } from '../model/component.ts';
import { Worker } from './child/worker.ts';
import { POOL_LIMITS } from './components.ts';

export interface ReadTier {
  readonly tier: BindingTier;
  /** Why it is not `fast`. */
  readonly reason?: string;
}

export interface TierReader {
  /** `undefined` for a component that is refused, or that ends its child: what prepares it says so. */
  tierOf(member: Member, bytes: Uint8Array): Promise<ReadTier | undefined>;
  close(): void;
}

/** A child is started for the first component, and another one after one that came to nothing. One tenant's components only. */
export function openTierReader(): TierReader {
  const log = pino({ enabled: false });
  let worker: Worker | undefined;
  const drop = (): void => {
    worker?.stop();
    worker = undefined;
  };
  return {
    async tierOf({ capabilities, links, limits }, bytes) {
      worker ??= new Worker({ ...POOL_LIMITS, warmUpRounds: 0 }, log);
      const warm = await worker.warm;
      const { memoryBytes } = limits;
      const outcome = warm.ok ? await worker.run({ bytes, memoryBytes, given: { capabilities, links } }) : warm;
      if (!outcome.ok || !outcome.value.ok) {
        drop();
        return undefined;
      }
      const { tier, tierReason } = outcome.value.value;
      return { tier, ...(tierReason === undefined ? {} : { reason: tierReason }) };
    },
    close: drop,
  };
}
