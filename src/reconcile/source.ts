/**
 * From the server to a desired state: look → refuse what does not follow → files → parse → hash artifacts → assemble.
 *
 * S1 Whatever goes wrong here, the last accepted desired state stays; nothing is deleted because something is away.
 * S2 Desired only moves forward in verified history (I7): a head that does not follow the accepted one is refused.
 *    So is one that the trust settings do not allow: those of the host or of the accepted commit, never its own.
 * S3 A commit that cannot be used is not read again until the head moves.
 * S4 A poison commit is refused before it is written down, so it cannot fail the daemon over and over (I11).
 */
import { short, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Desired } from '../model/desired.ts';
import type { CommitSeen } from '../model/observed.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { TrustSettings } from '../model/trust.ts';
import type { ShapeOf } from '../model/wit.ts';
import { judgeCommits, trustInForce } from './trust.ts';
import { readDocuments } from './documents.ts';
import { storeFolders } from './folders.ts';
import type { ArtifactPort, CommitInfo, GitPort, ManifestPort, ShapedArtifacts, ShapePort, TreeFile } from './ports.ts';

/** Heads that one accepted head can pass over and that are still named. */
const MAX_PASSED_OVER = 50;
/** Artifacts whose digest is known by their object id. */
const MAX_KNOWN_OIDS = 10_000;
/** Manifests are read in one go; artifacts, which are large, a few at a time. */
const ARTIFACTS_AT_ONCE = 4;

export type SourceLook =
  | { readonly type: 'Unchanged'; readonly head: string }
  | {
      readonly type: 'Accepted';
      readonly head: string;
      readonly desired: Desired;
      readonly commits: readonly CommitSeen[];
    }
  | {
      readonly type: 'Refused';
      readonly head: string;
      readonly problem: Problem;
      readonly reason: 'NonFastForward' | 'Refused' | 'Unsigned';
    }
  | { readonly type: 'Unavailable'; readonly problem: Problem };

export interface SourcePorts {
  readonly git: GitPort;
  readonly manifest: ManifestPort;
  readonly artifacts: ArtifactPort;
  /** Without it nothing is checked by types. */
  readonly shapes?: ShapePort;
}

export interface Source {
  /** Looks once. `accepted` is the desired state in force, which judges what comes. */
  look(accepted: Desired | undefined, isHinted?: boolean): Promise<SourceLook>;
  /** A commit as people know it, from the local mirror. */
  describe(commit: string): Promise<CommitSeen>;
}

export function createSource(
  ports: SourcePorts,
  options: {
    readonly allowNonFastForwardFrom: string | undefined;
    /** The host's own; where it is absent, that of the accepted commit judges. */
    readonly trust: TrustSettings | undefined;
    readonly nowMs: () => number;
    /** Decides about it without doing anything; throws where a decision would. */
    readonly rehearse: (desired: Desired) => void;
  },
): Source {
  const digests = new Map<string, Digest>();
  let refused: Extract<SourceLook, { type: 'Refused' }> | undefined;
  return {
    async look(accepted, isHinted) {
      const looked = await ports.git.look(isHinted);
      if (!looked.ok) return { type: 'Unavailable', problem: looked.error };
      const head = looked.value.commit;
      if (head === accepted?.commit) return { type: 'Unchanged', head };
      if (refused?.head === head && refused.problem.policy === 'Terminal') return refused;
      refused = undefined;

      const rewritten = accepted !== undefined && accepted.commit === options.allowNonFastForwardFrom;
      const follows = await followsAccepted(ports.git, accepted?.commit, head, rewritten);
      if (!follows.ok) return { type: 'Unavailable', problem: follows.error };
      if (!follows.value && accepted) {
        refused = { type: 'Refused', head, reason: 'NonFastForward', problem: notForward(accepted.commit, head) };
        return refused;
      }
      const trust = trustInForce(options.trust, accepted);
      if (trust) {
        const distrusted = await judgeCommits(
          ports.git,
          trust.settings,
          accepted?.commit,
          head,
          options.nowMs(),
          accepted?.environment.bases,
        );
        if (!distrusted.ok) return { type: 'Unavailable', problem: distrusted.error };
        if (distrusted.value) {
          refused = { type: 'Refused', head, reason: 'Unsigned', problem: distrusted.value };
          return refused;
        }
      }
      // Both only read the mirror.
      const [desired, commits] = await Promise.all([
        readSafely(ports, digests, head, accepted, options.rehearse),
        story(ports.git, accepted?.commit, head),
      ]);
      if (!desired.ok) {
        const refusal = { type: 'Refused', head, reason: 'Refused', problem: desired.error } as const;
        if (desired.error.policy === 'Terminal') refused = refusal;
        return refusal;
      }
      return { type: 'Accepted', head, desired: desired.value, commits };
    },
    async describe(commit) {
      const info = await ports.git.commit(commit);
      return info.ok ? seenOf(info.value) : { commit, subject: '', author: '' };
    },
  };
}

