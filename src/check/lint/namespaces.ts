/** Namespaces that are named and that no component is in: what was meant to hold for somebody holds for nobody. */
import { closest } from '../../manifest/suggest.ts';
import type { ParsedDocument } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { at } from './at.ts';

interface Named {
  readonly pointer: string;
  readonly namespace: string;
  /** What does not hold. */
  readonly what: string;
}

export function emptyNamespaces(documents: readonly ParsedDocument[]): readonly Diagnostic[] {
  const known = new Set(documents.map(({ namespace }) => namespace).filter((namespace) => namespace !== ''));
  return documents.flatMap((document) =>
    namedIn(document)
      .filter(({ namespace }) => namespace !== '*' && !known.has(namespace))
      .map(({ pointer, namespace, what }) => {
        const meant = closest(namespace, [...known]);
        const remedy = meant === undefined ? undefined : `did you mean \`${meant}\`? else delete it`;
        return at(document, pointer, 'HW1213', `${what} the namespace ${namespace}, in which there is nothing`, remedy);
      }),
  );
}

function namedIn(document: ParsedDocument): readonly Named[] {
  if (document.kind === 'Policy') {
    const { namespaces } = (document as ParsedDocument<'Policy'>).value.spec;
    return namespaces.map((namespace, index) => ({
      pointer: `/spec/namespaces/${index}`,
      namespace,
      what: `Policy ${document.name} holds for`,
    }));
  }
  if (document.kind !== 'Environment') return [];
  const { freezeWindows = [] } = (document as ParsedDocument<'Environment'>).value.spec;
  return freezeWindows.flatMap(({ name, namespaces = [] }, window) =>
    namespaces.map((namespace, index) => ({
      pointer: `/spec/freezeWindows/${window}/namespaces/${index}`,
      namespace,
      what: `the freeze window ${name} holds for`,
    })),
  );
}
