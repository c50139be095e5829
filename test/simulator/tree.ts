import { digestOfBytes } from '../../src/kit/digest.ts';

/** What a repository says, as a value that edits change and that is written out as real YAML. */
export interface Service {
  /** Name of the artifact; what stands before the dash says how it behaves (see behaviours.ts). */
  readonly content: string;
  /** Its bytes are on a server, and not in the repository. */
  readonly remote: boolean;
  readonly path: string;
  readonly strategy: 'Canary' | 'Immediate' | 'BlueGreen' | 'Rolling';
  readonly replicas: number;
  /** Above `replicas`: they follow the calls in flight up to so many; 0: their number is fixed. */
  readonly most: number;
  /** One instance: then replicas, approvals and `replaces` are not written. */
  readonly singleton: boolean;
  readonly steps: readonly number[];
  /** What the first steps of a canary give besides a weight. */
  readonly opening: 'Weight' | 'Header' | 'Mirror' | 'Both';
  /** `rolling.maxUnavailable`. */
  readonly missing: number;
  /** `gate.errors.statuses`, as it is written. */
  readonly statuses: string;
  readonly previewHost: boolean;
  readonly minSamples: number;
  readonly retry: number;
  readonly approval: boolean;
  readonly approved: string;
  readonly group: string;
  readonly replaces: string;
  readonly emergency: string;
  readonly suspend: boolean;
  readonly restartToken: string;
  readonly label: string;
  readonly broken: boolean;
  /** Whether a route points at it. */
  readonly routed: boolean;
  /** Name of the schedule that calls it each minute; empty: none. */
  readonly clock: string;
  readonly concurrency: 'Forbid' | 'Allow' | 'Replace';
  /** Of a firing, in seconds: another value is another release of the same cells. */
  readonly firingDeadline: number;
  /** Its cells hold the shared component as well. */
  readonly linked: boolean;
  /** It may write to the store `carts`. */
  readonly keeps: boolean;
  /** Version of the data in a store of its own; empty: it has none. */
  readonly data: string;
}

export interface Tree {
  readonly services: { readonly [name: string]: Service };
  readonly environmentBroken: boolean;
  readonly frozen: boolean;
  /** A ceiling over everything: none, one that some exceed, one that all do. */
  readonly policy: 'None' | 'Replicas' | 'Bake';
  /** Content of the component that the linked ones share: written down where somebody links it. */
  readonly shared: string;
  /** What a Policy lets everything write to: anything, the store that is used, or another one. */
  readonly stores: 'Any' | 'carts' | 'others';
  readonly confirm: string;
}

export const NEW_SERVICE: Service = {
  content: 'good-0',
  remote: false,
  path: '',
  strategy: 'Canary',
  replicas: 1,
  most: 0,
  singleton: false,
  steps: [20, 60],
  opening: 'Weight',
  missing: 0,
  statuses: '5xx',
  previewHost: false,
  minSamples: 20,
  retry: 0,
  approval: false,
  approved: '',
  group: '',
  replaces: '',
  emergency: '',
  suspend: false,
  restartToken: '0',
  label: 'x',
  broken: false,
  routed: true,
  clock: '',
  concurrency: 'Forbid',
  firingDeadline: 30,
  linked: false,
  keeps: false,
  data: '',
};

export const EMPTY_TREE: Tree = {
  services: {},
  environmentBroken: false,
  frozen: false,
  policy: 'None',
  shared: 'good-shared',
  stores: 'Any',
  confirm: '',
};

/** The files of a commit: manifests as text, artifacts as their own names. */
export function filesOf(tree: Tree): ReadonlyMap<string, string> {
  const files = new Map<string, string>([['environment.yaml', environment(tree)]]);
  if (tree.policy !== 'None') files.set('platform/ceiling.yaml', ceiling(tree.policy));
  if (tree.stores !== 'Any') files.set('platform/stores.yaml', storesPolicy(tree.stores));
  if (Object.values(tree.services).some(({ linked }) => linked)) {
    files.set('shop/shared.yaml', component('shared', { ...NEW_SERVICE, content: tree.shared, routed: false }));
    files.set(`shop/wasm/${tree.shared}.wasm`, tree.shared);
  }
  for (const [name, service] of Object.entries(tree.services)) {
    files.set(`shop/${name}.yaml`, service.broken ? 'kind: [' : component(name, service));
    if (!service.remote) files.set(`shop/wasm/${service.content}.wasm`, service.content);
  }
  return files;
}

function ceiling(policy: 'Replicas' | 'Bake'): string {
  const most = policy === 'Replicas' ? 'limits: {maxReplicas: 1}' : 'rollout: {minBake: 10m}';
  return `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: ceiling}
spec:
  namespaces: [shop]
  ${most}
`;
}

function storesPolicy(store: string): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: stores}
spec:
  namespaces: [shop]
  capabilities: [{name: state, keyValue: {stores: [${store}], access: ReadWrite}}]
`;
}

function environment({ environmentBroken, frozen, confirm }: Tree): string {
  if (environmentBroken)
    return 'apiVersion: headway.dev/v1alpha1\nkind: Environment\nmetadata: {name: sim}\nspec: {nonsense: 1}\n';
  // A window that is open at every minute of the simulated days.
  const freeze = frozen
    ? '  freezeWindows: [{name: always, schedule: "* * * * *", duration: 1h, timeZone: UTC}]\n'
    : '';
  return `apiVersion: headway.dev/v1alpha1
