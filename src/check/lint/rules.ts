import { identitiesOf } from '../../decide/identity.ts';
import { isSingleton } from '../../decide/singleton.ts';
import { callsOf } from '../../decide/schedule/calls.ts';
import { nextTime } from '../../decide/schedule/times.ts';
import { GOOD_FIRINGS } from '../../decide/schedule/verdict.ts';
import { shareText, stepsOf, takesRequests } from '../../decide/steps.ts';
import { short } from '../../kit/digest.ts';
import { roleKey } from '../../manifest/assemble/roles.ts';
import { keyOf, type Parsed, type ParsedDocument } from '../../manifest/parsed.ts';
import { milliseconds } from '../../manifest/quantity.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired, DesiredEntry } from '../../model/desired.ts';
import type { ScheduleTrigger } from '../../model/schedule.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ShapeOf } from '../../model/wit.ts';
import { at } from './at.ts';
import { circleOf, circleText } from './circles.ts';
import { entriesWithoutHandler, entryHosts, routesBelowEntries, unknownEntries } from './entry-hosts.ts';
import { freezeWindows } from './freeze.ts';
import { unknownPeers, unreadSettings, unusedGrants, widerGrants } from './grants.ts';
import { probesWithoutHandler, routesWithoutHandler } from './handlers.ts';
import { unsharedCells } from './isolation.ts';
import { emptyNamespaces } from './namespaces.ts';
import { unreachedRules } from './reach.ts';
import { otherRecipients, unusedValues } from './values.ts';
import { unfilledVariables } from './variables.ts';

type RolloutPolicies = ReadonlyMap<string, ParsedDocument<'RolloutPolicy'>>;

/** All that a rule may look at: what is written, and what became of it. */
interface Subjects {
  readonly desired: Desired;
  readonly documents: readonly ParsedDocument[];
  readonly components: ReadonlyMap<EntryKey, ParsedDocument<'Component'>>;
  readonly policies: RolloutPolicies;
  readonly linkedInline: ReadonlySet<string>;
  readonly linked: ReadonlySet<string>;
  readonly shapeOf: ShapeOf;
}

type Rule = (subjects: Subjects) => readonly Diagnostic[];
type EntryRule = (
  entry: DesiredEntry,
  document: ParsedDocument<'Component'>,
  subjects: Subjects,
) => readonly Diagnostic[];

/**
 * What is allowed and hardly meant. The daemon runs such documents as they are written; only lint speaks about them.
 */
export function lintFindings(
  desired: Desired,
  parsed: Parsed,
  shapeOf: ShapeOf = () => undefined,
): readonly Diagnostic[] {
  const components = new Map(
    parsed.documents
      .filter((document): document is ParsedDocument<'Component'> => document.kind === 'Component')
      .map((document) => [keyOf(document) as EntryKey, document]),
  );
  const links = [...desired.entries.values()].flatMap((entry) => entry.members[0].links);
  const subjects: Subjects = {
    desired,
    documents: parsed.documents,
    components,
    policies: new Map(
      parsed.documents
        .filter((document): document is ParsedDocument<'RolloutPolicy'> => document.kind === 'RolloutPolicy')
        .map((document) => [keyOf(document), document]),
    ),
    linkedInline: new Set(links.filter(({ mode }) => mode === 'Inline').map(({ component }) => component)),
    linked: new Set(links.map(({ component }) => component)),
    shapeOf,
  };
  return RULES.flatMap((rule) => rule(subjects));
}

const unreferenced: EntryRule = (entry, document, { linked }) =>
  callsOf(entry) !== 'Nothing' || linked.has(entry.key)
    ? []
    : [at(document, '/metadata/name', 'HW1060', `nothing points at Component ${entry.key}: it takes no traffic`)];

