/**
 * May these commits be followed? Pure: signatures are verified by the git room, dates are arguments. The settings are those
 * of the last accepted commit or of the host, never those of a commit that is being judged.
 *
 * T1 What counts is when a commit is first seen: a key that has ended cannot be used by writing an old date.
 * T2 A path with a threshold is signed by that many different people: who changed it, and who brought it in by a signed
 *    merge that is the head.
 */
import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { SignedBy, TrustPath, TrustSettings } from '../model/trust.ts';

export interface NewCommit {
  readonly commit: string;
  /** Committer date, milliseconds since the epoch. */
  readonly timeMs: number;
  /** Absent: not signed, or by nobody who is listed. */
  readonly signedBy?: SignedBy;
}

export interface Candidates {
  readonly head: NewCommit;
  /** New since the last accepted commit, the head among them. */
  readonly commits: readonly NewCommit[];
  /** For each path of the settings, the new commits that change something below it. */
  readonly touching: ReadonlyMap<string, readonly string[]>;
}

/** Why the head is not followed; undefined where it may be. `nowMs` is when it is first seen. */
export function judgeTrust(trust: TrustSettings, candidates: Candidates, nowMs: number): Problem | undefined {
  if (trust.mode === 'Off') return undefined;
  const { head, commits } = candidates;
  const judged = trust.mode === 'Head' ? [head] : commits;
  for (const commit of judged) {
    const why = whyNot(trust, commit, nowMs);
    if (why !== undefined) return refusal(commit, why);
  }
  for (const path of trust.paths) {
    const problem_ = judgePath(trust, path, candidates, nowMs);
    if (problem_) return problem_;
  }
  return undefined;
}

function judgePath(
  trust: TrustSettings,
  { path, signers, threshold }: TrustPath,
  { head, commits, touching }: Candidates,
  nowMs: number,
): Problem | undefined {
  const changed = new Set(touching.get(path) ?? []);
  if (changed.size === 0) return undefined;
  const people = new Set<string>();
  for (const commit of commits.filter((one) => changed.has(one.commit))) {
    const why = whyNot(trust, commit, nowMs);
    if (why !== undefined) return refusal(commit, `it changes ${path}, and ${why}`);
    const { signer } = commit.signedBy!;
    if (!signers.includes(signer)) {
      return refusal(commit, `it changes ${path}, and ${signer} is not among those who may: ${signers.join(', ')}`);
    }
    people.add(signer);
  }
  const onHead = whyNot(trust, head, nowMs) === undefined ? head.signedBy!.signer : undefined;
  if (onHead !== undefined && signers.includes(onHead)) people.add(onHead);
  if (people.size >= threshold) return undefined;
  const who = [...people].sort().join(', ') || 'nobody';
  return refusal(head, `what changes ${path} is signed by ${who}; it takes ${threshold} of ${signers.join(', ')}`);
}

function whyNot(trust: TrustSettings, { timeMs, signedBy }: NewCommit, nowMs: number): string | undefined {
  if (!signedBy) return 'it has no signature by anybody who is listed';
  const { signer: name, fingerprint } = signedBy;
  if (trust.revoked.some((revoked) => revoked.toLowerCase() === fingerprint.toLowerCase())) {
    return `the key of ${name} (${fingerprint}) is revoked`;
  }
  const signer = trust.signers.find((one) => one.name === name);
  if (!signer) return 'it has no signature by anybody who is listed';
  if (signer.validAfterMs !== undefined && timeMs < signer.validAfterMs) {
    return `it is dated ${iso(timeMs)}, before the key of ${name} is valid`;
  }
  if (signer.validBeforeMs !== undefined && nowMs >= signer.validBeforeMs) {
    return `the key of ${name} ended at ${iso(signer.validBeforeMs)}`;
  }
  if (trust.maxAgeMs !== undefined && Math.abs(nowMs - timeMs) > trust.maxAgeMs) {
    return `it is dated ${iso(timeMs)}, more than ${formatDuration(trust.maxAgeMs)} from now`;
  }
  return undefined;
}

function refusal({ commit }: NewCommit, why: string): Problem {
  return problem('HW6012', `commit ${short(commit)} is not trusted: ${why}`);
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
