/**
 * What a folder asks registries for: its own sources, and those that patches of its Environments make of what stands in
 * bases. Bases outside of the folder are read and not written: whoever follows them too has them from the same file.
 */
import { posix } from 'node:path';
import { err, ok, type Result } from '../../kit/result.ts';
import { BOUNDS } from '../../manifest/bounds.ts';
import { finding } from '../../manifest/finding.ts';
import { lockPlacesIn, type Asked, type LockPlace, type WrittenEnvironment } from '../../manifest/lock.ts';
import type { PartialSource } from '../../manifest/lock-sources.ts';
import { Variables } from '../../manifest/substitute.ts';
import { decodeText } from '../../manifest/text.ts';
import type { Problem } from '../../model/problem.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';
import { rulesOf } from '../lint/lint.ts';
import type { LintSource } from '../lint/source.ts';

/** A place whose artifact has a whole name. */
export interface NamedPlace extends LockPlace {
  readonly asked: Asked;
  /** The folder to run in, where it lies in a base outside of this one. */
  readonly base?: string;
}

export interface FoundFile {
  readonly file: ManifestFile;
  readonly text: string;
  readonly places: readonly NamedPlace[];
}

export interface FoundPlaces {
  readonly own: readonly FoundFile[];
  /** Of bases outside, as far as no patch gives them a name and a digest of their own. */
  readonly outside: readonly NamedPlace[];
  readonly problems: readonly Problem[];
}

interface ReadFile extends Omit<FoundFile, 'places'> {
  readonly places: readonly LockPlace[];
  readonly environments: readonly WrittenEnvironment[];
}

interface Base {
  /** Relative to the folder that was asked for. */
  readonly folder: string;
  readonly files: readonly ReadFile[];
  readonly inside: boolean;
}

type Source = Pick<LintSource, 'label' | 'manifests' | 'base' | 'config'>;

export async function readPlaces(source: Source): Promise<Result<FoundPlaces, Problem>> {
  // What lint does not read is nobody's to lock either.
  const rules = await rulesOf(source);
  if (!rules.ok) return err(rules.error[0]!);
  const files = await source.manifests(rules.value.ignore);
  if (!files.ok) return files;
  const problems: Problem[] = [];
  const own = readFiles(files.value, problems);
  const outside = new Map<string, NamedPlace>();
  const named: FoundFile[] = [];
  for (const file of own) {
    const [environment] = file.environments;
    const bases = environment ? await basesOf(source, environment, own, problems) : [];
    const written = bases.flatMap((base) => base.files.flatMap(({ places }) => places));
    const variables = new Variables(environment?.variables ?? new Map());
    const whole = (place: LockPlace): PartialSource =>
      place.patch ? merged(written.find(isOf(place))?.source, place.source, variables) : place.source;
    named.push({ ...file, places: file.places.flatMap((place) => withName(place, whole(place))) });
    const patched = new Set(file.places.filter(({ patch }) => patch).map(({ component }) => component));
    for (const base of bases.filter(({ inside }) => !inside)) {
      for (const place of base.files.flatMap(({ places }) => places)) {
        if (patched.has(place.component)) continue;
        if (hasVariables(place.source) && place.digest === undefined) problems.push(variable(place));
        const run = posix.join(source.label, base.folder);
        for (const one of withName(place, place.source)) outside.set(JSON.stringify(one.span), { ...one, base: run });
      }
    }
  }
  return ok({ own: named, outside: [...outside.values()], problems });
}

/** Named from the folder that is asked for, as the daemon that follows it would; else from where the Environment lies. */
async function basesOf(
  source: Source,
  { file, bases }: WrittenEnvironment,
  own: readonly ReadFile[],
  problems: Problem[],
): Promise<readonly Base[]> {
  const found: Base[] = [];
  for (const base of bases) {
    const beside = posix.join(posix.dirname(file), base);
    const followed = await source.base(base);
    if (followed.ok) found.push({ folder: base, files: readFiles(followed.value, problems), inside: false });
    else if (!beside.startsWith('..')) {
      const files = own.filter((one) => beside === '.' || one.file.path.startsWith(`${beside}/`));
      found.push({ folder: beside, files, inside: true });
    } else {
      const other = beside === base ? followed : await source.base(beside);
      if (other.ok) found.push({ folder: beside, files: readFiles(other.value, problems), inside: false });
      else problems.push(other.error);
    }
  }
  return found;
}

function readFiles(files: readonly ManifestFile[], problems: Problem[]): readonly ReadFile[] {
  return files.flatMap((file) => {
    const text = decodeText(file.path, file.bytes, BOUNDS);
    const found = text.ok ? lockPlacesIn(file.path, text.value) : text;
    if (text.ok && found.ok) return [{ file, text: text.value, ...found.value }];
    if (!found.ok) problems.push(found.error);
    return [];
  });
}

function isOf({ component }: LockPlace): (other: LockPlace) => boolean {
  return (other) => !other.patch && other.component === component;
}

/** What a patch makes of a source; variables are those of a base alone. */
function merged(base: PartialSource | undefined, patch: PartialSource, variables: Variables): PartialSource {
  if (base?.type !== patch.type) return patch;
  return { ...(variables.substitute(base).value as unknown as PartialSource), ...patch } as PartialSource;
}

/** What is written with variables has no digest of its own, and what has no name yet is not asked for. */
function withName(place: LockPlace, source: PartialSource): readonly NamedPlace[] {
  const asked = askedOf(source);
  return asked === undefined || (!place.patch && hasVariables(source)) ? [] : [{ ...place, asked }];
}

function askedOf(source: PartialSource): Asked | undefined {
  if (source.type === 'https') return source.url === undefined ? undefined : { type: 'https', url: source.url };
  const { image, tag = 'latest' } = source;
  return image === undefined ? undefined : { type: 'oci', image, tag };
}

function hasVariables(source: PartialSource): boolean {
  return Object.values(source).some((text) => text.includes('${'));
}

function variable({ span, component }: LockPlace): Problem {
  const message = `the source of ${component} is written with variables, so each Environment has a digest of its own`;
  const remedy = 'give it a tag and a digest by a patch of the Environment (`headway lock` completes one with a tag)';
  return finding('HW2442', message, { span, remedy });
}
