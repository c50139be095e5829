/**
 * Grants of a component, with its Roles resolved: an item `{name: web, roleRef: …}` stands for every grant of the Role,
 * each under `web.` and its own name, so that grants of two Roles never meet. What is resolved is part of the revision:
 * a change of a Role is a rollout of everything that uses it.
 */
import { err, ok, type Result } from '../../kit/result.ts';
import type { Grant } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { EnvironmentSettings } from '../../model/desired.ts';
import { MAX_GRANTS_PER_COMPONENT } from '../bounds.ts';
import type { Grant as ItemSpec } from '../generated/component.ts';
import type { Grant as RoleGrantSpec } from '../generated/role.ts';
import { GRANT_DEFAULTS } from '../defaults.ts';
import { bytesOf } from '../quantity.ts';
import { keyOf, type ParsedDocument } from '../parsed.ts';
import { unimplementedIn } from '../unimplemented.ts';
import { atKey, atValue, duplicateNames, type Assembly } from './assembly.ts';
import { folderGrantProblems } from './folder-grants.ts';
import { hostProblems } from './hosts.ts';

type ComponentDocument = ParsedDocument<'Component'>;
type RoleDocument = ParsedDocument<'Role'>;

export function refuseRoles(assembly: Assembly): void {
  for (const document of assembly.all('Role')) {
    const problems = [
      ...duplicateNames(document, '/spec/capabilities', document.value.spec.capabilities),
      ...hostProblems(document),
      ...folderGrantProblems(document),
    ];
    if (problems.length > 0) assembly.refuse(document, problems);
  }
}

/** By name; the problems are about references that lead nowhere. */
export function grantsOf(
  document: ComponentDocument,
  environment: EnvironmentSettings,
  assembly: Assembly,
): Result<readonly Grant[], readonly Diagnostic[]> {
  const problems: Diagnostic[] = [];
  const grants: Grant[] = [];
  for (const [index, item] of (document.value.spec.capabilities ?? []).entries()) {
    if (!item.roleRef) {
      grants.push(grantOf(item));
      continue;
    }
    const role = roleOf(document, item.roleRef, `/spec/capabilities/${index}/roleRef`, environment, assembly);
    if (role.ok) grants.push(...role.value.value.spec.capabilities.map((grant) => underItem(item, grantOf(grant))));
    else problems.push(role.error);
  }
  if (grants.length > MAX_GRANTS_PER_COMPONENT) {
    const message = `${grants.length} grants with those of its Roles, the most is ${MAX_GRANTS_PER_COMPONENT}`;
    problems.push(atKey(document, '/spec/capabilities', 'HW1018', message));
  }
  return problems.length > 0 ? err(problems) : ok(grants.sort((a, b) => (a.name < b.name ? -1 : 1)));
}

function roleOf(
  document: ComponentDocument,
  ref: { readonly name: string; readonly namespace?: string },
  at: string,
  environment: EnvironmentSettings,
  assembly: Assembly,
): Result<RoleDocument, Diagnostic> {
  const key = roleKey(document, ref);
  if (ref.namespace && ![document.namespace, environment.platformNamespace].includes(ref.namespace)) {
    const message = `namespace ${document.namespace} may not use the Role ${key}`;
    const remedy = `use one of the own namespace or of ${environment.platformNamespace}`;
    return err(atValue(document, `${at}/namespace`, 'HW1023', message, remedy));
  }
  const found = assembly.find('Role', key);
  if (found.type === 'Found') return ok(found.document);
  if (found.type === 'Invalid') return err(atValue(document, `${at}/name`, 'HW1024', `invalid: Role ${key}`));
  return err(atValue(document, `${at}/name`, 'HW1023', `not there: Role ${key}`));
}

export function roleKey(
  { namespace }: Pick<ComponentDocument, 'namespace'>,
  ref: { readonly name: string; readonly namespace?: string },
): string {
  return keyOf({ namespace: ref.namespace ?? namespace, name: ref.name });
}

function grantOf({ name, enforcement, expireTime, ...capabilities }: ItemSpec | RoleGrantSpec): Grant {
  const [capability, settings] = Object.entries(capabilities)[0]!;
  return {
    name,
    capability,
    settings: inPlainUnits({ ...grantDefaultsOf(capability, settings), ...settings }),
    enforcement: enforcement ?? GRANT_DEFAULTS.enforcement,
    ...(expireTime === undefined ? {} : { expireTime }),
  };
}

const SIZES: ReadonlySet<string> = new Set(['maxSize', 'maxValueSize']);

/** Sizes in bytes: two ways to write one size are one revision. */
function inPlainUnits(settings: Readonly<Record<string, unknown>>): Grant['settings'] {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, SIZES.has(name) ? bytesOf(String(value)) : value]),
  );
}

/** The item may loosen the enforcement of the whole and may only shorten its time. */
function underItem(item: ItemSpec, grant: Grant): Grant {
  const ends = [item.expireTime, grant.expireTime].filter((time) => time !== undefined).sort();
  return {
    ...grant,
    name: `${item.name}.${grant.name}`,
    enforcement: item.enforcement ?? grant.enforcement,
    ...(ends[0] === undefined ? {} : { expireTime: ends[0] }),
  };
}

/** A folder of the repository cannot grow: it has no quotas. */
function grantDefaultsOf(capability: string, settings: object): object {
  const defaults = defaultsOf(capability);
  if (capability !== 'filesystem' || !('path' in settings)) return defaults;
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => !name.startsWith('max')));
}

/** Defaults of one capability key, for grants and ceilings alike. */
export function defaultsOf(capability: string): object {
  const table: Readonly<Record<string, unknown>> = GRANT_DEFAULTS;
  const defaults = Object.hasOwn(table, capability) ? table[capability] : {};
  return typeof defaults === 'object' ? defaults! : {};
}

/** What this version cannot do of the Roles that are used, at the reference. */
export function rolesNotImplemented(document: ComponentDocument, assembly: Assembly): readonly Diagnostic[] {
  return (document.value.spec.capabilities ?? []).flatMap(({ roleRef }, index) => {
    const role = roleRef && assembly.find('Role', roleKey(document, roleRef));
    if (role?.type !== 'Found') return [];
    return unimplementedIn('Role', role.document.value).map(({ pointer, what }) => {
      const { file, line, column } = atKey(role.document, pointer, 'HW1042', '').span!;
      const message = `not implemented yet: ${what}, at ${file}:${line}:${column}`;
      return atKey(document, `/spec/capabilities/${index}/roleRef`, 'HW1042', message);
    });
  });
}

/** Where a resolved grant was written: its item in the document. */
export function pointerOfGrant(document: ComponentDocument, grant: string): string {
  const item = grant.split('.', 1)[0];
  return `/spec/capabilities/${(document.value.spec.capabilities ?? []).findIndex(({ name }) => name === item)}`;
}
