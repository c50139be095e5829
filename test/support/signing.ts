/** Real keys and commits that are signed with them, by the tools that people use. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Signer } from '../../src/model/trust.ts';
import type { Changes, Repository } from './repository.ts';

const run = promisify(execFile);

export interface Key {
  readonly signer: Signer;
  readonly fingerprint: string;
  /** Flags of git that sign with it. */
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export async function sshKey(folder: string, name: string, type = 'ed25519'): Promise<Key> {
  const file = path.join(folder, `${name}-${type}`);
  await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', `${name} namespaces="x"`, '-f', file]);
  const [kind, key] = (await readFile(`${file}.pub`, 'utf8')).split(' ');
  const listed = (await run('ssh-keygen', ['-l', '-f', `${file}.pub`])).stdout;
  return {
    signer: { name, type: 'ssh', key: `${kind} ${key}` },
    fingerprint: /SHA256:\S+/.exec(listed)![0],
    flags: ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${file}`],
    environment: {},
  };
}

export async function openPgpKey(folder: string, name: string, passphrase = ''): Promise<Key> {
  // The agent's socket lies in it, and such paths must be short.
  const home = path.join(folder, `g-${name}`);
  await mkdir(home, { mode: 0o700 });
  const gpg = async (...args: readonly string[]) =>
    (
      await run('gpg', [
        '--batch',
        '--homedir',
        home,
        '--pinentry-mode',
        'loopback',
        '--passphrase',
        passphrase,
        ...args,
      ])
    ).stdout;
  await gpg('--quick-generate-key', `${name} <${name}@example.com>`, 'ed25519', 'sign', 'never');
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(await gpg('--with-colons', '--list-keys'))![1]!;
  return {
    signer: { name, type: 'openpgp', key: await gpg('--armor', '--export', fingerprint) },
    fingerprint,
    flags: ['-c', 'gpg.format=openpgp', '-c', `user.signingKey=${fingerprint}`],
    environment: { GNUPGHOME: home },
  };
}

/** As an administrator hands an OpenPGP key to the daemon: a file with the secret key. */
export async function exportedSecret(
  file: string,
  { fingerprint, environment }: Key,
  passphrase = '',
): Promise<string> {
  const gpg = async (...args: readonly string[]) =>
    (
      await run('gpg', ['--batch', '--pinentry-mode', 'loopback', '--passphrase', passphrase, ...args], {
        env: { ...process.env, ...environment },
      })
    ).stdout;
  await writeFile(file, await gpg('--armor', '--export-secret-keys', fingerprint), { mode: 0o600 });
  return file;
}

/** Ends the agent that gpg started for a key: it outlives who asked for it. */
export async function endAgent({ environment }: Key): Promise<void> {
  if (environment['GNUPGHOME'])
    await run('gpgconf', ['--kill', 'gpg-agent'], { env: { ...process.env, ...environment } });
}

/** The changes as a signed commit, not pushed; `date` as git takes it. */
export async function signedCommit(
  repository: Repository,
  message: string,
  changes: Changes,
  key: Key,
  date?: string,
): Promise<string> {
  await repository.commit(message, changes);
  return sign(repository, key, date);
}

/** Signs the commit at HEAD. */
export async function sign(repository: Repository, key: Key, date?: string): Promise<string> {
  const dated = date === undefined ? {} : { GIT_COMMITTER_DATE: date };
  await run(
    'git',
    ['-C', repository.work, ...key.flags, 'commit', '-q', '--amend', '--no-edit', '--allow-empty', '-S'],
    {
      env: {
        ...process.env,
        ...key.environment,
        ...dated,
        GIT_COMMITTER_NAME: 'Test Author',
        GIT_COMMITTER_EMAIL: 'author@example.com',
        GIT_CONFIG_GLOBAL: '/dev/null',
      },
    },
  );
  return repository.head();
}
