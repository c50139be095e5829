import type { CodeRow } from './codes.ts';

/** Links between components: HW1095-HW1099 and HW1110-HW1119 in documents, HW2350-HW2399 by types. */
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
  HW1110: {
    title: 'a remote link that leaves its namespace',
    remedy: 'link a component of the own namespace: a link is a grant, and no namespace can grant for another',
    policy: 'Terminal',
  },
  HW1111: {
    title: 'an import that cannot be called in another cell',
    remedy: 'link it with mode Inline, or build the component against an interface of plain values',
    policy: 'Terminal',
  },
  HW1112: {
    title: 'would not fit who calls it from another cell',
    remedy: 'change both in one commit, so that they roll out as one group; or keep the old interface beside the new',
    policy: 'Terminal',
  },
  HW1113: {
    title: 'entries that call each other in a circle',
    remedy: 'take one of the links out, or see to it that no call comes back to where it began',
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
