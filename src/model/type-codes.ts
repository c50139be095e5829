import type { CodeRow } from './codes.ts';

/** HW23xx: the types of components. */
export const TYPE_CODES = {
  HW2301: {
    title: 'types that cannot be read',
    remedy: 'build the component again; if it still fails, report it: its types end the process that reads them',
    policy: 'Terminal',
  },
  HW2302: {
    title: 'no process to read types in',
    remedy: 'nothing to do: it is tried again; look at memory and processes of the machine if it lasts',
    policy: 'Retry',
  },
} as const satisfies Record<string, CodeRow>;
