/**
 * What the kernel says to a process behind the filter of Strict: a program of a few instructions makes every call that there is,
 * each with arguments that are good for nothing, and notes the answers. Node is not in it, which would be refused less.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../src/host/spawner/sandbox.ts';
import { ALLOWED_CALLS, seccompFilter } from '../../src/host/spawner/seccomp.ts';
import { temporaryFolder } from './running.ts';

const ENOSYS = -38n;
/** Highest of this kernel's headers, with room for those of the next years. */
const CALLS = 520;
/** `uretprobe` and `uprobe` are for what the kernel itself has put into a process: anybody else ends by them, past any filter. */
const OF_THE_KERNEL: readonly number[] = [335, 336];
const LOAD_ADDRESS = 0x400000;
const HEADERS_BYTES = 64 + 56;

/** By what they would do to everything else, were they let through. */
const DANGEROUS: Readonly<Record<string, number>> = {
  ptrace: 101,
  process_vm_readv: 310,
  process_vm_writev: 311,
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  userfaultfd: 323,
  bpf: 321,
  keyctl: 250,
  add_key: 248,
  request_key: 249,
  perf_event_open: 298,
  setns: 308,
  unshare: 272,
  mount: 165,
  umount2: 166,
  move_mount: 429,
  open_tree: 428,
  open_by_handle_at: 304,
  name_to_handle_at: 303,
  kcmp: 312,
  pidfd_open: 434,
  pidfd_getfd: 438,
  memfd_create: 319,
  memfd_secret: 447,
  execveat: 322,
  clone3: 435,
  fork: 57,
  vfork: 58,
  kill: 62,
  tkill: 200,
  rt_sigqueueinfo: 129,
  socket: 41,
  socketpair: 53,
  connect: 42,
  bind: 49,
  sendmsg: 46,
  recvmsg: 47,
  seccomp: 317,
  setrlimit: 160,
  setpriority: 141,
  sched_setscheduler: 144,
  chroot: 161,
  pivot_root: 155,
  personality: 135,
  modify_ldt: 154,
  uselib: 134,
  io_setup: 206,
  vmsplice: 278,
  splice: 275,
  mbind: 237,
  chmod: 90,
  unlink: 87,
  rename: 82,
  mkdir: 83,
  symlink: 88,
  link: 86,
  mknod: 133,
  truncate: 76,
  setxattr: 188,
  inotify_init1: 294,
  fanotify_init: 300,
  shmget: 29,
  mq_open: 240,
  init_module: 175,
  kexec_load: 246,
  landlock_create_ruleset: 444,
};

