import type { CodeRow } from './codes.ts';

/** Bases, variables and patches of an Environment. HW115x. */
export const BASE_CODES = {
  HW1150: {
    title: 'base not usable',
    remedy: 'name a folder of this repository that is outside of the followed path, in one valid Environment',
    policy: 'Terminal',
  },
  HW1151: {
    title: 'variable not known',
    remedy: 'add it to spec.variables of the Environment, correct its name, or write `$${` for a plain `${`',
    policy: 'Terminal',
  },
  HW1152: { title: 'variable not used', remedy: 'delete it, or use it in a document of a base', policy: 'Terminal' },
  HW1153: {
    title: 'patch of the identity',
    remedy: 'leave apiVersion, kind, metadata.name and metadata.namespace as they are',
    policy: 'Terminal',
  },
  HW1154: {
    title: 'patch without a target',
    remedy:
      'name a document of a base by kind, namespace and name; what lies in the followed path is changed where it is written',
    policy: 'Terminal',
  },
  HW1155: {
    title: 'variable that nothing fills in',
    remedy: 'write the value out: variables are filled into documents of bases, and nowhere else',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
