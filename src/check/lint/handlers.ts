/** What is asked over HTTP of components that have no handler: the ingress, a probe or a sample would get a 501 each time. */
import { keyOf, type ParsedDocument } from '../../manifest/parsed.ts';
import { answersHttp } from '../../model/callable.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import type { Desired } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ShapeOf } from '../../model/wit.ts';
import { at } from './at.ts';

/** Rules of Routes that hand the request itself over. */
export function routesWithoutHandler(
  { entries }: Pick<Desired, 'entries'>,
  documents: readonly ParsedDocument[],
  shapeOf: ShapeOf,
): readonly Diagnostic[] {
  return documents
    .filter((document): document is ParsedDocument<'Route'> => document.kind === 'Route')
    .flatMap((document) =>
      document.value.spec.rules.flatMap(({ backendRef }, index) => {
        const entry = entries.get(`${document.namespace}/${backendRef.name}`);
        if (backendRef.export || !entry || !lacksHandler(entry, shapeOf)) return [];
        return [
          finding(document, `/spec/rules/${index}/backendRef/name`, `${keyOf(document)} hands requests to`, entry),
        ];
      }),
    );
}

/** Probes and synthetic samples that are GETs. */
export function probesWithoutHandler(
  entry: DesiredEntry,
  document: ParsedDocument<'Component'>,
  shapeOf: ShapeOf,
): readonly Diagnostic[] {
  if (!lacksHandler(entry, shapeOf)) return [];
  const { probes = {}, rollout } = document.value.spec;
  const asked = [
    ['/spec/probes/readiness/httpGet', 'the readiness probe asks', probes.readiness?.httpGet],
    ['/spec/probes/liveness/httpGet', 'the liveness probe asks', probes.liveness?.httpGet],
    ['/spec/rollout/gate/synthetic/httpGet', 'synthetic samples ask', rollout?.gate?.synthetic?.httpGet],
  ] as const;
  return asked.flatMap(([pointer, who, written]) => (written ? [finding(document, pointer, who, entry)] : []));
}

function lacksHandler({ members: [own] }: DesiredEntry, shapeOf: ShapeOf): boolean {
  const shape = shapeOf(own.artifact);
  return shape?.ok === true && !answersHttp(shape.value);
}

function finding(document: ParsedDocument, pointer: string, who: string, entry: DesiredEntry): Diagnostic {
  const message = `${who} Component ${entry.key}, which exports no HTTP handler`;
  return at(document, pointer, 'HW1210', message, undefined, 'error');
}
