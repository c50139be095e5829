/**
 * The system call filter of a Strict cell, as classic BPF for bubblewrap's `--seccomp`.
 *
 * An allow list: what Node, V8 and libc call from the first instruction of Node to the end of a cell, as it was traced while
 * cells ran, and beside each what other releases of libc and libuv call for the same (ADR 0155). To a cell everything else is a
 * call that this kernel does not have (ENOSYS), which is what libraries try another way at. It is the inner wall: mounts,
 * network, pids and capabilities are already gone when it is loaded. A Node or libc that needs more does not come up in the
 * probe of the launcher, which then says so.
 *
 * Numbers are those of the kernel's headers (asm/unistd_64.h, asm-generic/unistd.h). `undefined`: that machine never had
 * the call.
 */

export type FilterArchitecture = 'x64' | 'arm64';

interface Call {
  readonly name: string;
  readonly x64?: number;
  readonly arm64?: number;
}

const THREADS_AND_TIME: readonly Call[] = [
  { name: 'futex', x64: 202, arm64: 98 },
  { name: 'sched_yield', x64: 24, arm64: 124 },
  { name: 'set_robust_list', x64: 273, arm64: 99 },
  { name: 'rseq', x64: 334, arm64: 293 },
  { name: 'set_tid_address', x64: 218, arm64: 96 },
  { name: 'gettid', x64: 186, arm64: 178 },
  { name: 'getpid', x64: 39, arm64: 172 },
  { name: 'getppid', x64: 110, arm64: 173 },
  { name: 'tgkill', x64: 234, arm64: 131 },
  { name: 'exit', x64: 60, arm64: 93 },
  { name: 'exit_group', x64: 231, arm64: 94 },
  { name: 'sched_getaffinity', x64: 204, arm64: 123 },
  { name: 'sched_getparam', x64: 143, arm64: 121 },
  { name: 'sched_getscheduler', x64: 145, arm64: 120 },
  { name: 'getcpu', x64: 309, arm64: 168 },
  { name: 'membarrier', x64: 324, arm64: 283 },
  { name: 'clock_gettime', x64: 228, arm64: 113 },
  { name: 'clock_getres', x64: 229, arm64: 114 },
  { name: 'gettimeofday', x64: 96, arm64: 169 },
  { name: 'time', x64: 201 },
  { name: 'clock_nanosleep', x64: 230, arm64: 115 },
  { name: 'nanosleep', x64: 35, arm64: 101 },
  { name: 'restart_syscall', x64: 219, arm64: 128 },
  { name: 'arch_prctl', x64: 158 },
];

const MEMORY: readonly Call[] = [
  { name: 'mmap', x64: 9, arm64: 222 },
  { name: 'munmap', x64: 11, arm64: 215 },
  { name: 'mprotect', x64: 10, arm64: 226 },
  { name: 'madvise', x64: 28, arm64: 233 },
  { name: 'mremap', x64: 25, arm64: 216 },
  { name: 'brk', x64: 12, arm64: 214 },
  { name: 'pkey_mprotect', x64: 329, arm64: 288 },
  { name: 'pkey_alloc', x64: 330, arm64: 289 },
  { name: 'pkey_free', x64: 331, arm64: 290 },
];

/** `tgkill` is how a process aborts; `kill` and those that wait for signals are not here. */
const SIGNALS: readonly Call[] = [
  { name: 'rt_sigaction', x64: 13, arm64: 134 },
  { name: 'rt_sigprocmask', x64: 14, arm64: 135 },
  { name: 'rt_sigreturn', x64: 15, arm64: 139 },
  { name: 'sigaltstack', x64: 131, arm64: 132 },
];