const undecidableGate: EntryRule = (entry, document, { policies }) => {
  const { settings, policy } = entry.rollout;
  const { gate } = settings;
  const wanted = writtenRollout(document, policies, policy)?.gate?.insufficientData;
  const unmet = stepsOf(entry).find((step) => !takesRequests(step));
  if (unmet && gate.insufficientData !== 'Synthesize' && entry.rules.length > 0) {
    const who = settings.strategy.type === 'BlueGreen' ? 'a BlueGreen candidate' : `a step of ${shareText(unmet)}`;
    const message = `${who} has no traffic: without synthetic requests its gate never decides`;
    return [
      at(document, '/spec/rollout', 'HW1062', message, 'add a readiness probe or gate.synthetic, and Synthesize'),
    ];
  }
  if (callsOf(entry) === 'Firings') return [];
  if (gate.insufficientData === 'Hold' && wanted !== 'Hold' && !entry.probes.readiness) {
    const message = 'with little traffic this gate waits until its deadline and ends Inconclusive';
    return [at(document, '/spec/rollout', 'HW1062', message)];
  }
  if (gate.synthetic && gate.synthetic.requests < gate.minSamples) {
    const message = `${gate.synthetic.requests} synthetic requests never reach minSamples ${gate.minSamples}`;
    return [at(document, '/spec/rollout/gate/synthetic/requests', 'HW1062', message, 'raise synthetic.requests')];
  }
  return [];
};

function stepsWithoutEffect(
  document: ParsedDocument<'Component'>,
  policies: RolloutPolicies,
  policy: string | undefined,
): readonly Diagnostic[] {
  const type = (writtenRollout(document, policies, policy) ?? {}).strategy?.type;
  if (type !== 'Canary' && type !== 'Rolling') return [];
  const message = `${type} has no effect on a Singleton: there is never a second instance to share its traffic with`;
  return [at(document, '/spec/rollout', 'HW1086', message)];
}

/** What the policy that is in force says, else the component itself. */
function writtenRollout(document: ParsedDocument<'Component'>, policies: RolloutPolicies, policy: string | undefined) {
  const named = policy === undefined ? undefined : policies.get(policy);
  return named ? named.value.spec : document.value.spec.rollout;
}

const FIRST_WEIGHT_THAT_HARDLY_PROTECTS = 51;

const steps: EntryRule = (entry, document, { policies }) => {
  const { strategy } = entry.rollout.settings;
  if (strategy.type === 'Rolling' && stepsOf(entry).length === 0 && entry.rules.length > 0) {
    const message = `Rolling replaces all of ${entry.scaling.minReplicas} replicas at once: that is Immediate`;
    const remedy = 'raise scaling.minReplicas above rolling.maxSurge + maxUnavailable, or choose another strategy';
    return [at(document, '/spec/rollout', 'HW1063', message, remedy)];
  }
  if (isSingleton(entry)) return stepsWithoutEffect(document, policies, entry.rollout.policy);
  if (strategy.type !== 'Canary') return [];
  const first = strategy.steps[0]?.weight ?? 0;
  const last = strategy.steps.at(-1)?.weight ?? 0;
  const found: Diagnostic[] = [];
  if (first >= FIRST_WEIGHT_THAT_HARDLY_PROTECTS) {
    found.push(at(document, '/spec/rollout', 'HW1063', `the first step gives the candidate ${first} % at once`));
  }
  if (last === 100) {
    const message = 'the last step has weight 100: that is what promotion does, with a bake';
    found.push(at(document, '/spec/rollout', 'HW1063', message));
  }
  return found;
};

const readiness: EntryRule = (entry, document) =>
  entry.probes.readiness || callsOf(entry) !== 'Requests'
    ? []
    : [at(document, '/spec', 'HW1064', `Component ${entry.key} takes traffic without a readiness probe`)];

const approvals: EntryRule = (entry, document) => {
  const asked = new Set(stepsOf(entry).map((step) => step.approval?.name));
  return (document.value.spec.rollout?.approvals ?? []).flatMap(({ name }, index) =>
    asked.has(name)
      ? []
      : [at(document, `/spec/rollout/approvals/${index}/name`, 'HW1065', `no step asks for an approval by ${name}`)],
  );
};

