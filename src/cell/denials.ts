/** The member's position in the assignment, what its guest called, and how often since it was told last. */
export type TellMemberDenied = (
  member: number,
  interfaceName: string,
  functionName: string,
  reason: string,
  count: number,
) => void;

const INTERVAL_MS = 1000;
/** Interfaces and functions are of our own table, so this is never reached by a guest that the bindings accepted. */
const MAX_KINDS = 512;

interface Kind {
  toldMs: number;
  /** Since then. */
  count: number;
}

/** At most one `Denied` a second for each member's function; the next one says how many there were. */
export function limitDenials(tell: TellMemberDenied): (...denial: [number, string, string, string]) => void {
  const kinds = new Map<string, Kind>();
  return (member, interfaceName, functionName, reason) => {
    const name = `${member} ${interfaceName}#${functionName}`;
    const nowMs = performance.now();
    let kind = kinds.get(name);
    if (kind === undefined) {
      if (kinds.size >= MAX_KINDS) return;
      kind = { toldMs: Number.NEGATIVE_INFINITY, count: 0 };
      kinds.set(name, kind);
    }
    kind.count += 1;
    if (nowMs - kind.toldMs < INTERVAL_MS) return;
    tell(member, interfaceName, functionName, reason, kind.count);
    kind.toldMs = nowMs;
    kind.count = 0;
  };
}
