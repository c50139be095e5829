import type { CodeRow } from './codes.ts';

/** Several roots in one daemon: what a root may hold, and what they share. */
export const ROOT_CODES = {
  HW1120: {
    title: 'namespace of another root',
    remedy:
      'move the document to the repository that has its namespace, or give the namespace to this root in runtime.yaml',
    policy: 'Terminal',
  },
  HW1121: {
    title: 'requests of another root',
    remedy: 'claim another host or path, or have the other root let go of it first and then push again',
    policy: 'Terminal',
  },
  HW5060: {
    title: 'waits for the other roots',
    remedy: 'nothing to do: it ends when each root has said what it serves, or after half a minute',
    policy: 'Waiting',
  },
  HW5061: {
    title: 'rule left out for another root',
    remedy: 'take the rule out of one of the two repositories',
    policy: 'Waiting',
  },
} as const satisfies Record<string, CodeRow>;
