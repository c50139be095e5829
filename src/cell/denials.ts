/** The member's position in the assignment, and what its guest called. */
export type TellMemberDenied = (member: number, interfaceName: string, functionName: string, reason: string) => void;

const INTERVAL_MS = 1000;
/** Interfaces and functions are of our own table, so this is never reached by a guest that the bindings accepted. */
const MAX_KINDS = 512;

/** At most one `Denied` a second for each member's function. */
export function limitDenials(tell: TellMemberDenied): TellMemberDenied {
  const lastMs = new Map<string, number>();
  return (member, interfaceName, functionName, reason) => {
    const kind = `${member} ${interfaceName}#${functionName}`;
    const nowMs = performance.now();
    const last = lastMs.get(kind);
    if (last === undefined ? lastMs.size >= MAX_KINDS : nowMs - last < INTERVAL_MS) return;
    lastMs.set(kind, nowMs);
    tell(member, interfaceName, functionName, reason);
  };
}
