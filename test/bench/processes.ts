/** What Linux tells about running processes: processor time, memory, who started whom. */
import { readdirSync, readFileSync } from 'node:fs';

/** `USER_HZ`, which is 100 on every Linux that Node runs on. */
const TICK_US = 10_000;
const STAT_PARENT = 1;
const STAT_USER_TICKS = 11;
const STAT_SYSTEM_TICKS = 12;

/** User and system time so far, in microseconds. @throws where the process is gone. */
export function processorUs(pid: number): number {
  const stat = statOf(pid);
  return (Number(stat[STAT_USER_TICKS]) + Number(stat[STAT_SYSTEM_TICKS])) * TICK_US;
}

/** Resident memory, in bytes. @throws where the process is gone. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** Proportional memory (PSS), in MB: what several processes share counts for each by its part. @throws where it is gone. */
export function proportionalMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return (Number(/^Pss:\s*(\d+) kB/m.exec(text)?.[1]) * 1024) / 1e6;
}

/** It and all that came of it. */
export function familyOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(statOf(Number(name))[STAT_PARENT]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // Gone between the list and the look.
    }
  }
  const family = [pid];
  for (const one of family) family.push(...(children.get(one) ?? []));
  return family;
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** The fields of its `stat` behind the name, which may itself have blanks: the first is the state. */
function statOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