const idleRollout: EntryRule = (entry, document, { linkedInline }) =>
  document.value.spec.rollout && callsOf(entry) === 'Nothing' && linkedInline.has(entry.key)
    ? [at(document, '/spec/rollout', 'HW1066', `Component ${entry.key} is only linked inline`, undefined, 'error')]
    : [];

const circles: EntryRule = (entry, document, { desired }) => {
  const circle = circleOf(entry.key, desired.entries);
  const index = (document.value.spec.links ?? []).findIndex(({ mode }) => mode === 'Remote');
  const pointer = index >= 0 ? `/spec/links/${index}/componentRef/name` : entryHosts(document)[0]?.pointer;
  // Said once, where it begins by name; an entry that only links inline who does it has no line to show.
  if (!circle || pointer === undefined || [...circle].sort()[0] !== entry.key) return [];
  return [at(document, pointer, 'HW1113', circleText(circle))];
};

const unreachableBounds: EntryRule = (entry, document) => {
  const { readiness: probe } = entry.probes;
  const { requestTimeoutMs } = entry.members[0].limits;
  const found: Diagnostic[] = [];
  if (probe && probe.timeoutMs >= probe.deadlineMs) {
    const message = 'one try of the readiness probe may take as long as all of them together';
    found.push(at(document, '/spec/probes/readiness/timeout', 'HW1067', message));
  }
  if (probe && (probe.successThreshold - 1) * probe.periodMs >= probe.deadlineMs) {
    const message = `${probe.successThreshold} successes, one each period, take longer than the deadline of the readiness probe`;
    found.push(at(document, '/spec/probes/readiness/successThreshold', 'HW1067', message));
  }
  if (entry.drainDeadlineMs < requestTimeoutMs) {
    const message = 'drain.deadline is shorter than limits.requestTimeout: a slow request would be cut off by a swap';
    found.push(at(document, '/spec/drain/deadline', 'HW1067', message));
  }
  return found;
};

/** As the daemon reads it: at least so many digits, and the beginning of the revision. */
const MIN_REVISION_DIGITS = 12;

const otherEmergency: EntryRule = (entry, document) => {
  const { emergency } = entry.rollout;
  if (!emergency) return [];
  const { revision } = identitiesOf(entry, new WeakMap());
  if (emergency.revision.length >= MIN_REVISION_DIGITS && revision.startsWith(emergency.revision)) return [];
  const message = `the emergency is for revision ${emergency.revision}; this one is ${short(revision)}, which walks its steps`;
  return [at(document, '/spec/rollout/emergency/revision', 'HW1214', message)];
};

const forEachEntry =
  (rule: EntryRule): Rule =>
  (subjects) =>
    [...subjects.desired.entries].flatMap(([key, entry]) => rule(entry, subjects.components.get(key)!, subjects));

const unusedPolicies: Rule = ({ desired, documents, components }) => {
  const { defaultRolloutPolicy } = desired.environment;
  const used = new Set(
    [...components.values()].flatMap(({ namespace, value }) => {
      const ref = value.spec.rollout?.policyRef;
      return ref ? [keyOf({ namespace: ref.namespace ?? namespace, name: ref.name })] : [];
    }),
  );
  if (defaultRolloutPolicy) used.add(keyOf(defaultRolloutPolicy));
  return documents
    .filter((document) => document.kind === 'RolloutPolicy' && !used.has(keyOf(document)))
    .map((document) => at(document, '/metadata/name', 'HW1061', `nothing uses RolloutPolicy ${keyOf(document)}`));
};

const unusedRoles: Rule = ({ documents, components }) => {
  const used = new Set(
    [...components.values()].flatMap((document) =>
      (document.value.spec.capabilities ?? []).flatMap(({ roleRef }) => (roleRef ? [roleKey(document, roleRef)] : [])),
    ),
  );
  return documents
    .filter((document) => document.kind === 'Role' && !used.has(keyOf(document)))
    .map((document) => at(document, '/metadata/name', 'HW1087', `nothing uses Role ${keyOf(document)}`));
};

