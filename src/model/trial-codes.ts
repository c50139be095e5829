import type { CodeRow } from './codes.ts';

/** `headway test` and `headway rehearse`. HW511x. */
export const TRIAL_CODES = {
  HW5110: {
    title: 'the throw-away runtime did not work',
    remedy: 'see the message; `headway run` with the same repository says more',
    policy: 'Terminal',
  },
  HW5111: {
    title: 'check failed',
    remedy: 'change the component until it answers what is expected, or correct the Check',
    policy: 'Terminal',
  },
  HW5112: {
    title: 'nothing to test',
    remedy: 'write a document of kind Check: docs/checks.md shows one',
    policy: 'Terminal',
  },
  HW5113: {
    title: 'no stand-in for a secret',
    remedy: 'declare one in `spec.standIns` of a Check of the namespace: tests and rehearsals get no secrets',
    policy: 'Terminal',
  },
  HW5114: {
    title: 'artifact outside of the repository',
    remedy: 'let it be fetched with --fetch, or give the folder that holds it: --artifacts <dir>',
    policy: 'Terminal',
  },
  HW5115: {
    title: 'component did not come up',
    remedy: 'see the message: it is what the fleet would say',
    policy: 'Terminal',
  },
  HW5116: {
    title: 'rolled back in the rehearsal',
    remedy: 'look at the evidence; the fleet would do the same',
    policy: 'Terminal',
  },
  HW5117: {
    title: 'rollout undecided',
    remedy: 'write a Check whose calls reach the component, or a readiness probe: a gate needs samples',
    policy: 'Terminal',
  },
  HW5118: {
    title: 'firing failed in the rehearsal',
    remedy: 'see the message: the fleet would say the same of this firing',
    policy: 'Terminal',
  },
  HW5119: {
    title: 'deletion held in the rehearsal',
    remedy: 'write into the Environment what the message says, in the commit that deletes',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
