import type { Digest } from '../kit/digest.ts';
import { entryKey, type EntryKey, type Member } from '../model/component.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Desired, DesiredEntry, EnvironmentSettings, InvalidDocument, PolicySettings } from '../model/desired.ts';
import { matchKey, type RouteRule } from '../model/route.ts';
import type { ShapeOf } from '../model/wit.ts';
import type { ScheduleTrigger } from '../model/schedule.ts';
import { Assembly, atValue } from './assemble/assembly.ts';
import { binaryProblems } from './assemble/binary.ts';
import { linkProblems, type Types } from './assemble/cell.ts';
import { refuseChecks } from './assemble/checks.ts';
import { claimProblems } from './assemble/claims.ts';
import { entryOf, entryProblems, rolloutSource, type RolloutSource } from './assemble/entry.ts';
import { chooseEnvironment } from './assemble/choose-environment.ts';
import { calledProblems, exportProblems } from './assemble/exports.ts';
import { memberOf } from './assemble/member.ts';
import { appliesTo, policiesInForce } from './assemble/policy.ts';
import { keptCallerProblems, remoteSides } from './assemble/remote.ts';
import { probedProblems } from './assemble/probed.ts';
import { previewHostProblems } from './assemble/preview-hosts.ts';
import { grantsOf, refuseRoles, rolesNotImplemented } from './assemble/roles.ts';
import { rolloutProblems } from './assemble/rollout.ts';
import { routeProblems, rulesOf } from './assemble/routes.ts';
import { foreignClaimProblems, foreignProblem, isForeign, type RootScope } from './assemble/scope.ts';
import { refusePolicies } from './assemble/signatures.ts';
import { scheduleProblems, triggerOf } from './assemble/schedules.ts';
import { sharedStoreProblems, stateProblems } from './assemble/state.ts';
import { pinsOf } from './assemble/source.ts';
import { Tenancy } from './assemble/tenancy.ts';
import { refuseKeepers, valuesOf } from './assemble/values.ts';
import { withFolders } from './assemble/mounts.ts';
import { byPlace } from './finding.ts';
import type { Folders } from './folders.ts';
import { isKind } from './kinds.ts';
import { keyOf, keySpan, type Parsed, type ParsedDocument } from './parsed.ts';

type ComponentDocument = ParsedDocument<'Component'>;

/**
 * Documents → desired state: defaults filled in, references resolved, units plain, order canonical. Total and pure.
 *
 * Invariants
 * M1 A bad document harms only itself and what refers to it; it becomes an `InvalidDocument`.
 * M2 A document outside its tenant path cannot break or double the one in the right place, nor speak for the platform.
 * M3 What is not known closes: without an Environment or with a Policy that never was valid, nothing new may start.
 * M4 The order of files, documents, keys and list items that have names changes nothing.
 */
export function assemble(
  commit: string,
  parsed: Parsed,
  artifacts: ReadonlyMap<string, Digest>,
  previous?: Desired,
  shapeOf: ShapeOf = () => undefined,
  scope?: RootScope,
  folders: Folders = new Map(),
): Desired {
  const assembly = new Assembly();
  const environment = chooseEnvironment(parsed, assembly, previous?.environment);
  const { settings } = environment;
  const tenancy = new Tenancy(settings);
  admitDocuments(parsed, tenancy, scope, assembly);
  refusePolicies(assembly);
  const { policies, unknown } = policiesInForce(assembly, tenancy, parsed.unreadableFiles, previous?.policies ?? []);
  refuseRolloutPolicies(assembly);
  refuseRoles(assembly);
  refuseKeepers(assembly);
  const { members, sources } = checkComponents(assembly, settings, { artifacts, folders }, shapeOf);
  const unreadablePaths = unreadablePathsOf(parsed.unreadableFiles, tenancy);
  const rules = checkRoutes(assembly, { tenancy, policies, unreadablePaths, previous, members, shapeOf, scope });
  const schedules = checkSchedules(assembly, tenancy, unreadablePaths, previous, { members, shapeOf });
  refuseChecks(assembly, [...rules.values()].flat(), { members, shapeOf });
  const previewHosts = previewHostProblems({
    documents: assembly.all('Component'),
    sources,
    rules,
    policies,
    previous,
  });
  const withheld = withheldFrom(environment.known, unknown, previewHosts);
  const { entries, findings } = makeEntries(assembly, {
    members,
    sources,
    rules,
    schedules,
    policies,
    withheld,
    shapeOf,
    previous,
  });
  const invalid = assembly.invalid();
  return {
    commit,
    environment: settings,
    policies,
    entries,
    invalid,
    unreadablePaths,
    diagnostics: [...assembly.diagnostics, ...invalid.flatMap((document) => document.problems), ...findings].sort(
      byPlace,
    ),
  };
}

