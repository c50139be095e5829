/** Looks up what a judgement about new commits needs; decide/trust.ts judges. */
import { judgeTrust, type NewCommit } from '../decide/trust.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Desired } from '../model/desired.ts';
import type { SignedBy, TrustSettings } from '../model/trust.ts';
import type { CommitInfo, GitPort } from './ports.ts';

/** More new commits than this in one look are not followed: each of them would have to be verified. */
export const MAX_JUDGED_COMMITS = 999;

/**
 * The host's settings take the place of the repository's as a whole, also where they are looser: whoever has the machine
 * can follow anybody, and a key that is lost has a way out. Without them those of the accepted commit hold.
 */
export function trustInForce(
  host: TrustSettings | undefined,
  accepted: Pick<Desired, 'environment'> | undefined,
): { readonly by: 'Host' | 'Environment'; readonly settings: TrustSettings } | undefined {
  if (host) return { by: 'Host', settings: host };
  const settings = accepted?.environment.trust;
  return settings && { by: 'Environment', settings };
}

/**
 * `undefined` inside: the head may be followed. A problem inside is the refusal; a problem outside means that nothing could
 * be found out, which is no verdict.
 */
export async function judgeCommits(
  git: GitPort,
  trust: TrustSettings,
  accepted: string | undefined,
  head: string,
  nowMs: number,
  bases: readonly string[] = [],
): Promise<Result<Problem | undefined, Problem>> {
  if (trust.mode === 'Off') return ok(undefined);
  if (!git.signatures || !git.touching) return err(problem('HW3041', 'this source cannot verify signatures'));
  const listed = await newCommits(git, accepted, head);
  if (!listed.ok) return listed;
  if (listed.value.length > MAX_JUDGED_COMMITS) {
    const message = `${head.slice(0, 12)} brings more than ${MAX_JUDGED_COMMITS} new commits at once`;
    return ok(problem('HW6012', message, { remedy: 'push them in parts' }));
  }
  const touching = new Map<string, readonly string[]>();
  for (const { path } of trust.paths) {
    const found = new Set<string>();
    // In a base the same folder has the same owners.
    for (const folder of [path, ...bases.map((base) => `${base}/${path}`)]) {
      const touched = accepted === undefined ? ok([head]) : await git.touching(accepted, head, folder);
      if (!touched.ok) return touched;
      for (const commit of touched.value) found.add(commit);
    }
    touching.set(path, [...found]);
  }
  const wanted = new Set([head, ...[...touching.values()].flat()]);
  const verified = trust.mode === 'All' ? listed.value : listed.value.filter(({ commit }) => wanted.has(commit));
  const signatures = await git.signatures(
    verified.map(({ commit }) => commit),
    trust.signers,
  );
  if (!signatures.ok) return signatures;
  const commits = verified.map((info) => newCommit(info, signatures.value));
  const tip = commits.find(({ commit }) => commit === head);
  if (!tip) return err(problem('HW3013', `commit ${head} is not in its own history`));
  return ok(judgeTrust(trust, { head: tip, commits, touching }, nowMs));
}

/** What nobody has accepted before is judged by its head alone: its history is what it begins with. */
async function newCommits(
  git: GitPort,
  accepted: string | undefined,
  head: string,
): Promise<Result<readonly CommitInfo[], Problem>> {
  if (accepted !== undefined) return git.between(accepted, head, MAX_JUDGED_COMMITS + 1);
  const info = await git.commit(head);
  return info.ok ? ok([info.value]) : info;
}

function newCommit({ commit, timeMs }: CommitInfo, signatures: ReadonlyMap<string, SignedBy>): NewCommit {
  const signedBy = signatures.get(commit);
  return { commit, timeMs, ...(signedBy ? { signedBy } : {}) };
}
