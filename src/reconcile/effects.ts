/**
 * The one switch from Action to port call. Publishing comes first and alone: a rollback is one assignment, and nothing
 * else may delay it. Starts go on beside the loop; what the engine does not take is reported to the next decision.
 */
import type { Json } from '../kit/json.ts';
import type { Result } from '../kit/result.ts';
import type { Action } from '../model/decision.ts';
import { orderId } from '../model/edition.ts';
import type { StoresOutcome } from '../model/observed.ts';
import type { Problem } from '../model/problem.ts';
import type { Bundles } from './bundles.ts';
import type { EnginePort } from './ports.ts';

/** Codes of a link that is down: no answer of the engine's, so nothing is concluded; the action is decided again. */
const LINK_DOWN: readonly string[] = ['HW4115', 'HW4120'];

export interface RefusedStart {
  readonly replica: string;
  readonly problem: Problem;
}

export interface Effects {
  /** Leaves out what is still under way from an earlier flight. */
  fresh(actions: readonly Action[]): readonly Action[];
  /** Resolves when all but starts and preparations are done; `settled` when everything is. */
  run(actions: readonly Action[]): Promise<{ readonly settled: Promise<readonly Json[]> }>;
  refusedStarts(): readonly RefusedStart[];
  /** What came of orders about stores. */
  storesOutcomes(): readonly StoresOutcome[];
  /** The decision that saw these is durable. */
  forgetOutcomes(seen: readonly StoresOutcome[]): void;
  /** The decision that saw these is durable. */
  forgetRefused(seen: readonly RefusedStart[]): void;
}

export function createEffects(engine: EnginePort, bundles: Bundles, changed: () => void): Effects {
  const starting = new Set<string>();
  const ordered = new Set<string>();
  let refused: readonly RefusedStart[] = [];
  let outcomes: readonly StoresOutcome[] = [];

  async function start({ replica, cell }: Extract<Action, { type: 'Start' }>): Promise<Result<void, Problem>> {
    starting.add(replica);
    const spec = await bundles.cellOf(cell);
    const result = spec.ok ? await engine.start(replica, spec.value) : spec;
    starting.delete(replica);
    if (!result.ok && !LINK_DOWN.includes(result.error.code)) {
      refused = [...refused, { replica, problem: result.error }];
      changed();
    }
    return result;
  }

  /** A copy may take long: nothing waits for it. */
  async function order({ order: asked }: Extract<Action, { type: 'Stores' }>): Promise<Result<unknown, Problem>> {
    ordered.add(orderId(asked));
    const result = await engine.stores(asked);
    ordered.delete(orderId(asked));
    if (result.ok || !LINK_DOWN.includes(result.error.code)) {
      outcomes = [...outcomes, { order: asked, result }];
      changed();
    }
    return result;
  }

  /** What has to be over before the loop looks again. */
  function prompt(action: Action): Promise<Result<unknown, Problem>> | undefined {
    switch (action.type) {
      case 'Stop':
        return engine.stop(action.replica, action.deadlineMs);
      case 'Forget':
        return engine.forget(action.replicas);
      case 'Synthesize':
        return engine.synthesize(action.run);
      case 'Fire':
        return engine.fire(action.firing);
      case 'StopFiring':
        return engine.stopFiring(action.firing);
      case 'ForgetFirings':
        return engine.forgetFirings(action.firings);
      case 'Publish':
      case 'Start':
      case 'Stores':
      case 'Prepare':
        return undefined;
    }
  }

  return {
    fresh: (actions) =>
      actions.filter((action) => {
        if (action.type === 'Stores') return !ordered.has(orderId(action.order));
        return action.type !== 'Start' || !starting.has(action.replica);
      }),
    async run(actions) {
      const outcomes: Promise<Json>[] = [];
      const note = (action: Action, result: Promise<Result<unknown, Problem>>) => {
        const outcome = result.then((value): Json => ({
          ...intentOf(action),
          outcome: value.ok ? 'ok' : value.error.code,
        }));
        outcomes.push(outcome);
        return outcome;
      };
      for (const action of actions) if (action.type === 'Publish') await note(action, engine.publish(action.snapshot));
      for (const action of actions) {
        if (action.type === 'Prepare') bundles.prepare(action.group, action.members);
        if (action.type === 'Start') void note(action, start(action));
        if (action.type === 'Stores') void note(action, order(action));
      }
      await Promise.all(
        actions.flatMap((action) => {
          const call = prompt(action);
          return call ? [note(action, call)] : [];
        }),
      );
      return { settled: Promise.all(outcomes) };
    },
    refusedStarts: () => refused,
    storesOutcomes: () => outcomes,
    forgetOutcomes(seen) {
      outcomes = outcomes.filter((one) => !seen.includes(one));
    },
    forgetRefused(seen) {
      refused = refused.filter((one) => !seen.includes(one));
    },
  };
}

/** What is written down about an action: enough to understand a half-done step, not its whole content. */
export function intentOf(action: Action): { readonly [name: string]: Json } {
  switch (action.type) {
    case 'Publish':
      return { type: action.type, generation: action.snapshot.generation, why: action.why };
    case 'Prepare':
      return { type: action.type, group: action.group, why: action.why };
    case 'Start':
    case 'Stop':
      return { type: action.type, replica: action.replica, why: action.why };
    case 'Forget':
      return { type: action.type, replicas: action.replicas, why: action.why };
    case 'Fire':
      return { type: action.type, firing: action.firing.id, group: action.firing.group, why: action.why };
    case 'StopFiring':
      return { type: action.type, firing: action.firing, why: action.why };
    case 'ForgetFirings':
      return { type: action.type, firings: action.firings, why: action.why };
    case 'Stores':
      return { type: action.type, order: orderId(action.order), why: action.why };
    case 'Synthesize':
      return { type: action.type, run: action.run.id, requests: action.run.requests, why: action.why };
  }
}
