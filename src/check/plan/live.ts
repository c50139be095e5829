/** `--live`: what a running daemon knows that git does not say: what it follows, and which attempts it has quarantined. */
import { ceilingsOf } from '../../decide/grants.ts';
import { revocationOf } from '../../decide/revocation.ts';
import { short } from '../../kit/digest.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired } from '../../model/desired.ts';
import type { Status } from '../../model/status.ts';
import type { PlannedEntry } from './plan.ts';

export interface LiveEntry {
  readonly serving?: string;
  readonly proven?: string;
  /** The head would be this attempt again. */
  readonly quarantined?: {
    readonly attempt: string;
    readonly commit: string;
    readonly why: string;
    /** The line that tries it again. */
    readonly write: string;
  };
}

export interface Live {
  readonly url: string;
  readonly acceptedCommit?: string;
  /** What is live is not what the plan begins with. */
  readonly differs: boolean;
  /** The Policies of the head would take from many what they used within a day: held until it is confirmed. */
  readonly revocation?: { readonly why: string; readonly release: string };
}

export function liveOf(url: string, status: Status, base: string): Live {
  const { acceptedCommit } = status.source;
  return { url, ...(acceptedCommit === undefined ? {} : { acceptedCommit }), differs: acceptedCommit !== base };
}

/** Of a daemon with several roots: what the one tells whose namespaces these entries are in. */
export function statusOfRoot(status: Status, keys: readonly EntryKey[]): Status {
  const own = new Set(keys.map((key) => key.slice(0, key.indexOf('/'))));
  const root = status.roots?.find(({ namespaces }) => namespaces.some((namespace) => own.has(namespace)));
  if (!root) return status;
  return { ...status, source: root.source, entries: status.entries.filter((entry) => entry.root === root.name) };
}

/** By the daemon's own rule, from what it has seen used; confirmed ones are none. */
export function plannedRevocation(status: Status, base: Desired, head: Desired): Pick<Live, 'revocation'> {
  const users = status.entries
    .filter(({ serving }) => serving !== undefined)
    .map(({ key, uses = [] }) => ({
      key,
      uses: uses.map(({ lastAt, ...use }) => ({ ...use, lastWallMs: Date.parse(lastAt) })),
    }));
  const limit = Math.min(base.environment.prune.maxDeletePercent, head.environment.prune.maxDeletePercent);
  const held = revocationOf(users, ceilingsOf(base.policies), ceilingsOf(head.policies), limit);
  if (!held || held.hash === head.environment.prune.confirm) return {};
  return { revocation: { why: held.why, release: held.release } };
}

/** A revert that lands on a quarantined release does not bring it back: the daemon remembers it, whatever git says. */
export function liveEntryOf(planned: PlannedEntry, status: Status, retry: number): LiveEntry | undefined {
  const entry = status.entries.find(({ key }) => key === planned.key);
  if (!entry) return undefined;
  const again = entry.quarantined.find(({ attempt }) => attempt === planned.head?.attempt);
  return {
    ...(entry.serving ? { serving: entry.serving.release } : {}),
    ...(entry.proven ? { proven: entry.proven.release } : {}),
    ...(again
      ? {
          quarantined: {
            attempt: again.attempt,
            commit: again.commit,
            why: again.why,
            write: `spec.rollout.retry: ${retry + 1}`,
          },
        }
      : {}),
  };
}

export function liveText({ url, acceptedCommit, differs, revocation }: Live): string {
  const accepted = acceptedCommit === undefined ? 'nothing yet' : short(acceptedCommit);
  const follows = differs
    ? `live at ${url} follows ${accepted}, which is not the base of this plan: what it does may differ`
    : `live at ${url}: it follows the base of this plan`;
  return revocation ? `${follows}; held: ${revocation.why}; ${revocation.release}` : follows;
}