/** An ELF file whose code makes each of these calls with all bits set in all arguments, and writes what came of it. */
function prober(calls: readonly number[]): Buffer {
  const int32 = (value: number): number[] => [
    value & 255,
    (value >> 8) & 255,
    (value >> 16) & 255,
    (value >> 24) & 255,
  ];
  const allBits = [255, 255, 255, 255];
  const loop = [
    [0x8b, 0x03], // mov eax, [rbx]
    ...[0x48_c7_c7, 0x48_c7_c6, 0x48_c7_c2, 0x49_c7_c2, 0x49_c7_c0, 0x49_c7_c1].map((move) => [
      move >> 16,
      (move >> 8) & 255,
      move & 255,
      ...allBits,
    ]), // mov rdi, rsi, rdx, r10, r8, r9: -1
    [0x0f, 0x05], // syscall
    [0x50], // push rax
    [0xb8, ...int32(1), 0xbf, ...int32(1), 0x48, 0x89, 0xe6, 0xba, ...int32(8), 0x0f, 0x05], // write(1, rsp, 8)
    [0x58, 0x48, 0x83, 0xc3, 0x04, 0x41, 0xff, 0xce], // pop rax; add rbx, 4; dec r14d
  ].flat();
  const end = [0xb8, ...int32(231), 0x31, 0xff, 0x0f, 0x05]; // exit_group(0)
  const back = [0x75, 256 - (loop.length + 2)]; // jnz
  const toTable = loop.length + back.length + end.length;
  const begin = [0x41, 0xbe, ...int32(calls.length), 0x48, 0x8d, 0x1d, ...int32(toTable)]; // mov r14d, count; lea rbx, table
  const code = Buffer.from([...begin, ...loop, ...back, ...end, ...calls.flatMap(int32)]);
  const file = Buffer.alloc(HEADERS_BYTES + code.length);
  const write = (at: number, ...values: readonly (readonly [bytes: number, value: number])[]): void => {
    for (const [bytes, value] of values) {
      if (bytes === 8) file.writeBigUInt64LE(BigInt(value), at);
      else file.writeUIntLE(value, at, bytes);
      at += bytes;
    }
  };
  // For x86-64, little-endian, version 1; executable; one program header behind this one.
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  write(
    16,
    [2, 2],
    [2, 62],
    [4, 1],
    [8, LOAD_ADDRESS + HEADERS_BYTES],
    [8, 64],
    [8, 0],
    [4, 0],
    [2, 64],
    [2, 56],
    [2, 1],
  );
  // All of it, readable and executable.
  write(
    64,
    [4, 1],
    [4, 5],
    [8, 0],
    [8, LOAD_ADDRESS],
    [8, LOAD_ADDRESS],
    [8, file.length],
    [8, file.length],
    [8, 4096],
  );
  file.set(code, HEADERS_BYTES);
  return file;
}

describe.runIf(process.arch === 'x64')('a process behind the filter of Strict', () => {
  let folder: string;
  let bubblewrap: string;

  beforeAll(async () => {
    folder = temporaryFolder();
    bubblewrap = (await findProgram('bwrap'))!;
    writeFileSync(path.join(folder, 'filter'), seccompFilter('x64'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What the kernel answers to each, in a sandbox like that of a cell. */
  function answers(calls: readonly number[], filtered: boolean): readonly bigint[] {
    const program = path.join(folder, 'prober');
    writeFileSync(program, prober(calls));
    chmodSync(program, 0o755);
    const filter = openSync(path.join(folder, 'filter'), 'r');
    const sandbox = ['--unshare-all', '--cap-drop', 'ALL', '--as-pid-1', '--clearenv', '--ro-bind', program, '/prober'];
    const said = execFileSync(bubblewrap, [...sandbox, ...(filtered ? ['--seccomp', '3'] : []), '/prober'], {
      stdio: ['ignore', 'pipe', 'inherit', filter],
    });
    closeSync(filter);
    expect(said.length).toBe(8 * calls.length);
    return calls.map((_, index) => said.readBigInt64LE(8 * index));
  }

  it('has no call but those of the table', () => {
    const allowed = new Set(ALLOWED_CALLS.map(({ x64 }) => x64));
    const others = Array.from({ length: CALLS }, (_, call) => call).filter(
      (call) => !allowed.has(call) && !OF_THE_KERNEL.includes(call),
    );
    const said = answers(others, true);
    expect(others.filter((_, index) => said[index] !== ENOSYS)).toEqual([]);
    expect(Object.entries(DANGEROUS).filter(([, call]) => !others.includes(call))).toEqual([]);
  });

  it('has those of the table', () => {
    const named = ['read', 'write', 'mmap', 'munmap', 'mprotect', 'openat', 'statx', 'epoll_pwait', 'getpid', 'fcntl'];
    const calls = ALLOWED_CALLS.filter(({ name }) => named.includes(name)).map(({ x64 }) => x64!);
    expect(calls.length).toBe(named.length);
    expect(answers(calls, true)).not.toContain(ENOSYS);
  });

  it('is told so by the filter: without it the same kernel has them', () => {
    const calls = ['ptrace', 'setns', 'mount', 'socket', 'kill', 'memfd_create'].map((name) => DANGEROUS[name]!);
    expect(answers(calls, false)).not.toContain(ENOSYS);
  });
});
