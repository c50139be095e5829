/** gpg in a home of its own, made for one use: no key ring, agent or key server of the user who runs the daemon. */
import { spawn } from 'node:child_process';

const TOOL_DEADLINE_MS = 30_000;
const MAX_OUTPUT_BYTES = 64 * 1024;

export interface GpgEnded {
  readonly code: number | null;
  readonly out: string;
  /** It could not be run. */
  readonly error?: string;
}

/** @param home the folder for `GNUPGHOME`, of mode 0700; its path is short where an agent is started: it holds a socket */
export function runGpg(
  args: readonly string[],
  home: string,
  input: string | Uint8Array = '',
  tool: 'gpg' | 'gpgconf' = 'gpg',
): Promise<GpgEnded> {
  return new Promise((resolve) => {
    const environment = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', GNUPGHOME: home, HOME: home, LC_ALL: 'C' };
    const child = spawn(tool, [...args], {
      env: environment,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: TOOL_DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (out.length < MAX_OUTPUT_BYTES) out += text;
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('error', (error) => resolve({ code: null, out, error: error.message }));
    child.on('close', (code) => resolve({ code, out }));
  });
}

/** Fingerprints of the primary keys that an import took. */
export function importedKeys(out: string): readonly string[] {
  return [...new Set([...out.matchAll(/^\[GNUPG:\] IMPORT_OK \d+ ([0-9A-F]{40,64})$/gm)].map((match) => match[1]!))];
}