kind: Environment
metadata: {name: sim}
spec:
  sync: {interval: 2s, jitter: "10%"}
  tenants: [{namespace: shop, path: shop}, {namespace: platform, path: platform}]
  prune: {enabled: true, maxDeletePercent: 50, confirm: "${confirm}"}
${freeze}`;
}

function component(name: string, written: Service): string {
  const alone = { replicas: 1, most: 0, approval: false, replaces: '' };
  const service = written.singleton ? { ...written, ...alone } : written;
  const steps = service.steps
    .map((weight, index) => {
      const approval = service.approval && index === 0 ? ', approval: {name: boss, deadline: 60s}' : '';
      return `{weight: ${weight}, minDuration: 1s, deadline: 60s${approval}}`;
    })
    .join(', ');
  const waits = 'minDuration: 1s, deadline: 60s';
  const named = 'headers: [{name: x-team, value: us}]';
  const opening = {
    Weight: '',
    Header: `{${named}, ${waits}}, `,
    Mirror: `{mirror: {percent: 20}, ${waits}}, `,
    Both: `{weight: 5, ${named}, mirror: {percent: 50}, ${waits}}, `,
  }[service.opening];
  const previewHost = service.previewHost ? `, previewHostname: ${name}.preview.test` : '';
  const approval = service.approval ? ', approval: {name: boss, deadline: 60s}' : '';
  const strategy = {
    Canary: `{type: Canary, canary: {steps: [${opening}${steps}]}}`,
    Immediate: '{type: Immediate}',
    BlueGreen: `{type: BlueGreen, blueGreen: {previewDuration: 1s, deadline: 60s${approval}${previewHost}}}`,
    Rolling: `{type: Rolling, rolling: {maxUnavailable: ${service.missing}, ${waits}}}`,
  }[service.strategy];
  const optional = [
    service.group && `    group: ${service.group}\n`,
    service.replaces && `    replaces: ${service.replaces}\n`,
    service.approved && `    approvals: [{name: boss, revision: "${service.approved}"}]\n`,
    service.emergency && `    emergency: {revision: "${service.emergency}", reason: fire}\n`,
  ].join('');
  const links = service.linked ? '  links: [{import: "shop:shared/api@1.0.0", componentRef: {name: shared}}]\n' : '';
  const store = '{name: carts, keyValue: {store: carts, access: ReadWrite}}';
  const own = `{name: own, keyValue: {store: ${name}-data, access: ReadWrite}}`;
  const grants = [...(service.keeps ? [store] : []), ...(service.data === '' ? [] : [own])];
  const capabilities =
    service.data !== '' && service.data !== 'none' && !service.replaces
      ? `  capabilities: [${own}]\n  state: {version: "${service.data}", migrateTimeout: 2s}\n`
      : grants.length > 0
        ? `  capabilities: [${grants.join(', ')}]\n`
        : '';
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: ${name}, namespace: shop, labels: {mark: "${service.label}"}}
spec:
  source: ${sourceOf(service)}
${links}${capabilities}  instancePolicy: ${service.singleton ? 'Singleton' : 'Pooled'}
  scaling: ${scaling(service)}
  probes:
    readiness: {httpGet: {path: /healthz}, period: 100ms, timeout: 500ms, deadline: 5s}
  supervision: {maxRestarts: 3, window: 30s, backoff: {initial: 1s, max: 10s}}
  drain: {deadline: 2s}
  suspend: ${service.suspend}
  restartToken: "${service.restartToken}"
  rollout:
    retry: ${service.retry}
${optional}    strategy: ${strategy}
    gate:
      errors: {tolerable: "5%", intolerable: "30%", statuses: [${service.statuses}]}
      hardStops: {consecutiveErrors: 5, crashes: 2, window: 60s}
      minSamples: ${service.minSamples}
      warmUp: {requests: 5, duration: 1s}
      insufficientData: Synthesize
      synthetic: {requests: 100, httpGet: {path: /healthz}}
    bake: {duration: 3s, deadline: 60s}
    breaker: {maxRollbacks: 3, window: 60s}
${service.routed ? route(name, service) : ''}${service.clock === '' ? '' : schedule(name, service)}`;
}

function scaling({ replicas, most }: Service): string {
  if (most <= Math.max(1, replicas)) return `{minReplicas: ${replicas}}`;
  return `{minReplicas: ${replicas}, maxReplicas: ${most}, scaleDownAfter: 2s}`;
}

function route(name: string, { path }: Service): string {
  return `---
apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: ${name}, namespace: shop}
spec:
  rules:
    - matches: [{path: {type: PathPrefix, value: ${path}}}]
      backendRef: {name: ${name}}
`;
}

function schedule(name: string, { clock, concurrency, firingDeadline }: Service): string {
  return `---
apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: ${clock}, namespace: shop}
spec:
  schedule: "* * * * *"
  concurrencyPolicy: ${concurrency}
  deadline: ${firingDeadline}s
  startingDeadline: 20s
  backendRef: {name: ${name}}
`;
}

function sourceOf({ content, remote }: Service): string {
  if (!remote) return `{path: shop/wasm/${content}.wasm}`;
  return `{https: {url: "https://artifacts.example/${content}", digest: "${digestOfBytes(Buffer.from(content))}"}}`;
}
