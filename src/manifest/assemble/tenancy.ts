import type { EnvironmentSettings } from '../../model/desired.ts';

type Tenants = Pick<EnvironmentSettings, 'tenants' | 'platformNamespace'>;

/** `./tenants/shop` → `tenants/shop`. */
export function folderOf(path: string): string {
  return path.replace(/^\.\//, '');
}

/** The tenant path that holds a file: the longest one, so that a tenant inside another's path is on its own. */
export function tenantPathOf({ tenants }: Tenants, file: string): string | undefined {
  return tenants
    .map(({ path }) => path)
    .filter((path) => file.startsWith(`${path}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** Why a document of this namespace (empty: none) must not be in this file; undefined where it may. */
export function trespass(environment: Tenants, file: string, namespace: string): string | undefined {
  const { tenants, platformNamespace } = environment;
  if (tenants.length === 0) return undefined;
  const path = tenantPathOf(environment, file);
  const owners = tenants.filter((tenant) => tenant.path === path).map((tenant) => tenant.namespace);
  if (namespace === '') {
    if (path === undefined || owners.includes(platformNamespace)) return undefined;
    return `${path}/ belongs to ${owners.join(', ')}; a document without a namespace belongs to the platform`;
  }
  if (owners.includes(namespace)) return undefined;
  const own = tenants.filter((tenant) => tenant.namespace === namespace).map((tenant) => `${tenant.path}/`);
  const rule =
    own.length > 0 ? `namespace ${namespace} lives under ${own.join(', ')}` : `namespace ${namespace} has no path`;
  return path === undefined ? rule : `${path}/ belongs to ${owners.join(', ')}; ${rule}`;
}

/** Whether documents of a namespace may be missing only because a file beside them could not be read. */
export function isHeld(environment: Tenants, unreadablePaths: readonly string[], namespace: string): boolean {
  if (environment.tenants.length === 0) return unreadablePaths.length > 0;
  return environment.tenants.some((tenant) => tenant.namespace === namespace && unreadablePaths.includes(tenant.path));
}
