import type { CodeRow } from './codes.ts';

/** Values that a component takes from a Config or a Secret. HW114x. */
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
  HW1147: {
    title: 'secret not encrypted',
    remedy: 'write it with `headway secret encrypt`; if it was pushed in the clear, it is known: make a new one',
    policy: 'Terminal',
  },
  HW1148: {
    title: 'secret not encrypted for all recipients',
    remedy: 'encrypt it for those of today: `headway secret rotate`',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