async function followsAccepted(git: GitPort, accepted: string | undefined, head: string, always: boolean) {
  return accepted === undefined || always ? ok(true) : git.isAncestor(accepted, head);
}

function notForward(accepted: string, head: string): Problem {
  return problem(
    'HW6010',
    `${short(head)} does not follow ${short(accepted)}, which was accepted before: history was rewritten`,
    {
      remedy: `run \`git merge -s ours ${accepted}\` on the branch and push: the new content stays, the old head becomes its ancestor`,
    },
  );
}

/** S4: a commit that makes us throw is refused like any other bad one, before it becomes what a restart begins with. */
async function readSafely(
  ports: SourcePorts,
  digests: Map<string, Digest>,
  commit: string,
  previous: Desired | undefined,
  rehearse: (desired: Desired) => void,
): Promise<Result<Desired, Problem>> {
  try {
    const desired = await read(ports, digests, commit, previous);
    if (desired.ok) rehearse(desired.value);
    return desired;
  } catch (cause) {
    return err(problem('HW6011', `${short(commit)} makes the daemon fail: ${String(cause)}`));
  }
}

async function read(
  { git, manifest, artifacts, shapes }: SourcePorts,
  digests: Map<string, Digest>,
  commit: string,
  previous: Desired | undefined,
): Promise<Result<Desired, Problem>> {
  const documents = await readDocuments(git, manifest, commit, previous);
  if (!documents.ok) return documents;
  const { files, parsed } = documents.value;
  const wanted = new Set(parsed.artifactPaths);
  const present = files.filter(({ path }) => wanted.has(path));
  const known = await digestsOf(git, artifacts, digests, present);
  if (!known.ok) return known;
  const shapeOf = await shapesOf(shapes, artifacts, known.value, parsed.shaped);
  if (!shapeOf.ok) return shapeOf;
  const folders = await storeFolders(git, artifacts, { commit, files, paths: parsed.folderPaths ?? [] });
  if (!folders.ok) return folders;
  return ok(manifest.assemble(commit, parsed.parsed, known.value, previous, shapeOf.value, folders.value));
}

/** The types of what the documents call or link, as far as the bytes are on this disk. */
async function shapesOf(
  port: ShapePort | undefined,
  artifacts: ArtifactPort,
  known: ReadonlyMap<string, Digest>,
  { paths, digests }: ShapedArtifacts = { paths: [], digests: [] },
): Promise<Result<ShapeOf, Problem>> {
  const wanted = paths.flatMap((path) => known.get(path) ?? []);
  for (const digest of digests) if (await artifacts.has(digest)) wanted.push(digest);
  if (!port || wanted.length === 0) return ok(() => undefined);
  const shapes = await port.shapes(wanted, (artifact) => artifacts.read(artifact));
  const failed = [...shapes.values()].find((answer) => !answer.ok && answer.error.policy !== 'Terminal');
  if (failed && !failed.ok) return failed;
  return ok((artifact) => shapes.get(artifact));
}

/** Bytes of artifacts into the content store, once per object id. */
async function digestsOf(
  git: GitPort,
  artifacts: ArtifactPort,
  known: Map<string, Digest>,
  files: readonly TreeFile[],
): Promise<Result<ReadonlyMap<string, Digest>, Problem>> {
  const found = new Map<string, Digest>();
  const missing: TreeFile[] = [];
  for (const file of files) {
    const digest = known.get(file.oid);
    if (digest && (await artifacts.has(digest))) found.set(file.path, digest);
    else missing.push(file);
  }
  for (let start = 0; start < missing.length; start += ARTIFACTS_AT_ONCE) {
    const some = missing.slice(start, start + ARTIFACTS_AT_ONCE);
    const blobs = await git.blobs(some.map(({ oid }) => oid));
    if (!blobs.ok) return blobs;
    for (const { path, oid } of some) {
      const stored = await artifacts.put(blobs.value.get(oid) ?? new Uint8Array());
      if (!stored.ok) return err(stored.error);
      found.set(path, stored.value);
      if (known.size >= MAX_KNOWN_OIDS) known.clear();
      known.set(oid, stored.value);
    }
  }
  return ok(found);
}

/** The accepted head first, then what it passed over. That it cannot be told is no reason not to go on. */
async function story(git: GitPort, base: string | undefined, head: string): Promise<readonly CommitSeen[]> {
  const between = base === undefined ? undefined : await git.between(base, head, MAX_PASSED_OVER);
  if (between?.ok && between.value.some(({ commit }) => commit === head)) return between.value.map(seenOf);
  const info = await git.commit(head);
  return [info.ok ? seenOf(info.value) : { commit: head, subject: '', author: '' }];
}

function seenOf({ commit, subject, author }: CommitInfo): CommitSeen {
  return { commit, subject, author };
}
