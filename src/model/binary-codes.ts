import type { CodeRow } from './codes.ts';

/** Documents and the binaries that they name: HW110x is what preparation would refuse, HW120x rules of lint alone. */
export const BINARY_CODES = {
  HW1100: {
    title: 'artifact is not admitted',
    remedy: 'commit a component for WASI 0.2; the message holds the code of the admission',
    policy: 'Terminal',
  },
  HW1101: {
    title: 'import without a grant or a link',
    remedy: 'add the line to spec.capabilities or spec.links, or build the component without the import',
    policy: 'Terminal',
  },
  HW1102: {
    title: 'memory limit below what the component starts with',
    remedy: 'raise spec.limits.memory to the value named, or build the component to start with less',
    policy: 'Terminal',
  },
  HW1200: {
    title: 'grant that the component does not use',
    remedy: 'delete it: what is not granted cannot be taken over',
    policy: 'Terminal',
  },
  HW1201: {
    title: 'rule that no request reaches',
    remedy: 'change the match, or delete the rule',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