/** Tenancy before identity: only what may stand where it stands can be a duplicate of something (M2). */
function admitDocuments(parsed: Parsed, tenancy: Tenancy, scope: RootScope | undefined, assembly: Assembly): void {
  const misplaced: InvalidDocument[] = [];
  const isMisplaced = (file: string, namespace: string) => tenancy.trespass(file, namespace) !== undefined;
  for (const document of parsed.invalid) {
    if (isForeign(scope, document.namespace ?? '')) assembly.addInvalid(unnamed(document));
    else if (isMisplaced(document.file, document.namespace ?? '')) misplaced.push(document);
    else assembly.addInvalid(document);
  }
  const first = new Map<string, ParsedDocument>();
  const twice = new Map<ParsedDocument, ParsedDocument>();
  for (const document of parsed.documents) {
    if (document.kind === 'Environment') continue;
    const { kind, namespace, name, file } = document;
    if (scope && isForeign(scope, namespace)) {
      assembly.addInvalid({ kind, file, problems: [foreignProblem(scope, document)] });
      continue;
    }
    const why = tenancy.trespass(file, namespace);
    if (why !== undefined) {
      const problem = atValue(document, namespace === '' ? '/metadata/name' : '/metadata/namespace', 'HW1022', why);
      misplaced.push({ kind, ...(namespace === '' ? {} : { namespace }), name, file, problems: [problem] });
      continue;
    }
    const id = `${kind} ${keyOf(document)}`;
    const other = first.get(id);
    if (other) twice.set(document, other).set(other, document);
    else first.set(id, document);
  }
  for (const document of first.values()) {
    const broken = assembly.find(document.kind, keyOf(document)).type === 'Invalid';
    if (broken) assembly.refuse(document, [duplicate(document, 'an invalid document')]);
    else if (!twice.has(document)) assembly.add(document);
  }
  for (const [document, other] of twice) assembly.refuse(document, [duplicate(document, placeOf(other))]);
  for (const document of misplaced) assembly.addInvalid(isOnlyOne(document, assembly) ? document : unnamed(document));
}

/**
 * A component that was moved to a wrong place by mistake keeps its last valid form and is not pruned; but a document
 * in the wrong place means nothing beside one in the right place, and never speaks for the platform.
 */
function isOnlyOne({ kind, namespace, name }: InvalidDocument, assembly: Assembly): boolean {
  if (namespace === undefined || name === undefined || !isKind(kind)) return false;
  return assembly.find(kind, keyOf({ namespace, name })).type === 'Missing';
}

function unnamed({ kind, file, problems }: InvalidDocument): InvalidDocument {
  return { kind, file, problems };
}

function duplicate(document: ParsedDocument, other: string): Diagnostic {
  const message = `${document.kind} ${keyOf(document)} is in ${other} too`;
  return atValue(document, '/metadata/name', 'HW1021', message);
}

function placeOf(document: ParsedDocument): string {
  const { file, line, column } = keySpan(document, '/metadata/name');
  return `${file}:${line}:${column}`;
}

function refuseRolloutPolicies(assembly: Assembly): void {
  for (const document of assembly.all('RolloutPolicy')) {
    const problems = rolloutProblems(document, '/spec', document.value.spec);
    if (problems.length > 0) assembly.refuse(document, problems);
  }
}

