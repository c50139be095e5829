import { withoutBase } from '../../model/base-path.ts';
import type { EnvironmentSettings } from '../../model/desired.ts';

/** `./tenants/shop` → `tenants/shop`. */
export function folderOf(path: string): string {
  return path.replace(/^\.\//, '');
}

type Settings = Pick<EnvironmentSettings, 'tenants' | 'platformNamespace' | 'bases'>;

/** Which namespace may stand in which file, by the tenants of one environment. */
export class Tenancy {
  readonly #platform: string;
  readonly #bases: readonly string[];
  /** Namespaces by path, and paths by namespace. */
  readonly #owners: ReadonlyMap<string, readonly string[]>;
  readonly #paths: ReadonlyMap<string, readonly string[]>;

  constructor({ tenants, platformNamespace, bases = [] }: Settings) {
    this.#bases = bases;
    this.#platform = platformNamespace;
    this.#owners = grouped(tenants.map(({ path, namespace }) => [path, namespace]));
    this.#paths = grouped(tenants.map(({ path, namespace }) => [namespace, path]));
  }

  /** The tenant path that holds a file, in a base as in the followed path: the longest one, so that a tenant inside another's path is on its own. */
  pathOf(file: string): string | undefined {
    let folder = withoutBase(file, this.#bases);
    for (let cut = folder.lastIndexOf('/'); cut > 0; cut = folder.lastIndexOf('/')) {
      folder = folder.slice(0, cut);
      if (this.#owners.has(folder)) return folder;
    }
    return undefined;
  }

  /** Whether documents without a namespace may be in this file. */
  isOfPlatform(file: string): boolean {
    const path = this.pathOf(file);
    return path === undefined || this.#owners.get(path)!.includes(this.#platform);
  }

  /** Why a document of this namespace (empty: none) must not be in this file; undefined where it may. */
  trespass(file: string, namespace: string): string | undefined {
    if (this.#owners.size === 0) return undefined;
    const path = this.pathOf(file);
    const owners = path === undefined ? [] : this.#owners.get(path)!;
    if (namespace === '' ? this.isOfPlatform(file) : owners.includes(namespace)) return undefined;
    const place = path === undefined ? '' : `${path}/ belongs to ${owners.join(', ')}; `;
    if (namespace === '') return `${place}a document without a namespace belongs to the platform`;
    const own = (this.#paths.get(namespace) ?? []).map((folder) => `${folder}/`);
    return own.length > 0
      ? `${place}namespace ${namespace} lives under ${own.join(', ')}`
      : `${place}namespace ${namespace} has no path`;
  }

  /** Whether documents of a namespace may be missing only because a file beside them could not be read. */
  isHeld(unreadablePaths: readonly string[], namespace: string): boolean {
    if (this.#owners.size === 0) return unreadablePaths.length > 0;
    return (this.#paths.get(namespace) ?? []).some((path) => unreadablePaths.includes(path));
  }
}

function grouped(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, value] of pairs) {
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
