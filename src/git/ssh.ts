/**
 * How git reaches a server over ssh: one fixed command line.
 *
 * 1. Nothing of the user or the machine: no configuration, no agent, no keys but the one, no known hosts but the given.
 * 2. A host key is known beforehand or there is no connection: nothing is asked, learned or trusted on first use.
 * 3. The key or nothing: no password, no keyboard, no forwarding, no helper programs.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import { isReadable } from './preflight.ts';

export interface SshAccess {
  readonly identityFile: string;
  readonly knownHosts:
    | { readonly type: 'lines'; readonly lines: readonly string[] }
    | { readonly type: 'file'; readonly path: string };
}

export interface SshLimits {
  /** TCP, and the server's first line. */
  readonly connectSeconds: number;
  /** A server that says nothing for twice this long is given up. */
  readonly aliveSeconds: number;
}

export const SSH_LIMITS: SshLimits = { connectSeconds: 10, aliveSeconds: 10 };

/** Checks the files, lays down the known hosts as `file`, and returns the command line for git. */
export async function sshCommand(
  { identityFile, knownHosts }: SshAccess,
  file: string,
  limits: SshLimits,
): Promise<Result<string, Problem>> {
  if (!(await isReadable(identityFile))) {
    return err(problem('HW3022', `the ssh key ${identityFile} cannot be read`));
  }
  if (await isLocked(identityFile)) {
    return err(problem('HW3022', `the ssh key ${identityFile} has a passphrase, and nobody is there to type it`));
  }
  const hosts = knownHosts.type === 'file' ? knownHosts.path : file;
  if (knownHosts.type === 'lines') await writeFile(file, knownHosts.lines.join('\n') + '\n', { mode: 0o600 });
  if (!(await isReadable(hosts))) return err(problem('HW3025', `the known hosts ${hosts} cannot be read`));
  const odd = [identityFile, hosts].find((path) => /["$\\]/.test(path));
  if (odd !== undefined) {
    return err(problem('HW3025', `${odd} cannot be given to ssh`, { remedy: 'use a path without ", $ and \\ in it' }));
  }
  const options: readonly (readonly [string, string])[] = [
    ['BatchMode', 'yes'],
    ['StrictHostKeyChecking', 'yes'],
    ['UserKnownHostsFile', path(hosts)],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['KnownHostsCommand', 'none'],
    ['UpdateHostKeys', 'no'],
    ['VerifyHostKeyDNS', 'no'],
    ['CanonicalizeHostname', 'no'],
    ['IdentityFile', path(identityFile)],
    ['IdentitiesOnly', 'yes'],
    ['IdentityAgent', 'none'],
    ['PreferredAuthentications', 'publickey'],
    ['PasswordAuthentication', 'no'],
    ['KbdInteractiveAuthentication', 'no'],
    ['GSSAPIAuthentication', 'no'],
    ['HostbasedAuthentication', 'no'],
    ['ForwardAgent', 'no'],
    ['ClearAllForwardings', 'yes'],
    ['PermitLocalCommand', 'no'],
    ['ProxyCommand', 'none'],
    ['ControlMaster', 'no'],
    ['ControlPath', 'none'],
    ['ConnectTimeout', String(limits.connectSeconds)],
    ['ConnectionAttempts', '1'],
    ['ServerAliveInterval', String(limits.aliveSeconds)],
    ['ServerAliveCountMax', '2'],
    ['LogLevel', 'ERROR'],
  ];
  return ok(
    ['ssh', '-F', '/dev/null', ...options.flatMap(([name, value]) => ['-o', quote(`${name}=${value}`)])].join(' '),
  );
}

const MAX_KEY_BYTES = 64 * 2 ** 10;
const OPENSSH_KEY = /-----BEGIN OPENSSH PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END/;

/** ssh itself passes over a key that it would have to ask about, and then says only that it has none. */
async function isLocked(file: string): Promise<boolean> {
  const text = (await readFile(file)).subarray(0, MAX_KEY_BYTES).toString('latin1');
  const body = OPENSSH_KEY.exec(text)?.[1];
  if (body === undefined) return text.includes('ENCRYPTED');
  // "openssh-key-v1", NUL, then the name of the cipher with its length before it.
  const bytes = Buffer.from(body, 'base64');
  return bytes.length > 19 && bytes.subarray(19, 19 + bytes.readUInt32BE(15)).toString('latin1') !== 'none';
}

/** ssh takes the value apart at spaces and replaces `%`. */
function path(text: string): string {
  return `"${text.replaceAll('%', '%%')}"`;
}

/** git hands the line to a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
