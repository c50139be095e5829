import type { CodeRow } from './codes.ts';

/** HW23xx: the types of components; HW454x: calls of their exports with JSON. */
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
  HW4540: {
    title: 'method does not call',
    remedy: 'use POST; GET where the function has no parameters',
    policy: 'Terminal',
  },
  HW4541: { title: 'not sent as JSON', remedy: 'send the header content-type: application/json', policy: 'Terminal' },
  HW4542: { title: 'body is not JSON', remedy: 'send JSON in UTF-8', policy: 'Terminal' },
  HW4543: {
    title: 'body does not fit the type',
    remedy: 'send what the function takes: its OpenAPI document says what, at the status address',
    policy: 'Terminal',
  },
  HW4544: {
    title: 'answer does not fit the type',
    remedy: 'build the component again: its answer is not of the type that it declares',
    policy: 'Terminal',
  },
  HW4545: {
    title: 'function not in this release',
    remedy: 'release a component that exports it, or change the Route',
    policy: 'Terminal',
  },
  HW4546: {
    title: 'nothing to describe',
    remedy: 'ask for an entry that serves: /api/v1/state lists them',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
