/**
 * Uses and denials on their way to the audit: the first of a kind at once, its repetitions counted together.
 *
 * Invariants
 * R1 Nothing is lost by counting: what `drain` gives over time adds up to what was noted, until the process is killed;
 *    then the repetitions of at most `WINDOW_MS` are.
 * R2 The cells of an entry make at most `MAX_KINDS` kinds in a window, whichever of their members does. What comes beyond them is
 *    counted as one more kind.
 */
import type { AccessOutcome, AccessRecord } from '../model/audit.ts';
import type { EntryKey } from '../model/component.ts';
import { entryOfGroup, type GroupId } from '../model/snapshot.ts';

export const WINDOW_MS = 60_000;
export const MAX_KINDS = 256;
const MAX_ASKED_CHARACTERS = 256;

/** Who did it, and for whom. */
export interface Actor {
  readonly component: EntryKey;
  readonly group: GroupId;
  readonly release?: string | undefined;
  readonly commit?: string | undefined;
}

/** A kind that was noted before: counting one more of it costs no look-up, while it is not forgotten. */
export interface Counted {
  readonly record: Omit<AccessRecord, 'count' | 'atWallMs'>;
  atWallMs: number;
  count: number;
  forgotten: boolean;
}

export class Records {
  readonly #onFirst: () => void;
  readonly #kinds = new Map<string, Counted>();
  readonly #perEntry = new Map<string, number>();
  readonly #ready: AccessRecord[] = [];
  #windowEndsAtWallMs = Number.POSITIVE_INFINITY;

  /** @param onFirst something should leave at once. */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  note(
    actor: Actor,
    capability: string,
    use: { readonly outcome: AccessOutcome; readonly grant: string; readonly why: string },
    asked: string,
    wallMs: number,
    needs?: AccessRecord['needs'],
  ): Counted {
    const kind = `${actor.group}\n${actor.component}\n${actor.release ?? ''}\n${capability}\n${use.grant}\n${use.outcome}\n${asked}\n${use.why}`;
    const known = this.#kinds.get(kind);
    if (known) {
      this.again(known, wallMs);
      return known;
    }
    // Whose the cell is, as the engine says it: not the member that the cell names.
    const entry = entryOfGroup(actor.group);
    const kinds = this.#perEntry.get(entry) ?? 0;
    if (kinds >= MAX_KINDS && asked !== OTHERS) {
      return this.note(actor, capability, { ...use, grant: '', why: '' }, OTHERS, wallMs);
    }
    this.#perEntry.set(entry, kinds + 1);
    const { component, group, release, commit } = actor;
    const { outcome, grant, why } = use;
    const record = {
      component,
      group,
      release,
      commit,
      capability,
      grant,
      outcome,
      asked: asked.slice(0, MAX_ASKED_CHARACTERS),
      ...(needs ? { needs } : {}),
      why,
    };
    const counted = { record, atWallMs: wallMs, count: 0, forgotten: false };
    this.#kinds.set(kind, counted);
    this.#ready.push({ ...record, atWallMs: wallMs, count: 1 });
    this.#onFirst();
    return counted;
  }

  /** One more of a kind that is not forgotten. */
  again(counted: Counted, wallMs: number): void {
    if (counted.count === 0) counted.atWallMs = wallMs;
    counted.count += 1;
  }

  /** What is to leave now: first uses, and the counts of a window that has ended (or of all, at the end). */
  drain(wallMs: number, all = false): readonly AccessRecord[] {
    const records = this.#ready.splice(0);
    // From the first look on; and a wall clock that was set back does not make a window longer.
    this.#windowEndsAtWallMs = Math.min(this.#windowEndsAtWallMs, wallMs + WINDOW_MS);
    if (!all && wallMs < this.#windowEndsAtWallMs) return records;
    this.#windowEndsAtWallMs = wallMs + WINDOW_MS;
    for (const [kind, counted] of this.#kinds) {
      const { record, atWallMs, count } = counted;
      // A kind that was not seen for a whole window is a first use the next time.
      if (count === 0) {
        counted.forgotten = true;
        this.#forget(kind, entryOfGroup(record.group));
      } else records.push({ ...record, atWallMs, count });
      counted.count = 0;
    }
    return records;
  }

  #forget(kind: string, entry: string): void {
    this.#kinds.delete(kind);
    const kinds = this.#perEntry.get(entry)! - 1;
    if (kinds === 0) this.#perEntry.delete(entry);
    else this.#perEntry.set(entry, kinds);
  }
}

/** Whether it counts for the same component, which cells of several members name by themselves. */
export function countsFor(counted: Counted | undefined, { component }: Actor): counted is Counted {
  return counted !== undefined && !counted.forgotten && counted.record.component === component;
}

const OTHERS = '(more kinds than are told apart)';
