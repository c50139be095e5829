import { pointerOfGrant } from '../../manifest/assemble/roles.ts';
import type { ParsedDocument } from '../../manifest/parsed.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { parseHostBlock } from '../../model/address.ts';
import { importsOf, usesCapability, writesKeys } from '../../model/imports.ts';
import { splitVersion, type ShapeOf } from '../../model/wit.ts';
import { at } from './at.ts';

/**
 * Items of `spec.capabilities` that give a component nothing, because it imports no interface that asks for them. Of a Role
 * one grant is enough: it is made for more than one component.
 */
export function unusedGrants(
  entry: DesiredEntry,
  document: ParsedDocument<'Component'>,
  shapeOf: ShapeOf,
): readonly Diagnostic[] {
  const [own] = entry.members;
  const shape = shapeOf(own.artifact);
  if (!shape?.ok) return [];
  const imports = importsOf(shape.value);
  const items = Map.groupBy(own.capabilities, ({ name }) => pointerOfGrant(document, name));
  return [...items].flatMap(([pointer, grants]) => {
    if (grants.some(({ capability }) => usesCapability(imports, capability))) return [];
    const capabilities = [...new Set(grants.map(({ capability }) => capability))].join(', ');
    return [at(document, `${pointer}/name`, 'HW1200', `Component ${entry.key} imports nothing of ${capabilities}`)];
  });
}

/** Grants to write of a component that imports only functions that read. A Role is made for more than one component. */
export function widerGrants(
  entry: DesiredEntry,
  document: ParsedDocument<'Component'>,
  shapeOf: ShapeOf,
): readonly Diagnostic[] {
  const shape = shapeOf(entry.members[0].artifact);
  if (!shape?.ok || writesKeys(shape.value) || !usesCapability(importsOf(shape.value), 'keyValue')) return [];
  return (document.value.spec.capabilities ?? []).flatMap(({ keyValue }, index) => {
    if (keyValue?.access !== 'ReadWrite') return [];
    const message = `Component ${entry.key} imports only functions that read`;
    const found = at(document, `/spec/capabilities/${index}/keyValue/access`, 'HW1211', message);
    return [{ ...found, fix: { type: 'Replace', text: 'ReadOnly' } }];
  });
}

/**
 * Names in `sockets.hosts` that no `nameLookup` of the component covers: a socket knows addresses, and of a name only those
 * that were found for it.
 */
export function unknownPeers(entry: DesiredEntry, document: ParsedDocument<'Component'>): readonly Diagnostic[] {
  const lookups = entry.members[0].capabilities
    .filter(({ capability }) => capability === 'nameLookup')
    .flatMap(({ settings }) => settings['hosts'] as readonly string[]);
  return (document.value.spec.capabilities ?? []).flatMap(({ sockets }, index) =>
    (sockets?.hosts ?? []).flatMap((host, place) => {
      if (parseHostBlock(host) || lookups.some((found) => meet(found, host))) return [];
      const message = `Component ${entry.key} may not look up ${host}, so the name stands for no address`;
      return [at(document, `/spec/capabilities/${index}/sockets/hosts/${place}`, 'HW1216', message)];
    }),
  );
}

/** Whether there is a name that both stand for. */
function meet(one: string, other: string): boolean {
  const [first, second] = [one.toLowerCase(), other.toLowerCase()];
  const holds = (wide: string, name: string): boolean => wide.startsWith('*.') && name.endsWith(wide.slice(1));
  return first === second || holds(first, second) || holds(second, first);
}

/** What asks for the settings of a component: without it nobody sees them. */
const READERS = {
  env: ['wasi:cli/environment'],
  config: ['wasi:config/store', 'wasi:config/runtime'],
} as const;

/** `spec.env` and `spec.config` of a component that cannot ask for them. */
export function unreadSettings(
  entry: DesiredEntry,
  document: ParsedDocument<'Component'>,
  shapeOf: ShapeOf,
): readonly Diagnostic[] {
  const shape = shapeOf(entry.members[0].artifact);
  if (!shape?.ok) return [];
  const imported = new Set(importsOf(shape.value).map((name) => splitVersion(name)[0]));
  return (['env', 'config'] as const).flatMap((field) => {
    const written = document.value.spec[field] ?? [];
    if (written.length === 0 || READERS[field].some((name) => imported.has(name))) return [];
    const message = `Component ${entry.key} imports no ${READERS[field].join(' and no ')}: it never sees spec.${field}`;
    return [at(document, `/spec/${field}`, 'HW1212', message)];
  });
}