interface Components {
  readonly members: ReadonlyMap<EntryKey, Member>;
  readonly sources: ReadonlyMap<EntryKey, Exclude<RolloutSource, { type: 'Broken' }>>;
}

function checkComponents(
  assembly: Assembly,
  environment: EnvironmentSettings,
  { artifacts, folders }: { readonly artifacts: ReadonlyMap<string, Digest>; readonly folders: Folders },
  shapeOf: ShapeOf,
): Components {
  const members = new Map<EntryKey, Member>();
  const pins = pinsOf(assembly.all('Component'));
  const sources = new Map<EntryKey, Exclude<RolloutSource, { type: 'Broken' }>>();
  for (const document of assembly.all('Component')) {
    const source = rolloutSource(document, environment, assembly);
    const granted = grantsOf(document, environment, assembly);
    const grants = granted.ok ? withFolders(document, granted.value, folders) : granted;
    const values = valuesOf(document, assembly);
    const member = memberOf(document, artifacts, { pins, grants, values });
    if (member.ok && source.type !== 'Broken') members.set(member.value.key, member.value);
    const problems = [
      ...(member.ok ? [] : member.error),
      ...entryProblems(document, source, assembly),
      ...stateProblems(document, member.ok ? member.value : undefined),
      ...probedProblems(document, source, { members, shapeOf }),
    ];
    if (problems.length > 0) assembly.refuse(document, problems);
    if (!member.ok || source.type === 'Broken') continue;
    sources.set(member.value.key, source);
  }
  // A broken link breaks what links it: until nothing changes any more.
  for (let changed = true; changed;) {
    changed = false;
    for (const document of assembly.all('Component')) {
      const problems = linkProblems(document, { members, shapeOf }, assembly);
      if (problems.length === 0) continue;
      assembly.refuse(document, problems);
      changed = true;
    }
  }
  return { members, sources };
}

/** The rules in force for each entry; an invalid Route keeps those it had. */
function checkRoutes(
  assembly: Assembly,
  inputs: Types & {
    readonly tenancy: Tenancy;
    readonly policies: readonly PolicySettings[];
    readonly unreadablePaths: readonly string[];
    readonly previous: Desired | undefined;
    readonly scope: RootScope | undefined;
  },
): ReadonlyMap<EntryKey, readonly RouteRule[]> {
  const { tenancy, policies, unreadablePaths, previous, scope } = inputs;
  for (const document of assembly.all('Route')) {
    const problems = [...routeProblems(document, assembly, policies), ...exportProblems(document, inputs)];
    assembly.diagnostics.push(...problems.filter(({ severity }) => severity === 'warning'));
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) assembly.refuse(document, errors);
  }
  const inForce = [...(previous?.entries.values() ?? [])].flatMap((entry) => entry.rules);
  const claimants = assembly.all('Route').map((document) => ({ document, rules: rulesOf(document) }));
  const problems = new Map(claimProblems(claimants, inForce));
  if (scope) {
    const undisputed = claimants.filter(({ document }) => !problems.has(document));
    for (const [document, found] of foreignClaimProblems(scope, undisputed, inForce)) problems.set(document, found);
  }
  for (const [document, found] of problems) assembly.refuse(document, found);
  const rules = claimants
    .filter(({ document }) => !problems.has(document))
    .flatMap((claimant) => claimant.rules.map((written) => written.rule));
  const claimed = new Set(rules.map((rule) => matchKey(rule.match)));
  const kept = inForce.filter(({ route, match }) => {
    const { type } = assembly.find('Route', route);
    const lost = type === 'Missing' && tenancy.isHeld(unreadablePaths, route.split('/')[0]!);
    return (type === 'Invalid' || lost) && !claimed.has(matchKey(match));
  });
  return Map.groupBy([...rules, ...kept].sort(byMatch), (rule) => rule.backend);
}