/** On descriptors that are there: none of these makes a socket, or takes a descriptor from one. */
const CHANNELS: readonly Call[] = [
  { name: 'read', x64: 0, arm64: 63 },
  { name: 'write', x64: 1, arm64: 64 },
  { name: 'readv', x64: 19, arm64: 65 },
  { name: 'writev', x64: 20, arm64: 66 },
  { name: 'close', x64: 3, arm64: 57 },
  { name: 'fcntl', x64: 72, arm64: 25 },
  { name: 'shutdown', x64: 48, arm64: 210 },
  { name: 'getsockname', x64: 51, arm64: 204 },
  { name: 'getsockopt', x64: 55, arm64: 209 },
  { name: 'epoll_create1', x64: 291, arm64: 20 },
  { name: 'epoll_ctl', x64: 233, arm64: 21 },
  { name: 'epoll_wait', x64: 232 },
  { name: 'epoll_pwait', x64: 281, arm64: 22 },
  { name: 'epoll_pwait2', x64: 441, arm64: 441 },
  { name: 'poll', x64: 7 },
  { name: 'ppoll', x64: 271, arm64: 73 },
  { name: 'eventfd2', x64: 290, arm64: 19 },
  { name: 'pipe2', x64: 293, arm64: 59 },
  { name: 'dup', x64: 32, arm64: 23 },
  { name: 'dup3', x64: 292, arm64: 24 },
  { name: 'close_range', x64: 436, arm64: 436 },
];

/** To find and read the boot folder, of a root that cannot be written to. */
const FILES: readonly Call[] = [
  { name: 'openat', x64: 257, arm64: 56 },
  { name: 'open', x64: 2 },
  { name: 'statx', x64: 332, arm64: 291 },
  { name: 'newfstatat', x64: 262, arm64: 79 },
  { name: 'fstat', x64: 5, arm64: 80 },
  { name: 'stat', x64: 4 },
  { name: 'lstat', x64: 6 },
  { name: 'access', x64: 21 },
  { name: 'faccessat', x64: 269, arm64: 48 },
  { name: 'faccessat2', x64: 439, arm64: 439 },
  { name: 'readlink', x64: 89 },
  { name: 'readlinkat', x64: 267, arm64: 78 },
  { name: 'getcwd', x64: 79, arm64: 17 },
  { name: 'lseek', x64: 8, arm64: 62 },
  { name: 'pread64', x64: 17, arm64: 67 },
  { name: 'preadv', x64: 295, arm64: 69 },
  { name: 'getdents64', x64: 217, arm64: 61 },
];

/** `execve` is how bubblewrap becomes Node, after it has loaded the filter: there is no other program in that root. */
const WHO_AND_WHERE: readonly Call[] = [
  { name: 'getuid', x64: 102, arm64: 174 },
  { name: 'geteuid', x64: 107, arm64: 175 },
  { name: 'getgid', x64: 104, arm64: 176 },
  { name: 'getegid', x64: 108, arm64: 177 },
  { name: 'getresuid', x64: 118, arm64: 148 },
  { name: 'getresgid', x64: 120, arm64: 150 },
  { name: 'getgroups', x64: 115, arm64: 158 },
  { name: 'capget', x64: 125, arm64: 90 },
  { name: 'uname', x64: 63, arm64: 160 },
  { name: 'sysinfo', x64: 99, arm64: 179 },
  { name: 'getrusage', x64: 98, arm64: 165 },
  { name: 'times', x64: 100, arm64: 153 },
  { name: 'getrandom', x64: 318, arm64: 278 },
  { name: 'getrlimit', x64: 97, arm64: 163 },
  { name: 'execve', x64: 59, arm64: 221 },
];

export const ALLOWED_CALLS: readonly Call[] = [
  ...THREADS_AND_TIME,
  ...MEMORY,
  ...SIGNALS,
  ...CHANNELS,
  ...FILES,
  ...WHO_AND_WHERE,
];

interface CallByArgument extends Call {
  /** Which of its arguments is one of `values`; all of them are of 32 bits. */
  readonly argument: number;
  readonly values: readonly number[];
}

/** Calls that are many in one: allowed where an argument is one of these. */
export const ALLOWED_BY_ARGUMENT: readonly CallByArgument[] = [
  // PR_SET_NAME of threads, and PR_SET_VMA, by which libc and V8 name memory (linux/prctl.h).
  { name: 'prctl', x64: 157, arm64: 167, argument: 0, values: [15, 0x53564d41] },
  // TCGETS (what is this?), FIONREAD, FIONBIO, FIOCLEX (asm-generic/ioctls.h).
  { name: 'ioctl', x64: 16, arm64: 29, argument: 1, values: [0x5401, 0x541b, 0x5421, 0x5451] },
];

/** `AUDIT_ARCH_*` of linux/audit.h and what differs by machine. */
const MACHINES = {
  x64: { audit: 0xc000003e, clone: 56, prlimit64: 302, hasX32: true },
  arm64: { audit: 0xc00000b7, clone: 220, prlimit64: 261, hasX32: false },
} as const;

