import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');
export const PROGRAM = path.join(ROOT, 'src/headway.mjs');

export interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Flags of Node itself. */
  readonly nodeFlags?: readonly string[];
  /** Another copy of the program. */
  readonly program?: string;
}

/** Runs `headway` with these arguments to its end, as a shell would. */
export async function headway(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { child, output } = startHeadway(args, options);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, ...output() };
}

/** The same without waiting: for commands that go on until they are told to end. */
export function startHeadway(
  args: readonly string[],
  { nodeFlags = [], program = PROGRAM, ...options }: RunOptions = {},
): { readonly child: ChildProcess; output(): { readonly out: string; readonly err: string } } {
  const settings: SpawnOptions = { ...options, stdio: ['ignore', 'pipe', 'pipe'] };
  const child = spawn(process.execPath, [...nodeFlags, program, ...args], settings);
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  return { child, output: () => ({ out, err }) };
}
