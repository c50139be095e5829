import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Changes } from './repository.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The bytes of a built example: `greeting-v1`, `testbed`, … */
export function example(name: string): Uint8Array {
  return readFileSync(path.join(ROOT, 'examples/wasm', `${name}.wasm`));
}

export interface EnvironmentText {
  readonly name?: string;
  readonly interval?: string;
  readonly tenants?: readonly string[];
  readonly extra?: string;
}

/** An Environment that looks often, so that tests without a hint are quick. */
export function environment({
  name = 'test',
  interval = '1s',
  tenants = ['shop'],
  extra = '',
}: EnvironmentText = {}): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Environment
metadata: {name: ${name}}
spec:
  sync: {interval: ${interval}, jitter: "10%"}
  tenants: [${tenants.map((tenant) => `{namespace: ${tenant}, path: ${tenant}}`).join(', ')}]
${extra}`;
}

export interface ComponentText {
  readonly name?: string;
  readonly namespace?: string;
  /** Relative to the followed root. */
  readonly wasm: string;
  /** Of `spec.rollout`, in flow form: `{policyRef: {name: quick}}`. */
  readonly rollout?: string;
  readonly readinessPath?: string;
  /** A variable that no greeting reads: another value is another revision of the same bytes. */
  readonly attempt?: string;
  readonly requestTimeout?: string;
  /** More of `spec.limits`, in flow form: `memory: 512Mi`. */
  readonly limits?: string;
  /** More lines of `spec`, two spaces in. */
  readonly extra?: string;
}

/** As lint would have it: the variable of attempts is read by no greeting. */
export function plainComponent(text: ComponentText): string {
  return component(text).replace(/^ {2}env: .*\n/m, '');
}

export function component({
  name = 'greeting',
  namespace = 'shop',
  wasm,
  rollout = '{policyRef: {name: quick}}',
  readinessPath = '/healthz',
  attempt = 'first',
  requestTimeout = '5s',
  limits = '',
  extra = '',
}: ComponentText): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  source: {path: ${wasm}}
  # What the runtime sends for want of traffic has the time of a probe: two that were late in a still moment make a release bad.
  probes:
    readiness: {httpGet: {path: ${readinessPath}}, period: 50ms, timeout: 5s, deadline: 10s}
  drain: {deadline: 5s}
  # A test machine that stands still for a moment is no reason to turn requests away.
  limits: {queue: 1024, requestTimeout: ${requestTimeout}${limits === '' ? '' : `, ${limits}`}}
  env: [{name: ATTEMPT, value: "${attempt}"}]
  rollout: ${rollout}
${extra}`;
}

export interface RouteText {
  readonly name?: string;
  readonly namespace?: string;
  readonly backend?: string;
  readonly prefix?: string;
  /** Absent: every host. */
  readonly hostname?: string;
}

export function route({
  name = 'greeting',
  namespace = 'shop',
  backend = name,
  prefix = '/',
  hostname,
}: RouteText = {}): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: ${name}, namespace: ${namespace}}
spec:
${hostname === undefined ? '' : `  hostnames: [${hostname}]\n`}  rules:
    - matches: [{path: {type: PathPrefix, value: ${prefix}}}]
      backendRef: {name: ${backend}}
`;
}

/** A canary policy with real thresholds and short waits; many stories roll back more often than its breaker would let. */
export function quickPolicy({
  name = 'quick',
  namespace = 'shop',
  bake = '2s',
  minDuration = '300ms',
  deadline = '1m',
  minSamples = 50,
  insufficientData = 'Synthesize',
  latency = '',
  approval = '',
  maxRollbacks = 100,
} = {}): string {
  return `apiVersion: headway.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  strategy:
    type: Canary
    canary:
      steps:
        - {weight: 20, minDuration: ${minDuration}, deadline: ${deadline}}
        - {weight: 50, minDuration: ${minDuration}, deadline: ${deadline}${approval}}
  gate:
    errors: {tolerable: "0.5%", intolerable: "5%", statuses: [5xx]}
    hardStops: {consecutiveErrors: 5, crashes: 2, window: 60s}
    minSamples: ${minSamples}
    warmUp: {requests: 10, duration: 1s}
    insufficientData: ${insufficientData}
    synthetic: {requests: 200, httpGet: {path: /}}
${latency === '' ? '' : `    latency: ${latency}\n`}  bake: {duration: ${bake}, deadline: 10m}
  breaker: {maxRollbacks: ${maxRollbacks}, window: 1h}
`;
}

/** An Immediate policy with a short bake. */
export function immediatePolicy({ name = 'now', namespace = 'shop', bake = '1s' } = {}): string {
  return `apiVersion: headway.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  strategy: {type: Immediate}
  bake: {duration: ${bake}, deadline: 10m}
`;
}

/** Lets components of the namespace share a process. */
export function sharingPolicy(namespace = 'shop'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: trusted}
spec:
  namespaces: [${namespace}]
  isolation: [Process, Strict, Shared]
`;
}

/** A whole environment with one component on `/`: the state that most stories begin with. */
export function shop(wasm = 'greeting-v1', more: Partial<ComponentText> = {}): Changes {
  return {
    'environment.yaml': environment(),
    'shop/policies.yaml': `${quickPolicy()}---\n${immediatePolicy()}`,
    'shop/greeting.yaml': component({ wasm: `wasm/${wasm}.wasm`, ...more }),
    'shop/route.yaml': route(),
    [`wasm/${wasm}.wasm`]: example(wasm),
  };
}

/** The commit that changes the greeting to another build, and nothing else. */
export function swapTo(wasm: string, more: Partial<ComponentText> = {}): Changes {
  return {
    'shop/greeting.yaml': component({ wasm: `wasm/${wasm}.wasm`, ...more }),
    [`wasm/${wasm}.wasm`]: example(wasm),
  };
}
