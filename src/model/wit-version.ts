/** Versions of WIT packages, as semantic versioning 2.0.0 orders them. No version at all is one of its own. */

const VERSION = /^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

interface Version {
  /** Major, minor, patch. */
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly preRelease: string | undefined;
}

function parse(text: string): Version | undefined {
  const found = VERSION.exec(text);
  if (!found) return undefined;
  return { numbers: [BigInt(found[1]!), BigInt(found[2]!), BigInt(found[3]!)], preRelease: found[4] };
}

/**
 * Whether who was built against `wanted` can use `offered`: the same version, or a later one that promises to be compatible
 * (the same major; below 1.0.0 the same minor; below 0.1.0 none). Pre-releases promise nothing.
 */
export function isCompatible(wanted: string, offered: string): boolean {
  if (wanted === offered) return true;
  const [one, other] = [parse(wanted), parse(offered)];
  if (!one || !other || one.preRelease !== undefined || other.preRelease !== undefined) return false;
  const fixed = one.numbers[0] > 0n ? 1 : one.numbers[1] > 0n ? 2 : 3;
  for (const at of [0, 1, 2] as const) {
    const difference = other.numbers[at] - one.numbers[at];
    if (difference === 0n) continue;
    return at >= fixed && difference > 0n;
  }
  // Only their build differs.
  return true;
}

/** For sorting compatible versions: what is not a version goes last. */
function newestFirst(one: string, other: string): number {
  const [a, b] = [parse(one), parse(other)];
  if (!a || !b) return a ? -1 : b ? 1 : 0;
  for (const at of [0, 1, 2] as const) {
    if (a.numbers[at] !== b.numbers[at]) return a.numbers[at] > b.numbers[at] ? -1 : 1;
  }
  return 0;
}

/** Which export serves an import, by name and version: of several the newest. */
export function exportFor(importName: string, exported: readonly string[]): string | undefined {
  const [plain, version = ''] = importName.split('@');
  const versionOf = (name: string): string => name.split('@')[1] ?? '';
  return exported
    .filter((name) => name.split('@')[0] === plain && isCompatible(version, versionOf(name)))
    .sort((one, other) => newestFirst(versionOf(one), versionOf(other)))[0];
}
