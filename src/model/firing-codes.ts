import type { CodeRow } from './codes.ts';

/** HW46xx: how firings of schedules end. */
export const FIRING_CODE_ROWS = {
  HW4601: {
    title: 'a firing failed',
    remedy: 'see the log of the component at that time; a command says why by its exit code',
    policy: 'Terminal',
  },
  HW4602: { title: 'a firing trapped', remedy: 'see the log of the component at that time', policy: 'Terminal' },
  HW4603: {
    title: 'a firing took too long',
    remedy: 'make it faster, or raise spec.deadline of the Schedule',
    policy: 'Terminal',
  },
  HW4604: {
    title: 'the cell of a firing died',
    remedy: 'see the log of the component and its limits',
    policy: 'Terminal',
  },
  HW4605: {
    title: 'a firing was ended',
    remedy: 'none where the next one replaces it; else see what ended its cell',
    policy: 'Terminal',
  },
  HW4606: {
    title: 'nobody knows how a firing ended',
    remedy: 'look at what it does; it is not run again, the next one comes at its time',
    policy: 'Terminal',
  },
  HW4607: {
    title: 'firings were missed',
    remedy: 'none: the next one comes at its time; raise spec.startingDeadline to make up for longer gaps',
    policy: 'Terminal',
  },
  HW4608: {
    title: 'firings were skipped',
    remedy: 'make the firing shorter than its period, or choose concurrencyPolicy Allow or Replace',
    policy: 'Terminal',
  },
  HW4609: {
    title: 'a firing found no room',
    remedy: 'see `headway status` for why no replica is ready; raise limits.concurrency if they are busy',
    policy: 'Waiting',
  },
  HW4610: {
    title: 'the parameters of a firing do not fit',
    remedy: 'write spec.backendRef.parameters as the function takes them; it was not called',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
