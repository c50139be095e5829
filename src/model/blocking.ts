/**
 * The imported functions that may suspend the guest until something happens outside. Everything else answers at once.
 * `wasi:http` has none of its own: a future is waited for through its pollable.
 */
import type { Member } from './component.ts';
import { splitVersion, type ComponentShape, type ShapeOf } from './wit.ts';

export const BLOCKING: Readonly<Record<string, readonly string[]>> = {
  'wasi:io/poll': ['poll', '[method]pollable.block'],
  'wasi:io/streams': [
    '[method]input-stream.blocking-read',
    '[method]input-stream.blocking-skip',
    '[method]output-stream.blocking-flush',
    '[method]output-stream.blocking-write-and-flush',
    '[method]output-stream.blocking-write-zeroes-and-flush',
    '[method]output-stream.blocking-splice',
  ],
  'wasi:keyvalue/store': [
    'open',
    '[method]bucket.get',
    '[method]bucket.set',
    '[method]bucket.delete',
    '[method]bucket.exists',
    '[method]bucket.list-keys',
  ],
  'wasi:keyvalue/atomics': ['increment', 'swap', '[static]cas.new', '[method]cas.current'],
  'wasi:keyvalue/batch': ['get-many', 'set-many', 'delete-many'],
  'wasi:filesystem/types': [
    '[method]descriptor.sync-data',
    '[method]descriptor.set-size',
    '[method]descriptor.set-times',
    '[method]descriptor.read',
    '[method]descriptor.write',
    '[method]descriptor.sync',
    '[method]descriptor.create-directory-at',
    '[method]descriptor.stat',
    '[method]descriptor.stat-at',
    '[method]descriptor.set-times-at',
    '[method]descriptor.link-at',
    '[method]descriptor.open-at',
    '[method]descriptor.readlink-at',
    '[method]descriptor.remove-directory-at',
    '[method]descriptor.rename-at',
    '[method]descriptor.symlink-at',
    '[method]descriptor.unlink-file-at',
    '[method]descriptor.metadata-hash',
    '[method]descriptor.metadata-hash-at',
    '[method]directory-entry-stream.read-directory-entry',
  ],
};

/**
 * Where calls of an entry may wait: `wasi:keyvalue/store#open`, with the member before it where it is not the entry's own,
 * and every function of a remote link. Blocking is a colour: a provider that can block makes each call through the link
 * one that can. Empty: no call ever suspends. `undefined`: the types of a member are not known here.
 */
export function suspensionsOf(
  members: readonly [Member, ...Member[]],
  shapeOf: ShapeOf,
): readonly string[] | undefined {
  const found = new Set<string>();
  for (const member of members) {
    const shape = shapeOf(member.artifact);
    if (!shape?.ok) return undefined;
    for (const name of ownSuspensions(member, shape.value)) {
      found.add(member === members[0] ? name : `${member.key} ${name}`);
    }
  }
  return [...found].sort();
}

function ownSuspensions({ links }: Member, { imports }: ComponentShape): readonly string[] {
  return imports.interfaces.flatMap(({ name, functions }) => {
    const link = links.find((one) => one.import === name);
    if (link?.mode === 'Inline') return [];
    const [plain] = splitVersion(name);
    const blocking = link ? functions.map((one) => one.name) : (BLOCKING[plain] ?? []);
    return functions.filter((one) => blocking.includes(one.name)).map((one) => `${plain}#${one.name}`);
  });
}
