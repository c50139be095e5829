import { pointerOfGrant } from '../../manifest/assemble/roles.ts';
import type { ParsedDocument } from '../../manifest/parsed.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { importsOf, usesCapability } from '../../model/imports.ts';
import type { ShapeOf } from '../../model/wit.ts';
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
