import type { CodeRow } from './codes.ts';

/** Several engines on one port. */
export const ENGINE_CODES = {
  HW1170: {
    title: 'not a number of engines',
    remedy: 'give a whole number from 1 to 16; one for each processor that is free for traffic is enough',
    policy: 'Terminal',
  },
  HW1171: {
    title: 'several engines need a port of their own',
    remedy: 'name the port that they share, or run one engine',
    policy: 'Terminal',
  },
  HW4130: {
    title: 'an engine was not seen yet',
    remedy: 'none: the supervisor starts it again, and nothing is decided before each has been seen',
    policy: 'Waiting',
  },
  HW4131: {
    title: 'an engine has not acknowledged the snapshot',
    remedy: 'none: it gets it when it is back; until then nothing that it may still lead to is stopped',
    policy: 'Waiting',
  },
  HW4133: {
    title: 'the engine that has a component is away',
    remedy: 'ask again: the supervisor starts it, and it starts what it had',
    policy: 'Waiting',
  },
} as const satisfies Record<string, CodeRow>;
