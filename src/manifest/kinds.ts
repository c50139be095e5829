import check from '../../schemas/headway.dev/check_v1alpha1.json' with { type: 'json' };
import component from '../../schemas/headway.dev/component_v1alpha1.json' with { type: 'json' };
import config from '../../schemas/headway.dev/config_v1alpha1.json' with { type: 'json' };
import environment from '../../schemas/headway.dev/environment_v1alpha1.json' with { type: 'json' };
import lint from '../../schemas/headway.dev/lint_v1alpha1.json' with { type: 'json' };
import policy from '../../schemas/headway.dev/policy_v1alpha1.json' with { type: 'json' };
import role from '../../schemas/headway.dev/role_v1alpha1.json' with { type: 'json' };
import rolloutPolicy from '../../schemas/headway.dev/rolloutpolicy_v1alpha1.json' with { type: 'json' };
import route from '../../schemas/headway.dev/route_v1alpha1.json' with { type: 'json' };
import schedule from '../../schemas/headway.dev/schedule_v1alpha1.json' with { type: 'json' };
import secret from '../../schemas/headway.dev/secret_v1alpha1.json' with { type: 'json' };
import runtime from '../../schemas/headway.dev/runtime_v1alpha1.json' with { type: 'json' };

export const API_VERSION = 'headway.dev/v1alpha1';

/** The schemas of what may lie in the repository, by kind. */
export const SCHEMAS = {
  Component: component,
  Route: route,
  Schedule: schedule,
  RolloutPolicy: rolloutPolicy,
  Environment: environment,
  Policy: policy,
  Role: role,
  Config: config,
  Secret: secret,
  Check: check,
} as const;

/** Files beside the manifests: the host's own, and the configuration of lint. */
export const RUNTIME_SCHEMA = runtime;
export const LINT_SCHEMA = lint;

export type Kind = keyof typeof SCHEMAS;

/** Kinds that hold for all and belong to no namespace. */
export const CLUSTER_SCOPED: ReadonlySet<string> = new Set<Kind>(['Environment', 'Policy']);

/** Kinds of the form that this version cannot run: refused by name, never ignored. */
export const LATER_KINDS: readonly string[] = ['Pipeline', 'Subscription'];

export function isKind(text: string): text is Kind {
  return Object.hasOwn(SCHEMAS, text);
}
