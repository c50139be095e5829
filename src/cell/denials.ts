/** What a guest called and does not hold. */
export interface GuestDenial {
  /** Without its version. */
  readonly interface: string;
  /** As WIT spells it; of a resource `descriptor.open-at`. */
  readonly function: string;
  /** Of what, in the guest's words. Empty where the function says it all. */
  readonly asked: string;
  /** Position among the member's mounts, where it is about one. */
  readonly mount?: number;
  readonly reason: string;
}

export type TellDenied = (denial: GuestDenial) => void;

/** A denial as the engine is told of it. */
export interface CountedDenial extends GuestDenial {
  /** The member's position in the assignment. */
  readonly member: number;
  /** This one, and those of the function that were not told since the one before. */
  readonly count: number;
  /** Not all of them asked for the same. */
  readonly others: boolean;
}

const INTERVAL_MS = 1000;
/** Interfaces and functions are of our own table, so this is never reached by a guest that the bindings accepted. */
const MAX_KINDS = 512;

interface Kind {
  toldMs: number;
  /** Since then. */
  count: number;
  /** What the first of them asked for. */
  asked: string;
  others: boolean;
}

/**
 * At most one `Denied` a second for each member's function, whatever it is called with: the first call of a second is told, and
 * the next that is told says how many there were.
 */
export function limitDenials(tell: (denial: CountedDenial) => void): (member: number, denial: GuestDenial) => void {
  const kinds = new Map<string, Kind>();
  return (member, denial) => {
    const name = `${member} ${denial.interface}#${denial.function}`;
    const { asked } = denial;
    const nowMs = performance.now();
    let kind = kinds.get(name);
    if (kind === undefined) {
      if (kinds.size >= MAX_KINDS) return;
      kind = { toldMs: Number.NEGATIVE_INFINITY, count: 0, asked, others: false };
      kinds.set(name, kind);
    }
    if (kind.count === 0) kind.asked = asked;
    else if (kind.asked !== asked) kind.others = true;
    kind.count += 1;
    if (nowMs - kind.toldMs < INTERVAL_MS) return;
    tell({ ...denial, member, count: kind.count, others: kind.others });
    kind.toldMs = nowMs;
    kind.count = 0;
    kind.others = false;
  };
}
