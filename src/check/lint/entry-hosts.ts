/** Hosts below `headway`: those that grants name lead to an entry that answers HTTP, and no Route has one. */
import { keyOf, type ParsedDocument } from '../../manifest/parsed.ts';
import { closest } from '../../manifest/suggest.ts';
import { answersHttp } from '../../model/callable.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { entriesMeant, entryOfHost, hostOfEntry, isEntryHost, isWildcard } from '../../model/entry-host.ts';
import type { ShapeOf } from '../../model/wit.ts';
import { at } from './at.ts';

/** One host of a grant and where it is written, in a Component or a Role. */
export interface WrittenHost {
  readonly document: ParsedDocument;
  readonly pointer: string;
  /** In lower case. */
  readonly host: string;
}

export function entryHosts(document: ParsedDocument): readonly WrittenHost[] {
  if (document.kind !== 'Component' && document.kind !== 'Role') return [];
  const { capabilities = [] } = (document as ParsedDocument<'Component'> | ParsedDocument<'Role'>).value.spec;
  return capabilities.flatMap(({ outboundHttp }, index) =>
    (outboundHttp?.hosts ?? []).flatMap((written, place) =>
      isEntryHost(written)
        ? [
            {
              document,
              pointer: `/spec/capabilities/${index}/outboundHttp/hosts/${place}`,
              host: written.toLowerCase(),
            },
          ]
        : [],
    ),
  );
}

/**
 * Hosts that lead to nobody. One in a namespace that this repository has nothing in may be of another root: only what looks like a
 * mistake is told of it.
 */
export function unknownEntries(documents: readonly ParsedDocument[]): readonly Diagnostic[] {
  const known = documents.filter(({ kind }) => kind === 'Component').map((document) => keyOf(document) as EntryKey);
  const namespaces = new Set(documents.map(({ namespace }) => namespace));
  return documents.flatMap(entryHosts).flatMap(({ document, pointer, host }) => {
    const isThere = isWildcard(host)
      ? host === '*.headway' || entriesMeant(host, known).length > 0
      : known.includes(entryOfHost(host)!);
    if (isThere) return [];
    const wildcards = known.map((key) => `*.${key.split('/')[0]}.headway`);
    const meant = closest(host, isWildcard(host) ? [...new Set(wildcards)] : known.map(hostOfEntry));
    const namespace = host.split('.').at(-2)!;
    if (meant === undefined && !namespaces.has(namespace)) return [];
    const remedy = meant === undefined ? undefined : `did you mean \`${meant}\`? else delete it`;
    const message = `${keyOf(document)} may ask ${host}, and there is no such entry`;
    return [at(document, pointer, 'HW1219', message, remedy)];
  });
}

export function entriesWithoutHandler(
  { entries }: Pick<Desired, 'entries'>,
  documents: readonly ParsedDocument[],
  shapeOf: ShapeOf,
): readonly Diagnostic[] {
  return documents.flatMap(entryHosts).flatMap(({ document, pointer, host }) => {
    const entry = entries.get(entryOfHost(host)!);
    const shape = entry && shapeOf(entry.members[0].artifact);
    if (!entry || !shape?.ok || answersHttp(shape.value)) return [];
    const message = `${keyOf(document)} may ask Component ${entry.key}, which exports no HTTP handler`;
    return [at(document, pointer, 'HW1221', message, undefined, 'error')];
  });
}

export function routesBelowEntries(document: ParsedDocument): readonly Diagnostic[] {
  if (document.kind !== 'Route') return [];
  const { hostnames = [] } = (document as ParsedDocument<'Route'>).value.spec;
  return hostnames.flatMap((hostname, index) => {
    if (!isEntryHost(hostname)) return [];
    const message = `no client is let in by the name ${hostname}: entries ask each other by such names, without a Route`;
    return [at(document, `/spec/hostnames/${index}`, 'HW1222', message)];
  });
}
