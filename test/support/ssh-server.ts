import { execFile, spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { answering, end, freePort } from './child-server.ts';

const run = promisify(execFile);

/** Debian's sshd on a port of its own, with its own keys, for this user and one key of hers. */
export interface SshServer {
  readonly port: number;
  /** The line of known_hosts for it. */
  readonly knownHost: string;
  /** The private key that it takes. */
  readonly identityFile: string;
  /** A private key that it does not take. */
  readonly strangerFile: string;
  /** Of a bare repository on this machine. */
  url(repository: string): string;
  /** What it has logged. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

async function makeKey(file: string, passphrase = ''): Promise<string> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', file]);
  return (await readFile(`${file}.pub`, 'utf8')).trim();
}

export { makeKey as makeSshKey };

/** @param folder new, and of this user alone */
export async function startSshServer(folder: string, port?: number): Promise<SshServer> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => path.join(folder, name);
  const chosen = port ?? (await freePort());
  const hostKey = await makeKey(at('host'));
  const allowed = await makeKey(at('identity'));
  await makeKey(at('stranger'));
  await writeFile(at('authorized_keys'), `${allowed}\n`, { mode: 0o600 });
  await writeFile(
    at('sshd_config'),
    `Port ${chosen}
ListenAddress 127.0.0.1
HostKey "${at('host')}"
PidFile "${at('sshd.pid')}"
AuthorizedKeysFile "${at('authorized_keys')}"
PasswordAuthentication yes
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin yes
UsePAM no
StrictModes no
AllowAgentForwarding yes
PrintMotd no
LogLevel VERBOSE
`,
  );
  // sshd separates privileges into a folder that Debian's service makes; here it is not a service.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', at('sshd_config'), '-E', at('log')], { stdio: 'ignore' });
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
  });
  await Promise.race([failed, answering(chosen, at('log'))]);
  const [type, key] = hostKey.split(' ');
  return {
    port: chosen,
    knownHost: `[127.0.0.1]:${chosen} ${type} ${key}`,
    identityFile: at('identity'),
    strangerFile: at('stranger'),
    url: (repository) => `ssh://${userInfo().username}@127.0.0.1:${chosen}${repository}`,
    log: () => readFile(at('log'), 'utf8'),
    stop: () => end(child),
  };
}

/** A copy that others may read, as secrets are mounted by mistake. */
export async function readableByAll(key: string): Promise<string> {
  const file = `${key}-open`;
  await copyFile(key, file);
  await chmod(file, 0o644);
  return file;
}
