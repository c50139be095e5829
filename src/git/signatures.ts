/**
 * Who signed which commit, by git with ssh-keygen and gpg behind it.
 *
 * 1. The exit code of `verify-commit` decides, never what it prints: it prints "Good" for keys that nobody listed.
 * 2. The tools see the listed keys and no others: a file of signers and a key ring of their own, made for this look and
 *    removed after it. Nothing of the user who runs the daemon, no agent, no key server.
 * 3. When a key may sign is not theirs to judge (decide/trust.ts): they would ask the commit for its date.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { SignedBy, Signer } from '../model/trust.ts';
import type { GitCommand } from './command.ts';
import type { Environment } from './environment.ts';
import { importedKeys, runGpg } from './gpg.ts';

const VERIFY_DEADLINE_MS = 30_000;
/** Processes beside each other: each is a git with a tool of its own. */
const AT_ONCE = 4;

interface Keys {
  readonly folder: string;
  readonly environment: Environment;
  /** Names of the owners of OpenPGP keys, by the fingerprint of the primary key. */
  readonly owners: ReadonlyMap<string, string>;
}

/** The commits that one of the signers signed; those without an acceptable signature are not in it. */
export async function verifySignatures(
  command: GitCommand,
  commits: readonly string[],
  signers: readonly Signer[],
): Promise<Result<ReadonlyMap<string, SignedBy>, Problem>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'headway-keys-'));
  try {
    const keys = await layOutKeys(folder, signers);
    if (!keys.ok) return keys;
    const found = new Map<string, SignedBy>();
    for (let start = 0; start < commits.length; start += AT_ONCE) {
      const some = commits.slice(start, start + AT_ONCE);
      const verified = await Promise.all(some.map((commit) => verify(command, commit, keys.value)));
      for (const [index, one] of verified.entries()) {
        if (!one.ok) return one;
        if (one.value) found.set(some[index]!, one.value);
      }
    }
    return ok(found);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function verify(
  command: GitCommand,
  commit: string,
  { environment, owners }: Keys,
): Promise<Result<SignedBy | undefined, Problem>> {
  const ended = await command.own({
    args: ['verify-commit', '--raw', commit],
    environment,
    deadlineMs: VERIFY_DEADLINE_MS,
    onOutput: () => true,
  });
  if (ended.stop) return err(problem('HW3041', `the signature of ${commit} could not be verified: ${ended.stop}`));
  if (ended.exitCode !== 0) {
    return /^(error: )?cannot run /m.test(ended.stderr)
      ? err(
          problem('HW3041', `the signature of ${commit} could not be verified: ${ended.stderr.trim().split('\n')[0]}`),
        )
      : ok(undefined);
  }
  return ok(signedBy(ended.stderr, owners));
}

/** From the lines of a tool that has just verified a signature against our keys alone. */
function signedBy(said: string, owners: ReadonlyMap<string, string>): SignedBy | undefined {
  const ssh = /^Good "git" signature for (\S+) with \S+ key (SHA256:[A-Za-z0-9+/]+)$/m.exec(said);
  if (ssh) return { signer: ssh[1]!, fingerprint: ssh[2]! };
  const openpgp = /^\[GNUPG:\] VALIDSIG ([0-9A-F]{40,64}) .* ([0-9A-F]{40,64})$/m.exec(said);
  const primary = openpgp?.[2];
  const owner = primary === undefined ? undefined : owners.get(primary);
  return owner === undefined ? undefined : { signer: owner, fingerprint: primary! };
}

async function layOutKeys(folder: string, signers: readonly Signer[]): Promise<Result<Keys, Problem>> {
  const allowed = path.join(folder, 'allowed_signers');
  const ssh = signers.filter(({ type }) => type === 'ssh');
  await writeFile(allowed, ssh.map(({ name, key }) => `${name} namespaces="git" ${key}\n`).join(''));
  const openpgp = signers.filter(({ type }) => type === 'openpgp');
  const owners = new Map<string, string>();
  for (const signer of openpgp) {
    const imported = await importKey(folder, signer);
    if (!imported.ok) return imported;
    owners.set(imported.value, signer.name);
  }
  const settings = [
    ['gpg.ssh.allowedSignersFile', allowed],
    ['gpg.ssh.revocationFile', ''],
    ['gpg.minTrustLevel', 'undefined'],
  ] as const;
  const environment: Record<string, string> = {
    GNUPGHOME: folder,
    GIT_CONFIG_COUNT: String(settings.length),
  };
  for (const [index, [key, value]] of settings.entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return ok({ folder, environment, owners });
}

/** The fingerprint of the one primary key that the text holds. */
async function importKey(folder: string, { name, key }: Signer): Promise<Result<string, Problem>> {
  const args = ['--batch', '--no-autostart', '--status-fd', '1', '--import'];
  const { code, out, error } = await runGpg(args, folder, key);
  if (error !== undefined) return err(problem('HW3041', `gpg could not be run for the key of ${name}: ${error}`));
  const [fingerprint, ...others] = importedKeys(out);
  if (code === 0 && fingerprint !== undefined && others.length === 0) return ok(fingerprint);
  return err(problem('HW3041', `the OpenPGP key of signer ${name} is not one public key`));
}
