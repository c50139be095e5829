import type { TellDenied } from './wasi/denied.ts';

const INTERVAL_MS = 1000;
/** Interfaces and functions are of our own table, so this is never reached by a guest that the bindings accepted. */
const MAX_KINDS = 512;

/** At most one `Denied` a second for each function. */
export function limitDenials(tell: TellDenied): TellDenied {
  const lastMs = new Map<string, number>();
  return (interfaceName, functionName, reason) => {
    const kind = `${interfaceName}#${functionName}`;
    const nowMs = performance.now();
    const last = lastMs.get(kind);
    if (last === undefined ? lastMs.size >= MAX_KINDS : nowMs - last < INTERVAL_MS) return;
    lastMs.set(kind, nowMs);
    tell(interfaceName, functionName, reason);
  };
}
