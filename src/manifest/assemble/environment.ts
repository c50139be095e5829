import type { Diagnostic } from '../../model/diagnostic.ts';
import type { EnvironmentSettings, FreezeWindow } from '../../model/desired.ts';
import type { Environment, FreezeWindowSpec } from '../generated/environment.ts';
import { ENVIRONMENT_DEFAULTS } from '../defaults.ts';
import { milliseconds, share } from '../quantity.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue, duplicateNames } from './assembly.ts';
import { isCronExpression, isTimeZone } from './schedule.ts';
import { folderOf } from './tenancy.ts';
import { trustOf, trustProblems } from './trust.ts';

/** What holds where no Environment has ever been valid. Nothing starts under it (HW1041). */
export const NO_ENVIRONMENT: EnvironmentSettings = settingsOf('', {});

export function settingsOf(name: string, spec: Environment['spec']): EnvironmentSettings {
  const { sync, prune, rollouts, platformNamespace } = ENVIRONMENT_DEFAULTS;
  const policy = spec.defaults?.rolloutPolicyRef;
  return {
    name,
    sync: {
      intervalMs: milliseconds(spec.sync?.interval ?? sync.interval),
      jitter: share(spec.sync?.jitter ?? sync.jitter),
    },
    tenants: (spec.tenants ?? []).map(({ namespace, path }) => ({ namespace, path: folderOf(path) })),
    prune: {
      enabled: spec.prune?.enabled ?? prune.enabled,
      maxDeletePercent: spec.prune?.maxDeletePercent ?? prune.maxDeletePercent,
      confirm: spec.prune?.confirm ?? prune.confirm,
    },
    freezeWindows: (spec.freezeWindows ?? []).map(freezeWindow),
    maxConcurrentRollouts: spec.rollouts?.maxConcurrent ?? rollouts.maxConcurrent,
    platformNamespace: spec.platformNamespace ?? platformNamespace,
    ...(policy ? { defaultRolloutPolicy: { namespace: policy.namespace, name: policy.name } } : {}),
    ...(spec.bases ? { bases: spec.bases } : {}),
    ...(spec.trust ? { trust: trustOf(spec.trust) } : {}),
    ...(spec.report ? { report: { ...ENVIRONMENT_DEFAULTS.report, ...spec.report } } : {}),
  };
}

function freezeWindow(window: FreezeWindowSpec): FreezeWindow {
  return {
    name: window.name,
    schedule: window.schedule,
    durationMs: milliseconds(window.duration),
    timeZone: window.timeZone ?? ENVIRONMENT_DEFAULTS.freezeWindow.timeZone,
    namespaces: [...(window.namespaces ?? [])].sort(),
  };
}

export function environmentProblems(document: ParsedDocument<'Environment'>): readonly Diagnostic[] {
  const { spec } = document.value;
  const problems = [
    ...duplicateNames(document, '/spec/freezeWindows', spec.freezeWindows),
    ...duplicateNames(document, '/spec/variables', spec.variables),
    ...trustProblems(document),
  ];
  for (const [index, window] of (spec.freezeWindows ?? []).entries()) {
    const at = `/spec/freezeWindows/${index}`;
    if (!isCronExpression(window.schedule)) {
      const message = `"${window.schedule}" is not a cron expression of five fields`;
      problems.push(atValue(document, `${at}/schedule`, 'HW1029', message));
    }
    if (window.timeZone !== undefined && !isTimeZone(window.timeZone)) {
      problems.push(atValue(document, `${at}/timeZone`, 'HW1029', `there is no time zone "${window.timeZone}"`));
    }
  }
  const seen = new Set<string>();
  for (const [index, { namespace, path }] of (spec.tenants ?? []).entries()) {
    const tenant = `${namespace} ${folderOf(path)}`;
    if (seen.has(tenant)) {
      const message = `namespace ${namespace} has the path ${path} already`;
      problems.push(atValue(document, `/spec/tenants/${index}/path`, 'HW1030', message));
    }
    seen.add(tenant);
  }
  return problems;
}
