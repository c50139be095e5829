import type { Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import type { Ambient } from '../../model/ambient.ts';
import {
  entryKey,
  type ArtifactSource,
  type Grant,
  type Limits,
  type Link,
  type Member,
} from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ComponentSpec, ResourceLimits } from '../generated/component.ts';
import { AMBIENT_DEFAULTS, COMPONENT_DEFAULTS, LINK_DEFAULTS, STATE_DEFAULTS } from '../defaults.ts';
import type { ParsedDocument } from '../parsed.ts';
import { bytesOf, milliseconds, processorMillis } from '../quantity.ts';
import { atValue, duplicateNames } from './assembly.ts';
import { folderGrantProblems } from './folder-grants.ts';
import { hostProblems } from './hosts.ts';
import { mountProblems } from './mounts.ts';
import { sourceProblems, type Pins } from './source.ts';
import type { Values } from './values.ts';

interface Inputs {
  readonly pins: Pins;
  readonly grants: Result<readonly Grant[], readonly Diagnostic[]>;
  readonly values: Result<Values, readonly Diagnostic[]>;
}

/** What a component is made of: the part of its document that its revision is computed from, in a canonical order. */
export function memberOf(
  document: ParsedDocument<'Component'>,
  artifacts: ReadonlyMap<string, Digest>,
  { pins, grants, values }: Inputs,
): Result<Member, readonly Diagnostic[]> {
  const { spec } = document.value;
  const source = sourceOf(spec);
  const artifact = source.type === 'path' ? artifacts.get(source.path) : source.digest;
  const problems = [
    ...memberProblems(document),
    ...sourceProblems(document, pins),
    ...(grants.ok ? mountProblems(document, grants.value) : grants.error),
    ...(values.ok ? [] : values.error),
  ];
  if (artifact === undefined && source.type === 'path') {
    const message = `there is no file ${source.path} in this commit under the followed path`;
    return err([...problems, atValue(document, '/spec/source/path', 'HW2001', message)]);
  }
  if (artifact === undefined || !values.ok || problems.length > 0) return err(problems);
  return ok({
    key: entryKey(document.namespace, document.name),
    artifact,
    source,
    ...values.value,
    capabilities: grants.ok ? grants.value : [],
    limits: spec.instancePolicy === 'Singleton' ? { ...limitsOf(spec.limits), concurrency: 1 } : limitsOf(spec.limits),
    instancePolicy: spec.instancePolicy ?? COMPONENT_DEFAULTS.instancePolicy,
    isolation: spec.isolation ?? COMPONENT_DEFAULTS.isolation,
    links: linksOf(document),
    ...stateOf(spec),
    ...ambientOf(spec),
  });
}

function memberProblems(document: ParsedDocument<'Component'>): readonly Diagnostic[] {
  const { spec } = document.value;
  const problems = [
    ...duplicateNames(document, '/spec/env', spec.env),
    ...duplicateNames(document, '/spec/config', spec.config),
    ...duplicateNames(document, '/spec/capabilities', spec.capabilities),
    ...hostProblems(document),
    ...folderGrantProblems(document),
  ];
  const imports = new Set<string>();
  for (const [index, link] of (spec.links ?? []).entries()) {
    if (imports.has(link.import)) {
      const message = `the import ${link.import} is linked already`;
      problems.push(atValue(document, `/spec/links/${index}/import`, 'HW1030', message));
    }
    imports.add(link.import);
  }
  return problems;
}

function sourceOf({ source }: ComponentSpec): ArtifactSource {
  if (source.path !== undefined) return { type: 'path', path: source.path.replace(/^\.\//, '') };
  if (source.https) return { type: 'https', url: source.https.url, digest: source.https.digest as Digest };
  const { image, tag, digest } = source.oci!;
  return { type: 'oci', image, ...(tag === undefined ? {} : { tag }), digest: digest as Digest };
}

function limitsOf(spec: ResourceLimits = {}): Limits {
  const limits = { ...COMPONENT_DEFAULTS.limits, ...spec };
  return {
    memoryBytes: bytesOf(limits.memory),
    cpuMillis: processorMillis(limits.cpu),
    concurrency: limits.concurrency,
    queue: limits.queue,
    requestTimeoutMs: milliseconds(limits.requestTimeout),
    startTimeoutMs: milliseconds(limits.startTimeout),
    requestBodyBytes: bytesOf(limits.requestBody),
    responseBodyBytes: bytesOf(limits.responseBody),
    logBytesPerSecond: bytesOf(limits.logBytesPerSecond),
    handles: limits.handles,
    // What did not exist before is in no revision that does not say it.
    ...(spec.headers === undefined ? {} : { headers: spec.headers }),
    ...(spec.sockets === undefined ? {} : { sockets: spec.sockets }),
    ...(spec.files === undefined ? {} : { files: spec.files }),
    ...(spec.instances === undefined ? {} : { instances: spec.instances }),
    ...(spec.requestsPerInstance === undefined ? {} : { requestsPerInstance: spec.requestsPerInstance }),
  };
}

function stateOf({ state }: ComponentSpec): Pick<Member, 'state'> {
  if (!state) return {};
  const { version, migrateTimeout = STATE_DEFAULTS.migrateTimeout } = state;
  return { state: { version, migrateTimeoutMs: milliseconds(migrateTimeout) } };
}

/** Settings of what is the machine's say nothing, so that they are in no revision. */
function ambientOf({ ambient }: ComponentSpec): Pick<Member, 'ambient'> {
  const { clocks, random, time, step, seed } = { ...AMBIENT_DEFAULTS, ...ambient };
  const stepped = { atMs: Date.parse(time), stepMs: milliseconds(step) };
  const found: Ambient = {
    ...(clocks === 'System' ? {} : { clocks: clocks === 'Denied' ? clocks : stepped }),
    ...(random === 'System' ? {} : { random: random === 'Denied' ? random : { seed } }),
  };
  return found.clocks || found.random ? { ambient: found } : {};
}

function linksOf({ namespace, value }: ParsedDocument<'Component'>): readonly Link[] {
  return (value.spec.links ?? [])
    .map((link) => ({
      import: link.import,
      component: entryKey(link.componentRef.namespace ?? namespace, link.componentRef.name),
      mode: link.mode ?? LINK_DEFAULTS.mode,
    }))
    .sort((a, b) => (a.import < b.import ? -1 : 1));
}
