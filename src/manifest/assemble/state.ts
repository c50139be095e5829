import { ownStoresOf, storeOf, type EntryKey, type Member } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { stateFault } from '../../model/state.ts';
import type { ComponentShape } from '../../model/wit.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue } from './assembly.ts';
import type { Members } from './cell.ts';

type ComponentDocument = ParsedDocument<'Component'>;

const VERSION = '/spec/state/version';

/** What contradicts data with a version, in one document. */
export function stateProblems(document: ComponentDocument, member: Member | undefined): readonly Diagnostic[] {
  const { state, rollout } = document.value.spec;
  if (!state) return [];
  const problems: Diagnostic[] = [];
  if (member && ownStoresOf(member.capabilities).length === 0) {
    const message = `state.version ${state.version} of a component that may write to no store`;
    problems.push(atValue(document, VERSION, 'HW1130', message));
  }
  if (rollout?.replaces !== undefined) {
    const message = `a component with state.version that replaces ${rollout.replaces} would share its stores with it`;
    problems.push(atValue(document, '/spec/rollout/replaces', 'HW1131', message));
  }
  return problems;
}

/** What the binary exports, where it is known, against what the document says. */
export function migrateProblems(
  document: ComponentDocument,
  member: Member,
  { exports }: Pick<ComponentShape, 'exports'>,
): readonly Diagnostic[] {
  const names = exports.interfaces.map(({ name }) => name);
  const fault = stateFault(member, names);
  if (!fault) return [];
  const { source } = document.value.spec;
  const at = member.state ? VERSION : source.path === undefined ? '/spec/source' : '/spec/source/path';
  return [atValue(document, at, 'HW1133', fault.message, fault.remedy)];
}

/**
 * Stores of a component whose data has a version are its own: with each version it has another copy of them, and whoever
 * else named them would write to one that nobody reads. Said to both, because either may be the one that came later.
 */
export function sharedStoreProblems(
  documents: ReadonlyMap<EntryKey, ComponentDocument>,
  members: Members,
): ReadonlyMap<EntryKey, readonly Diagnostic[]> {
  const found = new Map<EntryKey, Diagnostic[]>();
  const say = (key: EntryKey, pointer: string, message: string): void => {
    const document = documents.get(key);
    if (document) found.set(key, [...(found.get(key) ?? []), atValue(document, pointer, 'HW1132', message)]);
  };
  const all = [...documents.keys()].flatMap((key) => members.get(key) ?? []);
  for (const owner of all.filter(({ state }) => state)) {
    const own = new Set(ownStoresOf(owner.capabilities));
    const namespace = owner.key.split('/')[0]!;
    for (const other of all) {
      if (other === owner || other.key.split('/')[0] !== namespace) continue;
      const shared = other.capabilities.find((grant) => grant.capability === 'keyValue' && own.has(storeOf(grant)));
      if (shared) {
        const store = storeOf(shared);
        say(owner.key, VERSION, `the store ${store} has versions, and ${other.key} is granted it too`);
        say(other.key, '/metadata/name', `the store ${store} of the grant ${shared.name} has versions of ${owner.key}`);
      }
      const linked = other.links.some(({ component, mode }) => component === owner.key && mode === 'Inline');
      if (!linked) continue;
      say(owner.key, VERSION, `${other.key} links it inline: it would use its stores as well`);
      say(other.key, '/metadata/name', `it links ${owner.key} inline, whose stores have versions`);
    }
  }
  return found;
}
