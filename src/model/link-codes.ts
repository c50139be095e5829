import type { CodeRow } from './codes.ts';

/** Links between components: HW1095-HW1099 in documents, HW2350-HW2399 by types. */
export const LINK_CODES = {
  HW1095: {
    title: 'a Singleton linked inline',
    remedy: 'choose instancePolicy Pooled for the linked component, and keep what must be one in a store',
    policy: 'Terminal',
  },
  HW1096: {
    title: 'types of a linked component unreadable',
    remedy: 'build the component again; `wasm-tools validate` says more',
    policy: 'Terminal',
  },
  HW2350: {
    title: 'link of an import that there is not',
    remedy: 'name an interface that the component imports, with the version that it spells, or remove the link',
    policy: 'Terminal',
  },
  HW2351: {
    title: 'one interface imported in two versions',
    remedy: 'build the component against one version of the interface',
    policy: 'Terminal',
  },
  HW2352: {
    title: 'the linked component does not export the interface',
    remedy: 'link a component that exports it',
    policy: 'Terminal',
  },
  HW2353: {
    title: 'no compatible version',
    remedy: 'take a provider of the same version or a later compatible one: the same major, below 1.0.0 the same minor',
    policy: 'Terminal',
  },
  HW2354: {
    title: 'resources do not cross a link',
    remedy: 'pass values: records, lists, and keys in place of handles',
    policy: 'Terminal',
  },
  HW2355: {
    title: 'the types of a link do not fit',
    remedy: 'build both against the same WIT, or raise the version of the interface that changed',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
