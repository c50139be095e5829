import { child } from '../../manifest/place.ts';
import type { Json } from '../../kit/json.ts';
import type { ParsedDocument } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { at } from './at.ts';

/** `${name}` of a variable that there is, where it stays as it is: in a patch, or in a document that is in no base. */
export function unfilledVariables(documents: readonly ParsedDocument[]): readonly Diagnostic[] {
  const environments = documents.filter((document) => isEnvironment(document));
  const [environment] = environments;
  if (environments.length !== 1 || !environment) return [];
  const { bases = [], variables = [], patches = [] } = environment.value.spec;
  const names = new Set(variables.map(({ name }) => name));
  if (names.size === 0) return [];
  const own = documents.filter(
    (document) => document !== environment && !bases.some((base) => document.file.startsWith(`${base}/`)),
  );
  return [
    ...patches.flatMap(({ patch }, index) =>
      unfilled(environment, patch as Json, `/spec/patches/${index}/patch`, names, 'a patch'),
    ),
    ...own.flatMap((document) =>
      unfilled(document, document.value as unknown as Json, '', names, 'a document of the followed path'),
    ),
  ];
}

function unfilled(
  document: ParsedDocument,
  value: Json,
  pointer: string,
  names: ReadonlySet<string>,
  where: string,
): readonly Diagnostic[] {
  if (typeof value === 'string') {
    const name = [...value.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1]!).find((one) => names.has(one));
    if (name === undefined) return [];
    return [at(document, pointer, 'HW1155', `\`\${${name}}\` stays as it is: nothing fills it into ${where}`)];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([field, inner]) =>
    unfilled(document, inner as Json, child(pointer, field), names, where),
  );
}

function isEnvironment(document: ParsedDocument): document is ParsedDocument<'Environment'> {
  return document.kind === 'Environment';
}
