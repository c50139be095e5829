import { keyUsesOf } from '../../manifest/assemble/values.ts';
import { keyOf, type ParsedDocument } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { at } from './at.ts';

/** Configs that no component refers to, and keys of the others that none does. */
export function unusedValues(
  documents: readonly ParsedDocument[],
  components: readonly ParsedDocument<'Component'>[],
): readonly Diagnostic[] {
  const used = new Set(
    components.flatMap((component) =>
      keyUsesOf(component).flatMap(({ kind, ref }) => {
        const document = `${kind} ${keyOf({ namespace: component.namespace, name: ref.name })}`;
        return [document, `${document} ${ref.key}`];
      }),
    ),
  );
  return documents.filter(isKeeper).flatMap((document) => {
    const id = `${document.kind} ${keyOf(document)}`;
    if (!used.has(id)) return [at(document, '/metadata/name', 'HW1146', `nothing uses ${id}`)];
    return document.value.spec.data.flatMap(({ name }, index) =>
      used.has(`${id} ${name}`)
        ? []
        : [at(document, `/spec/data/${index}/name`, 'HW1146', `nothing uses the key \`${name}\` of ${id}`)],
    );
  });
}

function isKeeper(document: ParsedDocument): document is ParsedDocument<'Config'> {
  return document.kind === 'Config';
}
