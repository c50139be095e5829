import { describe, expect, it } from 'vitest';
import { DENIED_CALLS, filterArchitecture, seccompFilter } from '../../src/host/spawner/seccomp.ts';

const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const PRLIMIT64 = { x64: 302, arm64: 261 } as const;
const CLONE = { x64: 56, arm64: 220 } as const;
/** What pthread_create passes: CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | … */
const THREAD_FLAGS = 0x003d0f00;
/** What fork passes: SIGCHLD and two conveniences. */
const FORK_FLAGS = 0x01200011;

/** What the kernel would say: an interpreter of the six instructions that the filter uses. */
function verdict(
  filter: Buffer,
  data: { audit: number; call: number; firstArgument?: number; thirdArgument?: readonly [low: number, high: number] },
): number {
  const words = new Map([
    [0, data.call],
    [4, data.audit],
    [16, data.firstArgument ?? 0],
    [32, data.thirdArgument?.[0] ?? 0],
    [36, data.thirdArgument?.[1] ?? 0],
  ]);
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const code = filter.readUInt16LE(at * 8);
    const ifTrue = filter[at * 8 + 2]!;
    const ifFalse = filter[at * 8 + 3]!;
    const operand = filter.readUInt32LE(at * 8 + 4);
    if (code === 0x06) return operand;
    if (code === 0x20) accumulator = words.get(operand)!;
    else if (code === 0x15) at += accumulator === operand ? ifTrue : ifFalse;
    else if (code === 0x35) at += accumulator >= operand ? ifTrue : ifFalse;
    else if (code === 0x45) at += (accumulator & operand) !== 0 ? ifTrue : ifFalse;
    else throw new Error(`instruction ${code}`);
  }
  throw new Error('the program has no end');
}

describe.each(['x64', 'arm64'] as const)('the filter for %s', (architecture) => {
  const filter = seccompFilter(architecture);
  const audit = AUDIT[architecture];
  const denied = DENIED_CALLS.flatMap((call) => call[architecture] ?? []);

  it('denies what the table names and nothing else', () => {
    const refused = Array.from({ length: 600 }, (_, call) => call).filter(
      (call) => verdict(filter, { audit, call, firstArgument: THREAD_FLAGS }) === EPERM,
    );
    expect(refused).toEqual([...denied].sort((a, b) => a - b));
  });

  it('lets threads start, and processes not', () => {
    const call = CLONE[architecture];
    expect(verdict(filter, { audit, call, firstArgument: THREAD_FLAGS })).toBe(ALLOW);
    expect(verdict(filter, { audit, call, firstArgument: FORK_FLAGS })).toBe(EPERM);
    expect(verdict(filter, { audit, call: 435, firstArgument: 0 })).toBe(ENOSYS);
  });

  it('lets a process ask for its limits, and set none', () => {
    const call = PRLIMIT64[architecture];
    expect(verdict(filter, { audit, call, thirdArgument: [0, 0] })).toBe(ALLOW);
    expect(verdict(filter, { audit, call, thirdArgument: [0x1000, 0] })).toBe(EPERM);
    expect(verdict(filter, { audit, call, thirdArgument: [0, 0x7fff] })).toBe(EPERM);
  });

  it('kills what calls as another machine', () => {
    const other = architecture === 'x64' ? AUDIT.arm64 : AUDIT.x64;
    expect(verdict(filter, { audit: other, call: 1 })).toBe(KILL);
    const x32 = verdict(filter, { audit, call: 0x40000001 });
    expect(x32).toBe(architecture === 'x64' ? KILL : ALLOW);
  });

  it('names each call once', () => {
    expect(new Set(denied).size).toBe(denied.length);
  });
});

it('is there for the machines that we have numbers of', () => {
  expect(['x64', 'arm64', 'riscv64', 'ia32'].map(filterArchitecture)).toEqual(['x64', 'arm64', undefined, undefined]);
});