/** The schedules in force for each entry, by name; an invalid Schedule keeps what it said. */
function checkSchedules(
  assembly: Assembly,
  tenancy: Tenancy,
  unreadablePaths: readonly string[],
  previous: Desired | undefined,
  types: Types,
): ReadonlyMap<EntryKey, readonly ScheduleTrigger[]> {
  for (const document of assembly.all('Schedule')) {
    const problems = [...scheduleProblems(document, assembly), ...calledProblems(document, types)];
    if (problems.length > 0) assembly.refuse(document, problems);
  }
  const written = assembly.all('Schedule').map(triggerOf);
  const kept = [...(previous?.entries.values() ?? [])]
    .flatMap((entry) => entry.schedules ?? [])
    .filter(({ schedule }) => {
      const { type } = assembly.find('Schedule', schedule);
      return type === 'Invalid' || (type === 'Missing' && tenancy.isHeld(unreadablePaths, schedule.split('/')[0]!));
    });
  const all = [...written, ...kept].sort((a, b) => (a.schedule < b.schedule ? -1 : 1));
  return Map.groupBy(all, (trigger) => trigger.backend);
}

function byMatch(a: RouteRule, b: RouteRule): number {
  return `${matchKey(a.match)} ${a.route}` < `${matchKey(b.match)} ${b.route}` ? -1 : 1;
}

type Withheld = (document: ComponentDocument) => readonly Diagnostic[];

/** M3: why nothing of this namespace, or not this component, may start. */
function withheldFrom(
  environmentKnown: boolean,
  unknownPolicies: readonly string[],
  previewHosts: ReadonlyMap<EntryKey, readonly Diagnostic[]>,
): Withheld {
  return (document) => [
    ...(environmentKnown
      ? []
      : [atValue(document, '/metadata/name', 'HW1041', 'there is no valid Environment, and never was one')]),
    ...unknownPolicies.map((name) =>
      atValue(document, '/metadata/name', 'HW1041', `the Policy ${name} is invalid and never was valid`),
    ),
    ...(previewHosts.get(entryKey(document.namespace, document.name)) ?? []),
  ];
}

function makeEntries(
  assembly: Assembly,
  inputs: Components & {
    readonly rules: ReadonlyMap<EntryKey, readonly RouteRule[]>;
    readonly schedules: ReadonlyMap<EntryKey, readonly ScheduleTrigger[]>;
    readonly policies: readonly PolicySettings[];
    readonly withheld: Withheld;
    readonly shapeOf: ShapeOf;
    readonly previous: Desired | undefined;
  },
): { readonly entries: ReadonlyMap<EntryKey, DesiredEntry>; readonly findings: readonly Diagnostic[] } {
  const all = assembly.all('Component');
  const documents = new Map(all.map((document) => [entryKey(document.namespace, document.name), document]));
  const binaries = new Map(
    [...documents].map(([key, document]) => [key, binaryProblems(document, inputs.members.get(key)!, inputs.shapeOf)]),
  );
  const remote = remoteSides(all, inputs, assembly, inputs.previous);
  const shared = sharedStoreProblems(documents, inputs.members);
  const entries = new Map<EntryKey, DesiredEntry>();
  const findings: Diagnostic[] = [];
  for (const [key, document] of documents) {
    const policies = inputs.policies.filter((policy) => appliesTo(policy, document.namespace));
    const made = entryOf({
      document,
      source: inputs.sources.get(key)!,
      members: inputs.members,
      documents,
      rules: inputs.rules.get(key) ?? [],
      schedules: inputs.schedules.get(key) ?? [],
      policies,
      binaries,
      remote: remote.get(key),
      withheld: [
        ...inputs.withheld(document),
        ...rolesNotImplemented(document, assembly),
        ...(shared.get(key) ?? []),
        ...keptCallerProblems(document, inputs, assembly, inputs.previous),
      ],
    });
    entries.set(key, made.entry);
    findings.push(...made.findings);
  }
  return { entries, findings };
}

function unreadablePathsOf(files: readonly string[], tenancy: Tenancy): readonly string[] {
  return [...new Set(files.map((file) => tenancy.pathOf(file) ?? '.'))].sort();
}
