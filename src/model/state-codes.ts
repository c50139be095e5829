import type { CodeRow } from './codes.ts';

/** HW113x: `spec.state` of a document. HW462x: copies of stores, made for a migration. */
export const STATE_CODES = {
  HW1130: {
    title: 'state without a store of its own',
    remedy: 'grant it a store (keyValue with access ReadWrite), or delete spec.state',
    policy: 'Terminal',
  },
  HW1131: {
    title: 'state that cannot be handed over',
    remedy: 'keep its name, or delete the old one in an earlier commit: two names would be two owners of one store',
    policy: 'Terminal',
  },
  HW1132: {
    title: 'store with a version, and a second user',
    remedy: 'give each component a store of its own, and let the others ask the owner',
    policy: 'Terminal',
  },
  HW1133: {
    title: 'spec.state and the component disagree',
    remedy: 'write spec.state.version, and export headway:component/migrate, or neither',
    policy: 'Terminal',
  },
  HW4620: {
    title: 'a store is still in use',
    remedy: 'none: it is copied, or removed, when the last cell that uses it has ended',
    policy: 'Waiting',
  },
  HW4621: {
    title: 'no room for a copy of a store',
    remedy: 'free some space below the data folder, or make the store smaller',
    policy: 'Waiting',
  },
  HW4622: {
    title: 'a store could not be copied',
    remedy: 'look at the disk of the data folder; the message says what the system said',
    policy: 'Waiting',
  },
  HW4623: {
    title: 'stores of one component stand at different editions',
    remedy: 'name in spec.capabilities only stores that this component has always had, or bring them together by hand',
    policy: 'Terminal',
  },
  HW4624: {
    title: 'data of another version',
    remedy: 'write the spec.state.version whose form this component reads and writes',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
