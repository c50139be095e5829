import type { Policy } from './problem.ts';

/** One row of the table of codes: what the code means, what to do by default, and how the runtime treats it. */
export interface CodeRow {
  readonly title: string;
  readonly remedy: string;
  readonly policy: Policy;
}

/**
 * Every code that Headway can say. Callers match on the code, never on a message.
 * HW1xxx manifests · HW2xxx artifacts and admission · HW3xxx git · HW4xxx cells, engine and ingress · HW5xxx the
 * daemon's own start · HW6xxx rollouts.
 */
export const CODES = {
  HW1001: { title: 'not YAML', remedy: 'mend the syntax at the place shown', policy: 'Terminal' },
  HW2001: {
    title: 'artifact not found',
    remedy: 'commit the .wasm file or correct spec.source.path',
    policy: 'Terminal',
  },
  HW3001: {
    title: 'repository unreachable',
    remedy: 'check the URL, the network and the credentials; the last good state serves on meanwhile',
    policy: 'Waiting',
  },
  HW4001: {
    title: 'cell did not start',
    remedy: 'see the message; the release serves again after the next successful start',
    policy: 'Retry',
  },
  HW5001: {
    title: 'Node is too old',
    remedy: 'run Headway with Node 26 or newer; `npm ci` brings one',
    policy: 'Terminal',
  },
  HW5010: {
    title: 'no status from the daemon',
    remedy: 'start it with `npm start` or `headway run`, or name its status address with --status',
    policy: 'Terminal',
  },
  HW5011: { title: 'no such entry', remedy: 'see `headway status` for the entries', policy: 'Terminal' },
  HW5012: { title: 'wrong usage', remedy: 'see `headway help`', policy: 'Terminal' },
  HW6001: {
    title: 'the revision failed its gate',
    remedy: 'change the component, its gate or raise rollout.retry',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;

export type Code = keyof typeof CODES;
