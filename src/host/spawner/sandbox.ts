/**
 * The command line of a cell process.
 *
 * `Strict`: bubblewrap around Node: a root with no files but Node, its libraries and the boot folder, neither /proc nor
 * /dev, own user, pid, network, ipc and host names, no capabilities, and our system call filter. `Process`: Node's
 * permission model alone, which is a seat belt, not a wall.
 *
 * `--die-with-parent` is not used on purpose: cells outlive the spawner (they end with their channel, with the engine's
 * kill, or in the sweep of the next spawner), so that its death costs no request.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';
import { err, ok, type Result } from '../../kit/result.ts';
import type { BootFolder } from './boot-folder.ts';
import { descriptorAfter } from '../../wire/slots.ts';

const execFileAsync = promisify(execFile);

/** Where a Strict cell sees its boot folder. */
const BOOT_IN_SANDBOX = '/boot';
const PROGRAM_FOLDERS = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin', '/sbin'];
/** Of V8's old space, for each cell of a process but one: its bindings and their garbage, never its memories. */
const FURTHER_HEAP_MIB = 32;
const TOOL_DEADLINE_MS = 5_000;

/**
 * All that the environment of a cell holds: constants of ours for the C library's allocator, which reads them before anything
 * else runs (ADR 0150). One arena, because V8's threads would touch one each and give nothing of it back. Blocks from 24 kB on, of
 * which compilers take hundreds, are mapped one by one and gone when they are freed; glibc's own bound would grow with what was freed.
 */
const CELL_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '24576',
  MALLOC_TRIM_THRESHOLD_: '4194304',
} as const;

/** Limits that a process gets at its start, before it is known what it will run. */
export interface ProcessLimits {
  /** V8's old space. */
  readonly heapMiB: number;
  /** Pages of 64 KiB that one memory may have. */
  readonly maxWasmPages: number;
}

export interface CellCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Of what is started, which is bubblewrap or the cell. */
  readonly env: Readonly<Record<string, string>>;
}

/** What the machine has for Strict: found once at start. */
export interface StrictTools {
  readonly bubblewrap: string;
  /** As bubblewrap names itself: `bubblewrap 0.11.0`. */
  readonly version: string;
  readonly libraries: readonly string[];
}

/**
 * Flags of every cell's Node. Not among them: `--stack-size`, because V8's own default is the tested one, and
 * `--frozen-intrinsics`, because the cell freezes what matters itself after it has loaded.
 */
function nodeFlags(bootFolder: string, limits: ProcessLimits, slots: number): readonly string[] {
  return [
    '--permission',
    `--allow-fs-read=${bootFolder}/*`,
    '--disallow-code-generation-from-strings',
    '--disable-proto=throw',
    '--no-addons',
    '--disable-sigusr1',
    // They open files that the permission model does not ask about.
    '--no-experimental-sqlite',
    '--no-experimental-webstorage',
    '--no-experimental-ffi',
    '--disable-warning=ExperimentalWarning',
    // For the cell itself, once, before anything foreign is there.
    '--expose-gc',
    // V8's middle compiler: what it has done with is given back at once, and what is called now and then is not for it (ADR 0150).
    '--no-maglev-destroy-on-background',
    '--invocation-count-for-maglev=800',
    // What a guest runs to answer its first calls is not for TurboFan: its threads would take a processor from just these (ADR 0164).
    '--wasm-tiering-budget=40000000',
    `--max-old-space-size=${limits.heapMiB + (slots - 1) * FURTHER_HEAP_MIB}`,
    `--wasm-max-mem-pages=${limits.maxWasmPages}`,
  ];
}

export function processCommand(node: string, boot: BootFolder, limits: ProcessLimits, slots = 1): CellCommand {
  const entry = `${boot.folder}/${boot.entry}`;
  const args = [...nodeFlags(boot.folder, limits, slots), entry, ...slotsArgument(slots)];
  return { file: node, args, env: CELL_ENVIRONMENT };
}

/** What src/process/cell.ts reads; an ordinary cell is told nothing. */
function slotsArgument(slots: number): readonly string[] {
  return slots === 1 ? [] : [String(slots)];
}

export function strictCommand(
  tools: StrictTools,
  node: string,
  boot: BootFolder,
  limits: ProcessLimits,
  slots = 1,
): CellCommand {
  // Two more, which are bubblewrap's own and gone before Node starts.
  const info = descriptorAfter(slots);
  const readable = [node, ...tools.libraries].flatMap((file) => ['--ro-bind', file, file]);
  return {
    file: tools.bubblewrap,
    args: [
      '--unshare-all',
      '--hostname',
      'cell',
      '--cap-drop',
      'ALL',
      '--as-pid-1',
      '--clearenv',
      ...Object.entries(CELL_ENVIRONMENT).flatMap(([name, value]) => ['--setenv', name, value]),
      ...readable,
      '--ro-bind',
      boot.folder,
      BOOT_IN_SANDBOX,
      '--remount-ro',
      '/',
      '--chdir',
      '/',
      '--info-fd',
      String(info),
      '--seccomp',
      String(info + 1),
      node,
      ...nodeFlags(BOOT_IN_SANDBOX, limits, slots),
      `${BOOT_IN_SANDBOX}/${boot.entry}`,
      ...slotsArgument(slots),
    ],
    env: {},
  };
}

export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of PROGRAM_FOLDERS) {
    const file = `${folder}/${name}`;
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  return undefined;
}

/** Finds bubblewrap and Node's libraries, or says what is missing. That it works is shown by starting a cell. */
export async function findStrictTools(node: string): Promise<Result<StrictTools, string>> {
  const bubblewrap = await findProgram('bwrap');
  if (!bubblewrap) return err('bubblewrap is not installed (Debian: apt install bubblewrap)');
  const ldd = await findProgram('ldd');
  if (!ldd) return err('ldd is not installed, so the libraries that Node needs are unknown');
  const [version, libraries] = await Promise.all([outputOf(bubblewrap, ['--version']), outputOf(ldd, [node])]);
  if (!version.ok) return err(`${bubblewrap} does not run: ${version.error}`);
  if (!libraries.ok) return err(`ldd could not read ${node}: ${libraries.error}`);
  return ok({
    bubblewrap,
    version: version.value.trim(),
    libraries: [...libraries.value.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!),
  });
}

async function outputOf(file: string, args: readonly string[]): Promise<Result<string, string>> {
  try {
    return ok((await execFileAsync(file, args, { timeout: TOOL_DEADLINE_MS, env: { LC_ALL: 'C' } })).stdout);
  } catch (error) {
    return err((error as Error).message);
  }
}
