/**
 * The system call filter of a Strict cell, as classic BPF for bubblewrap's `--seccomp`.
 *
 * A deny list, because what Node, V8 and libc call differs from release to release and a cell that dies of an upgrade is
 * worth nothing. It is the inner wall: mounts, network, pids and capabilities are already gone when it is loaded. `kill`
 * and `execve` are not in it: the pid namespace holds nobody else, and bubblewrap itself executes Node after loading the
 * filter, where nothing but that binary can be reached and its children are denied below.
 *
 * Numbers are those of the kernel's headers (asm/unistd_64.h, asm-generic/unistd.h). `undefined`: that machine never had
 * the call.
 */

export type FilterArchitecture = 'x64' | 'arm64';

interface Denied {
  readonly name: string;
  readonly x64?: number;
  readonly arm64?: number;
}

const NETWORK: readonly Denied[] = [
  { name: 'socket', x64: 41, arm64: 198 },
  { name: 'connect', x64: 42, arm64: 203 },
  { name: 'accept', x64: 43, arm64: 202 },
  { name: 'bind', x64: 49, arm64: 200 },
  { name: 'listen', x64: 50, arm64: 201 },
  { name: 'socketpair', x64: 53, arm64: 199 },
  { name: 'accept4', x64: 288, arm64: 242 },
  { name: 'recvmmsg', x64: 299, arm64: 243 },
  { name: 'sendmmsg', x64: 307, arm64: 269 },
];

const PROCESSES: readonly Denied[] = [
  { name: 'fork', x64: 57 },
  { name: 'vfork', x64: 58 },
  { name: 'execveat', x64: 322, arm64: 281 },
  { name: 'ptrace', x64: 101, arm64: 117 },
  { name: 'process_vm_readv', x64: 310, arm64: 270 },
  { name: 'process_vm_writev', x64: 311, arm64: 271 },
  { name: 'kcmp', x64: 312, arm64: 272 },
  { name: 'pidfd_open', x64: 434, arm64: 434 },
  { name: 'pidfd_getfd', x64: 438, arm64: 438 },
  { name: 'pidfd_send_signal', x64: 424, arm64: 424 },
  { name: 'process_madvise', x64: 440, arm64: 440 },
  { name: 'process_mrelease', x64: 448, arm64: 448 },
  { name: 'personality', x64: 135, arm64: 92 },
  // Its limits are the spawner's to set. The newer call is below, because it also asks.
  { name: 'setrlimit', x64: 160, arm64: 164 },
];

const NAMESPACES_AND_MOUNTS: readonly Denied[] = [
  { name: 'unshare', x64: 272, arm64: 97 },
  { name: 'setns', x64: 308, arm64: 268 },
  { name: 'mount', x64: 165, arm64: 40 },
  { name: 'umount2', x64: 166, arm64: 39 },
  { name: 'pivot_root', x64: 155, arm64: 41 },
  { name: 'chroot', x64: 161, arm64: 51 },
  { name: 'open_tree', x64: 428, arm64: 428 },
  { name: 'move_mount', x64: 429, arm64: 429 },
  { name: 'fsopen', x64: 430, arm64: 430 },
  { name: 'fsconfig', x64: 431, arm64: 431 },
  { name: 'fsmount', x64: 432, arm64: 432 },
  { name: 'fspick', x64: 433, arm64: 433 },
  { name: 'mount_setattr', x64: 442, arm64: 442 },
  { name: 'name_to_handle_at', x64: 303, arm64: 264 },
  { name: 'open_by_handle_at', x64: 304, arm64: 265 },
  { name: 'mknod', x64: 133 },
  { name: 'mknodat', x64: 259, arm64: 33 },
];

/** Large, young or privileged corners of the kernel that a cell has no business in. */
const KERNEL_SURFACE: readonly Denied[] = [
  { name: 'io_uring_setup', x64: 425, arm64: 425 },
  { name: 'io_uring_enter', x64: 426, arm64: 426 },
  { name: 'io_uring_register', x64: 427, arm64: 427 },
  { name: 'bpf', x64: 321, arm64: 280 },
  { name: 'perf_event_open', x64: 298, arm64: 241 },
  { name: 'userfaultfd', x64: 323, arm64: 282 },
  { name: 'keyctl', x64: 250, arm64: 219 },
  { name: 'add_key', x64: 248, arm64: 217 },
  { name: 'request_key', x64: 249, arm64: 218 },
  { name: 'init_module', x64: 175, arm64: 105 },
  { name: 'finit_module', x64: 313, arm64: 273 },
  { name: 'delete_module', x64: 176, arm64: 106 },
  { name: 'kexec_load', x64: 246, arm64: 104 },
  { name: 'kexec_file_load', x64: 320, arm64: 294 },
  { name: 'reboot', x64: 169, arm64: 142 },
  { name: 'swapon', x64: 167, arm64: 224 },
  { name: 'swapoff', x64: 168, arm64: 225 },
  { name: 'acct', x64: 163, arm64: 89 },
  { name: 'syslog', x64: 103, arm64: 116 },
  { name: 'quotactl', x64: 179, arm64: 60 },
  { name: 'quotactl_fd', x64: 443, arm64: 443 },
  { name: 'settimeofday', x64: 164, arm64: 170 },
  { name: 'clock_settime', x64: 227, arm64: 112 },
  { name: 'clock_adjtime', x64: 305, arm64: 266 },
  { name: 'adjtimex', x64: 159, arm64: 171 },
  { name: 'sethostname', x64: 170, arm64: 161 },
  { name: 'setdomainname', x64: 171, arm64: 162 },
  { name: 'iopl', x64: 172 },
  { name: 'ioperm', x64: 173 },
  { name: 'modify_ldt', x64: 154 },
  { name: 'vhangup', x64: 153, arm64: 58 },
  { name: 'fanotify_init', x64: 300, arm64: 262 },
  { name: 'inotify_init', x64: 253 },
  { name: 'inotify_init1', x64: 294, arm64: 26 },
  { name: 'move_pages', x64: 279, arm64: 239 },
  { name: 'migrate_pages', x64: 256, arm64: 238 },
  { name: 'shmget', x64: 29, arm64: 194 },
  { name: 'msgget', x64: 68, arm64: 186 },
  { name: 'semget', x64: 64, arm64: 190 },
  { name: 'mq_open', x64: 240, arm64: 180 },
];

