import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';

const MAX_IDENTITY_FILE_BYTES = 64 * 1024;
const OTHERS = 0o077;
const IDENTITY = /^AGE-SECRET-KEY-(PQ-)?1[02-9AC-HJ-NP-Z]+$/;

/**
 * The identities of these files, as `age-keygen` writes them: one a line, `#` before comments. Read anew at each call, so
 * that a file that was mended or replaced is taken up. HW5103 names the file and what is wrong with it.
 */
export function readIdentities(files: readonly string[]): Result<readonly string[], Problem> {
  const identities: string[] = [];
  for (const file of files) {
    const read = readOne(file);
    if (!read.ok) return err(problem('HW5103', `the identity file ${file} ${read.error}`));
    identities.push(...read.value);
  }
  return ok(identities);
}

function readOne(file: string): Result<readonly string[], string> {
  let handle: number | undefined;
  try {
    handle = openSync(file, 'r');
    const { mode, size } = fstatSync(handle);
    if ((mode & OTHERS) !== 0) {
      return err(`may be read by others (mode ${(mode & 0o777).toString(8).padStart(4, '0')}): chmod 600 it`);
    }
    if (size > MAX_IDENTITY_FILE_BYTES) return err(`has ${size} bytes, the most is ${MAX_IDENTITY_FILE_BYTES}`);
    const lines = readFileSync(handle, 'utf8')
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    const wrong = lines.findIndex((line) => !IDENTITY.test(line));
    // Not the line itself: it may be half an identity.
    if (wrong >= 0) return err(`holds something else than identities of age (entry ${wrong + 1})`);
    return lines.length > 0 ? ok(lines) : err('holds no identity');
  } catch (error) {
    return err(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** A new identity in a new file that only its owner can read; answers the recipient. Never writes over a file. */
export async function createIdentity(file: string): Promise<Result<string, Problem>> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  try {
    writeFileSync(file, `# public key: ${recipient}\n${identity}\n`, { flag: 'wx', mode: 0o600 });
    return ok(recipient);
  } catch (error) {
    return err(problem('HW5103', `the identity file ${file} cannot be made: ${(error as NodeJS.ErrnoException).code}`));
  }
}
