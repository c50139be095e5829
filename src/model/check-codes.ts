import type { CodeRow } from './codes.ts';

/** What a Check asks for and nobody could answer. HW1225 to HW1239. */
export const CHECK_CODES = {
  HW1225: {
    title: 'no Route takes the request',
    remedy: 'correct hostname, path, method and headers, or add the Route',
    policy: 'Terminal',
  },
  HW1226: {
    title: 'expectation that nothing can meet',
    remedy: 'write the result as JSON by the type of the function; docs/typed-exports.md has the mapping',
    policy: 'Terminal',
  },
  HW1227: {
    title: 'Checks of a namespace that contradict each other',
    remedy: 'leave one of them: stand-ins and the deterministic profile hold for the whole namespace',
    policy: 'Terminal',
  },
  HW1228: {
    title: 'not WAVE of this type',
    remedy: 'write the value as the type says, or as JSON in `parameters` and `result`; docs/checks.md shows both',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