const longRequests: Rule = ({ desired, documents }) =>
  documents
    .filter((document): document is ParsedDocument<'Route'> => document.kind === 'Route')
    .flatMap((document) =>
      document.value.spec.rules.flatMap(({ backendRef, timeouts }, index) => {
        const limits = desired.entries.get(`${document.namespace}/${backendRef.name}`)?.members[0].limits;
        if (!limits || timeouts?.request === undefined) return [];
        if (milliseconds(timeouts.request) <= limits.requestTimeoutMs) return [];
        const message = `timeouts.request is longer than limits.requestTimeout of the component, which ends the call first`;
        return [at(document, `/spec/rules/${index}/timeouts/request`, 'HW1067', message)];
      }),
    );

/** Any day will do: what is looked at is how far firings are apart. */
const SOME_DAY_MS = Date.UTC(2026, 0, 1);

const schedules: Rule = ({ desired, documents }) =>
  documents
    .filter((document): document is ParsedDocument<'Schedule'> => document.kind === 'Schedule')
    .flatMap((document) => {
      const entry = desired.entries.get(`${document.namespace}/${document.value.spec.backendRef.name}`);
      const trigger = entry?.schedules?.find(({ schedule }) => schedule === keyOf(document));
      if (!entry || !trigger) return [];
      const { expression, timeZone } = trigger;
      const first = nextTime(expression, timeZone, SOME_DAY_MS);
      if (first === undefined) {
        return [at(document, '/spec/schedule', 'HW1082', `"${expression}" never comes`)];
      }
      const { bake } = entry.rollout.settings;
      const others = entry.schedules!.length > 1 || entry.rules.length > 0;
      if (others || firingsAfter(trigger, first, GOOD_FIRINGS - 1) - first <= bake.deadlineMs) return [];
      const message = `${GOOD_FIRINGS} firings take longer than bake.deadline of ${entry.key}: it is never proven`;
      return [at(document, '/spec/schedule', 'HW1067', message, 'lengthen bake.deadline of its rollout')];
    });

function firingsAfter({ expression, timeZone }: ScheduleTrigger, firstMs: number, count: number): number {
  let lastMs: number | undefined = firstMs;
  for (let left = count; left > 0 && lastMs !== undefined; left--) lastMs = nextTime(expression, timeZone, lastMs);
  return lastMs ?? Number.POSITIVE_INFINITY;
}

const RULES: readonly Rule[] = [
  forEachEntry(unreferenced),
  forEachEntry(undecidableGate),
  forEachEntry(steps),
  forEachEntry(readiness),
  forEachEntry(approvals),
  forEachEntry(idleRollout),
  forEachEntry(circles),
  forEachEntry(unsharedCells),
  forEachEntry(unreachableBounds),
  ...[unusedGrants, widerGrants, unknownPeers, unreadSettings, probesWithoutHandler].map((rule) =>
    forEachEntry((entry, document, { shapeOf }) => rule(entry, document, shapeOf)),
  ),
  ({ desired, documents, shapeOf }) => routesWithoutHandler(desired, documents, shapeOf),
  ({ desired, documents, shapeOf }) => entriesWithoutHandler(desired, documents, shapeOf),
  ({ documents }) => unknownEntries(documents),
  ({ documents }) => documents.flatMap(routesBelowEntries),
  ({ documents }) => emptyNamespaces(documents),
  ({ documents }) => freezeWindows(documents),
  forEachEntry(otherEmergency),
  unusedPolicies,
  unusedRoles,
  ({ documents }) => otherRecipients(documents),
  ({ documents, components }) => unusedValues(documents, [...components.values()]),
  longRequests,
  ({ documents }) => documents.flatMap(unreachedRules),
  ({ documents }) => unfilledVariables(documents),
  schedules,
];
