import { existsSync, readFileSync } from 'node:fs';

/** Bits of linux/capability.h. Root in a container often has some of them only, so none is taken for granted. */
const CAP_KILL = 5;
const CAP_SETGID = 6;
const CAP_SETUID = 7;
const CAP_SYS_NICE = 23;

export interface Capabilities {
  /** Start processes under other uids, and end them again. */
  readonly ownUids: boolean;
  /** Take back a low priority, of processes of other uids too. */
  readonly priorities: boolean;
}

/** None of them where the machine is not Linux. */
export function readCapabilities(): Capabilities {
  if (!existsSync('/proc/self/status')) return { ownUids: false, priorities: false };
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const has = (bit: number): boolean => ((effective >> BigInt(bit)) & 1n) === 1n;
  return { ownUids: has(CAP_KILL) && has(CAP_SETGID) && has(CAP_SETUID), priorities: has(CAP_SYS_NICE) };
}
