/** Checks → the calls to make, each with all that is needed to make and to judge it. */
import { functionOf, parametersOf, resultOf, takes } from '../../manifest/assemble/checks.ts';
import { CHECK_DEFAULTS } from '../../manifest/defaults.ts';
import type { Expectation } from '../../manifest/generated/check.ts';
import { keyOf, valueSpan, type ParsedDocument } from '../../manifest/parsed.ts';
import { milliseconds } from '../../manifest/quantity.ts';
import { entryKey, type EntryKey, type ExportRef } from '../../model/component.ts';
import type { Desired, DesiredEntry } from '../../model/desired.ts';
import { entriesMeant } from '../../model/entry-host.ts';
import type { Span } from '../../model/problem.ts';
import { Decoders } from '../../model/typed/decode.ts';
import type { ShapeOf, WitType, WitTypeRef } from '../../model/wit.ts';

export interface Request {
  readonly hostname: string;
  readonly path: string;
  readonly method: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body?: string;
}

/** What a function returns, where its types are known. */
export interface Returned {
  readonly types: readonly WitType[];
  readonly result?: WitTypeRef;
}

export interface PlannedCall {
  readonly name: string;
  readonly namespace: string;
  readonly span: Span;
  readonly timeoutMs: number;
  /** The components that may answer it. */
  readonly entries: readonly EntryKey[];
  /** Present where a function is called: it gets a Route of its own. */
  readonly export?: ExportRef;
  readonly returned?: Returned;
  readonly request: Request;
  readonly expect: Expectation;
}

/** Nobody outside can ask for it, and no document may claim it: `.invalid` is reserved (RFC 6761). */
export function trialHost(namespace: string): string {
  return `${namespace}.trial.invalid`;
}

export function exportPath({ interface: name, function: called }: ExportRef, component: string): string {
  return `/${component}/${name === '' ? '-' : name}/${called}`;
}

export function plannedCalls(
  checks: readonly ParsedDocument<'Check'>[],
  desired: Desired,
  shapeOf: ShapeOf,
): readonly PlannedCall[] {
  const rules = [...desired.entries.values()].flatMap((entry) => entry.rules);
  return checks.flatMap((document) => {
    const { timeout, calls } = document.value.spec;
    return calls.map((call, index): PlannedCall => {
      const common = {
        name: `${keyOf(document)} ${call.name}`,
        namespace: document.namespace,
        span: valueSpan(document, `/spec/calls/${index}/name`),
        timeoutMs: milliseconds(timeout ?? CHECK_DEFAULTS.timeout),
        expect: call.expect ?? {},
      };
      if (call.request) {
        const { hostname, method, path, headers = [], body, json } = { ...CHECK_DEFAULTS.request, ...call.request };
        const typed = headers.some(({ name }) => name.toLowerCase() === 'content-type');
        const sent = json === undefined ? body : JSON.stringify(json);
        return {
          ...common,
          entries: [...new Set(rules.filter(({ match }) => takes(match, call.request!)).map(({ backend }) => backend))],
          request: {
            hostname,
            method,
            path,
            headers:
              json === undefined || typed ? headers : [...headers, { name: 'content-type', value: 'application/json' }],
            ...(sent === undefined ? {} : { body: sent }),
          },
        };
      }
      const called = call.export!;
      const ref: ExportRef = { interface: called.interface ?? '', function: called.function };
      const key = entryKey(document.namespace, called.componentRef.name);
      const member = desired.entries.get(key)?.members[0];
      const shape = member && shapeOf(member.artifact);
      const found = shape?.ok ? functionOf(shape.value, called) : undefined;
      return {
        ...common,
        expect: shape?.ok && found ? expectedOf(common.expect, shape.value.types, found.result) : common.expect,
        entries: [key],
        export: ref,
        ...(shape?.ok && found
          ? { returned: { types: shape.value.types, ...(found.result === undefined ? {} : { result: found.result }) } }
          : {}),
        request: {
          hostname: trialHost(document.namespace),
          path: exportPath(ref, called.componentRef.name),
          method: 'POST',
          headers: [{ name: 'content-type', value: 'application/json' }],
          body: JSON.stringify(
            shape?.ok && found ? parametersOf(called, shape.value.types, found.params) : (called.parameters ?? {}),
          ),
        },
      };
    });
  });
}

/** The components that calls reach, and all that those link or may ask over HTTP. */
export function reached(calls: readonly PlannedCall[], { entries }: Desired): ReadonlySet<EntryKey> {
  const keys = new Set<EntryKey>();
  const left = calls.flatMap((call) => call.entries);
  for (let key = left.pop(); key !== undefined; key = left.pop()) {
    if (keys.has(key)) continue;
    keys.add(key);
    left.push(...(entries.get(key)?.members ?? []).flatMap(({ links }) => links.map(({ component }) => component)));
    left.push(...askedBy(entries.get(key), entries));
  }
  return keys;
}

/** The entries that one may ask by its grants, wildcards included. */
export function askedBy(entry: DesiredEntry | undefined, entries: Desired['entries']): readonly EntryKey[] {
  return (entry?.remote?.hosts ?? []).flatMap((host) => entriesMeant(host, entries.keys()));
}

/** WAVE becomes the JSON that it stands for; admission has read it before. */
function expectedOf(expect: Expectation, types: readonly WitType[], result: WitTypeRef | undefined): Expectation {
  return expect.wave === undefined || result === undefined ? expect : { result: resultOf(expect, types, result) };
}

/** The value of a JSON of this type, whatever its spelling; as it is where the types are not known. */
export function decoded(returned: Returned | undefined, json: unknown): unknown {
  if (returned?.result === undefined) return json;
  return new Decoders(returned.types).of(returned.result)(json);
}
