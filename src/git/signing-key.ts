/**
 * The key that commits of ours are signed with: a file that holds a private SSH key, or an exported OpenPGP secret key
 * (`gpg --armor --export-secret-keys`), each without a passphrase. Which of the two is read from the file.
 */
import { open, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Environment } from './environment.ts';
import { importedKeys, runGpg } from './gpg.ts';

const MAX_KEY_BYTES = 256 * 1024;
const OPENPGP = /^-----BEGIN PGP PRIVATE KEY BLOCK-----/m;

/** What `git commit-tree -S` has to be given, for one run of `use`; nothing of the key is left after it. */
export async function withSigningKey<T>(
  file: string,
  use: (environment: Environment) => Promise<T>,
): Promise<Result<T, Problem>> {
  const text = await read(file);
  if (!text.ok) return text;
  if (!OPENPGP.test(text.value)) return ok(await use(settings('ssh', file)));
  const home = await mkdtemp(path.join(tmpdir(), 'hwg-'));
  try {
    // A key with a passphrase fails at once, instead of waiting for somebody to type it.
    await writeFile(path.join(home, 'gpg-agent.conf'), 'pinentry-program /bin/false\n');
    const fingerprint = await importSecret(file, text.value, home);
    if (!fingerprint.ok) return fingerprint;
    return ok(await use({ ...settings('openpgp', fingerprint.value), GNUPGHOME: home }));
  } finally {
    // The agent that gpg has started outlives it.
    await runGpg(['--kill', 'gpg-agent'], home, '', 'gpgconf');
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function read(file: string): Promise<Result<string, Problem>> {
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_KEY_BYTES + 1));
    if (bytesRead <= MAX_KEY_BYTES) return ok(buffer.toString('latin1', 0, bytesRead));
    return err(problem('HW5086', `the signing key ${file} has more than ${MAX_KEY_BYTES} bytes`));
  } catch (error) {
    return err(problem('HW5086', `the signing key ${file} cannot be read: ${(error as Error).message}`));
  }
}

async function importSecret(file: string, text: string, home: string): Promise<Result<string, Problem>> {
  const { code, out, error } = await runGpg(['--batch', '--status-fd', '1', '--import'], home, text);
  if (error !== undefined) return err(problem('HW5086', `gpg could not be run for the signing key ${file}: ${error}`));
  const [fingerprint, ...others] = importedKeys(out);
  if (code === 0 && fingerprint !== undefined && others.length === 0) return ok(fingerprint);
  return err(problem('HW5086', `the signing key ${file} is not one OpenPGP secret key`));
}

function settings(format: 'ssh' | 'openpgp', key: string): Environment {
  return {
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'gpg.format',
    GIT_CONFIG_VALUE_0: format,
    GIT_CONFIG_KEY_1: 'user.signingKey',
    GIT_CONFIG_VALUE_1: key,
  };
}