/** A call with this bit set comes through the x32 door and has numbers of its own. */
const X32_BIT = 0x40000000;
/** `CLONE_THREAD` of linux/sched.h: with it a clone is a thread of the cell, without it a process. */
const CLONE_THREAD = 0x00010000;
/** `CLONE_NEWNS` and the other six that make a name space. */
const CLONE_NAMESPACES = 0x7e020000;

const ENOSYS = 38;
const RET_KILL_PROCESS = 0x80000000;
const RET_ALLOW = 0x7fff0000;
const RET_REFUSE = 0x00050000 | ENOSYS;

/** Offsets in `struct seccomp_data` of linux/seccomp.h; both machines are little-endian. */
const OFFSET_NUMBER = 0;
const OFFSET_ARCHITECTURE = 4;
const OFFSET_THIRD_ARGUMENT_HIGH = 36;
const offsetOfArgument = (index: number): number => 16 + 8 * index;

const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const JUMP_IF_BIT = 0x45;
const RETURN = 0x06;

class Program {
  readonly #instructions: Buffer[] = [];

  add(code: number, ifTrue: number, ifFalse: number, operand: number): this {
    const instruction = Buffer.alloc(8);
    instruction.writeUInt16LE(code, 0);
    instruction[2] = ifTrue;
    instruction[3] = ifFalse;
    instruction.writeUInt32LE(operand >>> 0, 4);
    this.#instructions.push(instruction);
    return this;
  }

  /** Ends with this answer where what was loaded last is that. */
  returnIfEqual(operand: number, answer: number): this {
    return this.add(JUMP_IF_EQUAL, 0, 1, operand).add(RETURN, 0, 0, answer);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#instructions);
  }
}

/**
 * The filter for one machine. `prlimit64` may ask for a limit (a pointer of 0 to a new one) and set none. `clone` makes threads,
 * in the name spaces that are; `clone3`, whose flags BPF cannot read, is one that is not there, so that libc falls back to `clone`.
 */
export function seccompFilter(architecture: FilterArchitecture): Buffer {
  const machine = MACHINES[architecture];
  const program = new Program()
    .add(LOAD, 0, 0, OFFSET_ARCHITECTURE)
    .add(JUMP_IF_EQUAL, 1, 0, machine.audit)
    .add(RETURN, 0, 0, RET_KILL_PROCESS)
    .add(LOAD, 0, 0, OFFSET_NUMBER);
  if (machine.hasX32) program.add(JUMP_IF_AT_LEAST, 0, 1, X32_BIT).add(RETURN, 0, 0, RET_KILL_PROCESS);
  for (const call of ALLOWED_CALLS) {
    const number = call[architecture];
    if (number !== undefined) program.returnIfEqual(number, RET_ALLOW);
  }
  for (const call of ALLOWED_BY_ARGUMENT) {
    const { argument, values } = call;
    program
      .add(JUMP_IF_EQUAL, 0, 2 + 2 * values.length, call[architecture]!)
      .add(LOAD, 0, 0, offsetOfArgument(argument));
    for (const value of values) program.returnIfEqual(value, RET_ALLOW);
    program.add(RETURN, 0, 0, RET_REFUSE);
  }
  return program
    .add(JUMP_IF_EQUAL, 0, 6, machine.prlimit64)
    .add(LOAD, 0, 0, offsetOfArgument(2))
    .add(JUMP_IF_EQUAL, 0, 3, 0)
    .add(LOAD, 0, 0, OFFSET_THIRD_ARGUMENT_HIGH)
    .returnIfEqual(0, RET_ALLOW)
    .add(RETURN, 0, 0, RET_REFUSE)
    .add(JUMP_IF_EQUAL, 0, 4, machine.clone)
    .add(LOAD, 0, 0, offsetOfArgument(0))
    .add(JUMP_IF_BIT, 2, 0, CLONE_NAMESPACES)
    .add(JUMP_IF_BIT, 0, 1, CLONE_THREAD)
    .add(RETURN, 0, 0, RET_ALLOW)
    .add(RETURN, 0, 0, RET_REFUSE)
    .bytes();
}

export function filterArchitecture(architecture: string): FilterArchitecture | undefined {
  return architecture === 'x64' || architecture === 'arm64' ? architecture : undefined;
}
