import type { CodeRow } from './codes.ts';

/** Values that a component takes from a Config. HW114x. */
export const VALUE_CODES = {
  HW1145: {
    title: 'no such key',
    remedy: 'name a key of the document, or add it there',
    policy: 'Terminal',
  },
  HW1146: {
    title: 'value that nothing uses',
    remedy: 'refer to it (`valueFrom` in spec.env or spec.config), or delete it',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
