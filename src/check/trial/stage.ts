/**
 * The documents of a commit → the files that the throw-away runtime follows. They mean the same, except for what has no
 * place in a trial: who signed, who is told, the clock, freeze windows, the length of waits. Pure.
 */
import type { Source } from '../../manifest/generated/component.ts';
import type { Route, Rule } from '../../manifest/generated/route.ts';
import type { Parsed, ParsedDocument } from '../../manifest/parsed.ts';
import { API_VERSION } from '../../manifest/kinds.ts';
import { writeDocuments } from '../../manifest/write.ts';
import { withoutBase } from '../../model/base-path.ts';
import type { EntryKey } from '../../model/component.ts';
import { compressed, type Pace } from './compress.ts';
import { trialHost, type PlannedCall } from './plan-calls.ts';
import { isKind } from './stand-ins.ts';

export interface StageOptions {
  /** Components that run; absent: all. */
  readonly only?: ReadonlySet<EntryKey>;
  /** It is what something else starts from. */
  readonly isBase?: true;
  /** Whether Schedules fire as they are written; else they are suspended. */
  readonly fires?: boolean;
  readonly pace: Pace;
  readonly calls: readonly PlannedCall[];
  /** Where each artifact lies in the trial's repository, by its path or its digest in git. */
  readonly artifacts: ReadonlyMap<string, string>;
}

/** What a trial does not do as the fleet does it; said in every report. */
export const DIFFERENCES: readonly string[] = [
  'commits and artifacts are trusted as they are, nobody outside is told, freeze windows are open',
  'stores are empty at the start',
];

/** Of what the clock calls. */
export const FIRINGS = {
  never: 'Schedules do not fire',
  early: 'the clock is put forward to when a Schedule is due: guests see the time of this machine',
} as const;

const LOOK = { interval: '1s', jitter: '10%' } as const;

/** Where a base has none: it is to be looked at as often as what follows. */
const FIRST_ENVIRONMENT = {
  apiVersion: API_VERSION,
  kind: 'Environment',
  metadata: { name: 'trial' },
  spec: { sync: LOOK },
};

/** Texts by path. Documents that a trial has no use for (Checks, secrets) are left out. */
export function stagedFiles(parsed: Parsed, options: StageOptions): ReadonlyMap<string, string> {
  const staged = new Map<string, unknown[]>();
  const add = (file: string, value: unknown) => staged.set(file, [...(staged.get(file) ?? []), value]);
  const hosts = [
    ...new Set(options.calls.filter(({ export: called }) => called).map(({ namespace }) => trialHost(namespace))),
  ];
  const bases = parsed.documents.flatMap((one) => (isKind(one, 'Environment') ? (one.value.spec.bases ?? []) : []));
  const byDefault = parsed.documents.some(
    (document) => isKind(document, 'Environment') && document.value.spec.defaults?.rolloutPolicyRef !== undefined,
  );
  for (const document of parsed.documents) {
    const value = stagedDocument(document, options, hosts, byDefault);
    // Of a base: as it stands for the tenants, which is where it lies here.
    if (value) add(withoutBase(document.file, bases), value);
  }
  if (options.isBase && !parsed.documents.some((one) => one.kind === 'Environment')) {
    add('trial-environment.yaml', FIRST_ENVIRONMENT);
  }
  for (const [file, route] of routesOf(parsed, options.calls)) add(withoutBase(file, bases), route);
  return new Map([...staged].map(([file, values]) => [file, writeDocuments(values)]));
}

function stagedDocument(
  document: ParsedDocument,
  options: StageOptions,
  hosts: readonly string[],
  byDefault: boolean,
): unknown {
  const { pace, only, fires = false } = options;
  if (isKind(document, 'Environment')) {
    // Bases are taken in already, and their variables and patches with them.
    const { tenants, platformNamespace, prune, rollouts, defaults } = document.value.spec;
    const spec = { tenants, platformNamespace, prune, rollouts, defaults, sync: LOOK };
    return {
      ...document.value,
      spec: Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)),
    };
  }
  if (isKind(document, 'Policy')) {
    const { value } = document;
    const { hostnames, rollout } = value.spec;
    const { minBake: _, maxTolerableErrors, ...bounds } = rollout ?? {};
    const tolerable = maxTolerableErrors === undefined || pace.lenient ? {} : { maxTolerableErrors };
    return {
      ...value,
      spec: {
        ...value.spec,
        ...(hostnames ? { hostnames: [...hostnames, ...hosts] } : {}),
        ...(rollout ? { rollout: { ...bounds, ...tolerable } } : {}),
      },
    };
  }
  if (isKind(document, 'RolloutPolicy')) return { ...document.value, spec: compressed(document.value.spec, pace) };
  if (isKind(document, 'Schedule') && !fires)
    return { ...document.value, spec: { ...document.value.spec, suspend: true } };
  if (isKind(document, 'Component')) {
    const { spec } = document.value;
    const { rollout = {} } = spec;
    const own = rollout.strategy ?? rollout.gate ?? rollout.bake;
    const inline = own !== undefined || (rollout.policyRef === undefined && !byDefault);
    const runs = only?.has(`${document.namespace}/${document.name}`) ?? true;
    return {
      ...document.value,
      spec: {
        ...spec,
        ...stagedSource(spec.source, options),
        ...(inline ? { rollout: compressed(rollout, pace) } : {}),
        ...(runs ? {} : { suspend: true }),
      },
    };
  }
  const plain =
    isKind(document, 'Route') || isKind(document, 'Schedule') || isKind(document, 'Role') || isKind(document, 'Config');
  return plain ? document.value : undefined;
}

function stagedSource(source: Source, { artifacts }: StageOptions) {
  const key = source.path?.replace(/^\.\//, '') ?? (source.https ?? source.oci)?.digest;
  const path = key === undefined ? undefined : artifacts.get(key);
  return path === undefined ? {} : { source: { path } };
}

/** What the schema of a Route allows. */
const MAX_RULES = 64;

/** Routes beside a Check of the namespace: what calls an export needs a way to it. */
function routesOf(parsed: Parsed, calls: readonly PlannedCall[]): readonly (readonly [string, Route])[] {
  const exported = calls.filter((call) => call.export !== undefined);
  return [...Map.groupBy(exported, ({ namespace }) => namespace)].flatMap(([namespace, own]) => {
    const routes = parsed.documents.filter((one) => one.kind === 'Route' && one.namespace === namespace);
    const taken = new Set(routes.map(({ name }) => name));
    const called = [...new Map(own.map((call) => [call.request.path, call])).values()];
    let number = 0;
    return inParts(called).map((part): readonly [string, Route] => {
      do number += 1;
      while (taken.has(`trial-${number}`));
      const route: Route = {
        apiVersion: API_VERSION,
        kind: 'Route',
        metadata: { name: `trial-${number}`, namespace },
        spec: { hostnames: [trialHost(namespace)], rules: part.map(ruleOf) },
      };
      return [own[0]!.span.file, route];
    });
  });
}

function inParts<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / MAX_RULES) }, (_, index) =>
    items.slice(index * MAX_RULES, (index + 1) * MAX_RULES),
  );
}

function ruleOf({ request, entries, namespace, export: called }: PlannedCall): Rule {
  const { interface: name, function: wanted } = called!;
  return {
    matches: [{ path: { type: 'Exact', value: request.path } }],
    backendRef: {
      name: entries[0]!.slice(namespace.length + 1),
      export: { ...(name === '' ? {} : { interface: name }), function: wanted },
    },
  };
}
