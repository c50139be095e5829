import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ALLOWED_BY_ARGUMENT,
  ALLOWED_CALLS,
  filterArchitecture,
  seccompFilter,
} from '../../src/host/spawner/seccomp.ts';

const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const ENOSYS = 0x00050026;
const PRLIMIT64 = { x64: 302, arm64: 261 } as const;
const CLONE = { x64: 56, arm64: 220 } as const;
/** What pthread_create passes: CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | … */
const THREAD_FLAGS = 0x003d0f00;
/** What fork passes: SIGCHLD and two conveniences. */
const FORK_FLAGS = 0x01200011;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACES = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];

interface Data {
  readonly audit: number;
  readonly call: number;
  /** Low and high half of each of the first arguments. */
  readonly arguments?: readonly (readonly [low: number, high: number])[];
}

/** What the kernel would say: an interpreter of the instructions that the filter uses. */
function verdict(filter: Buffer, { audit, call, arguments: given = [] }: Data): number {
  const words = new Map([
    [0, call],
    [4, audit],
  ]);
  for (let index = 0; index < 6; index++) {
    const [low, high] = given[index] ?? [0, 0];
    words.set(16 + 8 * index, low).set(20 + 8 * index, high);
  }
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
  const allowed = ALLOWED_CALLS.flatMap((call) => call[architecture] ?? []);
  const answer = (call: number, ...given: (readonly [low: number, high: number])[]): number =>
    verdict(filter, { audit, call, arguments: given });

  it('lets through what the table names, whatever its arguments, and of the others nothing with arguments like these', () => {
    const through = (given: readonly [low: number, high: number]): readonly number[] =>
      Array.from({ length: 600 }, (_, call) => call).filter((call) => {
        const said = answer(call, given, given, given);
        expect([ALLOW, ENOSYS]).toContain(said);
        return said === ALLOW;
      });
    const sorted = [...allowed].sort((a, b) => a - b);
    expect(through([0xffffffff, 0xffffffff])).toEqual(sorted);
    // Whatever is compared with the number of a call must be a number of a call.
    for (const call of [CLONE[architecture], PRLIMIT64[architecture]]) expect(through([call, 1])).toEqual(sorted);
    expect(sorted.length).toBeLessThan(100);
  });

  it('lets threads start, and neither processes nor name spaces', () => {
    const call = CLONE[architecture];
    expect(answer(call, [THREAD_FLAGS, 0])).toBe(ALLOW);
    expect(answer(call, [FORK_FLAGS, 0])).toBe(ENOSYS);
    for (const bit of NAMESPACES) expect(answer(call, [THREAD_FLAGS | bit, 0])).toBe(ENOSYS);
    expect(answer(435, [THREAD_FLAGS, 0])).toBe(ENOSYS);
  });

  it('lets a process ask for its limits, and set none', () => {
    const call = PRLIMIT64[architecture];
    // A pid may be any number, also one that would be the flags of a thread.
    for (const pid of [0, THREAD_FLAGS]) {
      const asked = (low: number, high: number): number => answer(call, [pid, 0], [0, 0], [low, high]);
      expect(asked(0, 0)).toBe(ALLOW);
      expect(asked(0x1000, 0)).toBe(ENOSYS);
      expect(asked(CLONE[architecture], 0)).toBe(ENOSYS);
      expect(asked(0, 0x7fff)).toBe(ENOSYS);
      expect(asked(0, CLONE[architecture])).toBe(ENOSYS);
    }
  });

  it.each(ALLOWED_BY_ARGUMENT)('lets $name through for what is listed', (call) => {
    const number = call[architecture]!;
    const asked = (value: number): number => {
      const given = Array.from({ length: 3 }, (_, at) => [at === call.argument ? value : 0, 0] as const);
      return verdict(filter, { audit, call: number, arguments: given });
    };
    for (const value of call.values) expect(asked(value)).toBe(ALLOW);
    // PR_SET_SECCOMP, PR_SET_DUMPABLE, PR_SET_MM; TIOCSTI, SIOCGIFCONF.
    for (const value of [0, 22, 4, 35, 0x5412, 0x8912]) expect(asked(value)).toBe(ENOSYS);
  });

  it('kills what calls as another machine', () => {
    const other = architecture === 'x64' ? AUDIT.arm64 : AUDIT.x64;
    expect(verdict(filter, { audit: other, call: 1 })).toBe(KILL);
    expect(answer(0x40000001)).toBe(architecture === 'x64' ? KILL : ENOSYS);
  });

  it('names each call once', () => {
    expect(new Set(allowed).size).toBe(allowed.length);
  });
});

/** Of the C library's package of the kernel's headers: the generic ones are those of arm64, and are on every machine. */
const HEADERS = [
  { architecture: 'arm64', file: '/usr/include/asm-generic/unistd.h' },
  ...(process.arch === 'x64'
    ? [{ architecture: 'x64', file: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h' } as const]
    : []),
] as const;

it.each(HEADERS)("has the numbers of the kernel's headers for $architecture", ({ architecture, file }) => {
  const text = readFileSync(file, 'utf8');
  // A name of both widths is defined once by its number, and again by that name.
  const numbers = new Map(
    [...text.matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)/gm)].map(([, name, at]) => [name, at]),
  );
  for (const [, name, of] of text.matchAll(/^#define __NR_(\w+)\s+__NR3264_(\w+)/gm))
    numbers.set(name, numbers.get(of));
  const others = [
    { name: 'clone', ...CLONE },
    { name: 'prlimit64', ...PRLIMIT64 },
  ];
  const table = [...ALLOWED_CALLS, ...ALLOWED_BY_ARGUMENT, ...others];
  const ours = table.map((call) => [call.name, call[architecture]?.toString()]);
  expect(ours).toEqual(table.map(({ name }) => [name, numbers.get(name)]));
});

it('is there for the machines that we have numbers of', () => {
  expect(['x64', 'arm64', 'riscv64', 'ia32'].map(filterArchitecture)).toEqual(['x64', 'arm64', undefined, undefined]);
});
