import type { CodeRow } from './codes.ts';

/**
 * HW4600 and HW4611-HW4619: why a call of one cell to another has no answer. The caller's guest traps with it. HW4625-HW4629: why
 * a request of a guest to another entry has none. The guest gets its interface's error, the audit the words.
 */
export const REMOTE_CODES = {
  HW4600: {
    title: 'a remote call on behalf of no call',
    remedy: 'call other entries while a request is served; `init`, `shutdown` and start code cannot',
    policy: 'Terminal',
  },
  HW4611: {
    title: 'a remote call to an entry that is not there',
    remedy: 'bring the linked component back, or take the link out',
    policy: 'Terminal',
  },
  HW4612: {
    title: 'a remote call found no ready replica',
    remedy: 'see `headway status` for why the linked component has none',
    policy: 'Retry',
  },
  HW4613: {
    title: 'a remote call found no room',
    remedy: 'raise limits.concurrency, limits.queue or the replicas of the linked component',
    policy: 'Retry',
  },
  HW4614: {
    title: 'the function of a remote call failed',
    remedy: 'see the log of the linked component at that time',
    policy: 'Terminal',
  },
  HW4615: {
    title: 'a remote call took too long',
    remedy: 'make the function faster, or raise limits.requestTimeout of both components',
    policy: 'Terminal',
  },
  HW4616: {
    title: 'the cell of a remote call died',
    remedy: 'see the log of the linked component and its limits; nobody knows whether the call was done',
    policy: 'Terminal',
  },
  HW4617: {
    title: 'remote calls too deep',
    remedy: 'take a link out of the circle of entries that call each other',
    policy: 'Terminal',
  },
  HW4618: {
    title: 'a remote call that does not fit its release',
    remedy: 'roll both out as one group (`rollout.group`), or keep the old interface beside the new',
    policy: 'Terminal',
  },
  HW4619: {
    title: 'a remote call too large',
    remedy:
      'pass less at once: arguments and answers are at most about 1 MiB as JSON, and within the limits of the linked component',
    policy: 'Terminal',
  },
  HW4625: {
    title: 'a request to an entry that is not there',
    remedy: 'correct the name (`<name>.<namespace>.headway`), or bring the component back',
    policy: 'Terminal',
  },
  HW4626: {
    title: 'a request to another entry found no room',
    remedy:
      'see `headway status` for why the other component has no ready replica; or raise its limits.concurrency, limits.queue or replicas',
    policy: 'Retry',
  },
  HW4627: {
    title: 'requests from entry to entry too deep',
    remedy: 'take a request out of the circle of entries that ask each other',
    policy: 'Terminal',
  },
  HW4628: {
    title: 'a request to another entry failed',
    remedy: 'see the log of the other component at that time, and its limits',
    policy: 'Terminal',
  },
  HW4629: {
    title: 'a request to another entry on behalf of no call',
    remedy: 'ask other entries while a request is served; `init`, `shutdown` and start code cannot',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
