import type { ParsedDocument } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { at } from './at.ts';

/**
 * Rules that no request reaches. By the order of the ingress (host, path, method, headers: the narrower first) a rule is
 * never taken whole by another whose match differs, and equal matches are refused (HW1025); what is left is a match that
 * nothing fulfils: HTTP takes the spaces and tabs around a header's value off, so none arrives with them.
 */
export function unreachedRules(document: ParsedDocument): readonly Diagnostic[] {
  if (document.kind !== 'Route') return [];
  return (document as ParsedDocument<'Route'>).value.spec.rules.flatMap(({ matches = [] }, index) =>
    matches.flatMap(({ headers = [] }, position) =>
      headers.flatMap(({ name, value }, header) => {
        const arriving = value.replaceAll(/^[ \t]+|[ \t]+$/g, '');
        if (value === arriving) return [];
        const pointer = `/spec/rules/${index}/matches/${position}/headers/${header}/value`;
        const message = `no request has a ${name} with spaces around its value: they are taken off on the way`;
        const found = at(document, pointer, 'HW1201', message, 'write the value without them');
        // A block scalar is not replaced by a word: where it ends is not what its place says.
        if (found.span?.line !== found.span?.endLine) return [found];
        return [{ ...found, fix: { type: 'Replace', text: JSON.stringify(arriving) } }];
      }),
    ),
  );
}
