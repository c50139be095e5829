import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { err, ok, type Result } from '../kit/result.ts';

/** Memory, where the machine has it as a folder: then the text is never on a disk. */
const MEMORY = '/dev/shm';

/** A text through the editor of the user, in a file that nobody else can read and that is gone afterwards. */
export function editText(text: string): Result<string, string> {
  const editor = process.env['VISUAL'] ?? process.env['EDITOR'];
  if (!editor) return err('there is no editor: set EDITOR');
  const folder = mkdtempSync(path.join(existsSync(MEMORY) ? MEMORY : os.tmpdir(), 'headway-secret-'));
  const file = path.join(folder, 'value');
  try {
    writeFileSync(file, text, { mode: 0o600 });
    // As git does: the variable may hold arguments.
    const { status, error } = spawnSync('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
    if (status !== 0) return err(`the editor ended with ${error?.message ?? String(status)}; nothing was changed`);
    const edited = readFileSync(file, 'utf8');
    // Editors end the last line: where there was no line end before, there is none meant.
    return ok(text.endsWith('\n') ? edited : edited.replace(/\r?\n$/, ''));
  } finally {
    if (existsSync(file)) writeFileSync(file, Buffer.alloc(statSync(file).size));
    rmSync(folder, { recursive: true, force: true });
  }
}
