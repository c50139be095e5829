/** `--live`: what a running daemon knows that git does not say: what it follows, and which attempts it has quarantined. */
import { short } from '../../kit/digest.ts';
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
}

export function liveOf(url: string, status: Status, base: string): Live {
  const { acceptedCommit } = status.source;
  return { url, ...(acceptedCommit === undefined ? {} : { acceptedCommit }), differs: acceptedCommit !== base };
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

export function liveText({ url, acceptedCommit, differs }: Live): string {
  if (!differs) return `live at ${url}: it follows the base of this plan`;
  const accepted = acceptedCommit === undefined ? 'nothing yet' : short(acceptedCommit);
  return `live at ${url} follows ${accepted}, which is not the base of this plan: what it does may differ`;
}
