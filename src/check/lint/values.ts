import { sealedForm } from '../../manifest/assemble/sealed-form.ts';
import { isSecret, keyUsesOf } from '../../manifest/assemble/values.ts';
import { keyOf, type ParsedDocument } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { at } from './at.ts';

/** Configs and Secrets that no component refers to, and keys of the others that none does. */
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

/** Values that not all recipients of today can open, or others besides. Who can is not to be seen, only how many. */
export function otherRecipients(documents: readonly ParsedDocument[]): readonly Diagnostic[] {
  return documents.filter(isSecret).flatMap((document) => {
    const { recipients, data } = document.value.spec;
    return data.flatMap(({ name, encrypted }, index) => {
      const form = sealedForm(encrypted);
      if (!form || form.recipients === recipients.length) return [];
      const message = `the key \`${name}\` is encrypted for ${form.recipients}, and there are ${recipients.length} recipients`;
      return [at(document, `/spec/data/${index}/name`, 'HW1148', message)];
    });
  });
}

function isKeeper(document: ParsedDocument): document is ParsedDocument<'Config' | 'Secret'> {
  return document.kind === 'Config' || document.kind === 'Secret';
}
