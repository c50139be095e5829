import type { CodeRow } from './codes.ts';

/** Documents and the binaries that they name: HW110x is what preparation would refuse, HW120x and HW121x rules of lint alone. */
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
  HW1210: {
    title: 'no HTTP handler',
    remedy: 'name the function that is meant by `export`, or build the component with wasi:http/incoming-handler',
    policy: 'Terminal',
  },
  HW1211: {
    title: 'grant to write that the component does not use',
    remedy: 'write access: ReadOnly: what is not granted cannot be taken over',
    policy: 'Terminal',
  },
  HW1212: {
    title: 'settings that the component does not read',
    remedy: 'delete them, or build the component to read them',
    policy: 'Terminal',
  },
  HW1213: {
    title: 'namespace with nothing in it',
    remedy: 'correct the name, or delete it',
    policy: 'Terminal',
  },
  HW1214: {
    title: 'emergency of another revision',
    remedy: 'name the revision that is meant, or delete the line',
    policy: 'Terminal',
  },
  HW1215: {
    title: 'freeze window that never ends',
    remedy: 'make duration shorter than the time between two openings, or use suspend to hold what must not change',
    policy: 'Terminal',
  },
  HW1218: {
    title: 'isolation Shared that a linked component does not ask for',
    remedy: 'write isolation: Shared into the linked component too, or leave spec.isolation of this one out',
    policy: 'Terminal',
  },
  HW1216: {
    title: 'name of a socket grant that nobody may look up',
    remedy: 'add the name to the hosts of a nameLookup grant, or write the addresses that are meant',
    policy: 'Terminal',
  },
  HW1219: {
    title: 'host of an entry that there is not',
    remedy: 'write <name>.<namespace>.headway of a component of this repository, or delete the host',
    policy: 'Terminal',
  },
  HW1221: {
    title: 'host of an entry that answers no HTTP',
    remedy: 'link the interface that it exports, or build it with wasi:http/incoming-handler',
    policy: 'Terminal',
  },
  HW1222: {
    title: 'host of a Route that no client can ask for',
    remedy: 'write a name that clients have: names below `headway` are for entries among each other',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