export const DENIED_CALLS: readonly Denied[] = [...NETWORK, ...PROCESSES, ...NAMESPACES_AND_MOUNTS, ...KERNEL_SURFACE];

/** `AUDIT_ARCH_*` of linux/audit.h and what differs by machine. */
const MACHINES = {
  x64: { audit: 0xc000003e, clone: 56, clone3: 435, prlimit64: 302, hasX32: true },
  arm64: { audit: 0xc00000b7, clone: 220, clone3: 435, prlimit64: 261, hasX32: false },
} as const;

/** A call with this bit set comes through the x32 door and has numbers of its own. */
const X32_BIT = 0x40000000;
/** `CLONE_THREAD` of linux/sched.h: with it a clone is a thread of the cell, without it a process. */
const CLONE_THREAD = 0x00010000;

const EPERM = 1;
const ENOSYS = 38;
const RET_KILL_PROCESS = 0x80000000;
const RET_ALLOW = 0x7fff0000;
const retErrno = (errno: number): number => 0x00050000 | errno;

/** Offsets in `struct seccomp_data` of linux/seccomp.h; both machines are little-endian. */
const OFFSET_NUMBER = 0;
const OFFSET_ARCHITECTURE = 4;
const OFFSET_FIRST_ARGUMENT_LOW = 16;
const OFFSET_THIRD_ARGUMENT_LOW = 32;
const OFFSET_THIRD_ARGUMENT_HIGH = 36;

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

  bytes(): Buffer {
    return Buffer.concat(this.#instructions);
  }
}

/**
 * The filter for one machine. `prlimit64` may ask for a limit (a pointer of 0 to a new one) and set none. `clone3` answers ENOSYS,
 * so that libc falls back to `clone`, whose flags BPF can read.
 */
export function seccompFilter(architecture: FilterArchitecture): Buffer {
  const machine = MACHINES[architecture];
  const program = new Program()
    .add(LOAD, 0, 0, OFFSET_ARCHITECTURE)
    .add(JUMP_IF_EQUAL, 1, 0, machine.audit)
    .add(RETURN, 0, 0, RET_KILL_PROCESS)
    .add(LOAD, 0, 0, OFFSET_NUMBER);
  if (machine.hasX32) program.add(JUMP_IF_AT_LEAST, 0, 1, X32_BIT).add(RETURN, 0, 0, RET_KILL_PROCESS);
  for (const call of DENIED_CALLS) {
    const number = call[architecture];
    if (number !== undefined) program.add(JUMP_IF_EQUAL, 0, 1, number).add(RETURN, 0, 0, retErrno(EPERM));
  }
  return program
    .add(JUMP_IF_EQUAL, 0, 6, machine.prlimit64)
    .add(LOAD, 0, 0, OFFSET_THIRD_ARGUMENT_LOW)
    .add(JUMP_IF_EQUAL, 0, 2, 0)
    .add(LOAD, 0, 0, OFFSET_THIRD_ARGUMENT_HIGH)
    .add(JUMP_IF_EQUAL, 1, 0, 0)
    .add(RETURN, 0, 0, retErrno(EPERM))
    .add(RETURN, 0, 0, RET_ALLOW)
    .add(JUMP_IF_EQUAL, 0, 1, machine.clone3)
    .add(RETURN, 0, 0, retErrno(ENOSYS))
    .add(JUMP_IF_EQUAL, 0, 3, machine.clone)
    .add(LOAD, 0, 0, OFFSET_FIRST_ARGUMENT_LOW)
    .add(JUMP_IF_BIT, 1, 0, CLONE_THREAD)
    .add(RETURN, 0, 0, retErrno(EPERM))
    .add(RETURN, 0, 0, RET_ALLOW)
    .bytes();
}

export function filterArchitecture(architecture: string): FilterArchitecture | undefined {
  return architecture === 'x64' || architecture === 'arm64' ? architecture : undefined;
}
