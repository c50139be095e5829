import { Buffer } from 'node:buffer';

/** How to log in to an https server. A token is sent as the password of `username`, which most servers ignore. */
export type Credentials =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'token'; readonly token: string; readonly username?: string }
  | { readonly type: 'bearer'; readonly token: string };

export type Environment = { readonly [name: string]: string };

/**
 * All that git gets to see: nothing of the daemon's own environment but PATH, no configuration but the mirror's own,
 * nobody to ask for a password, no replaced objects, one language for its messages.
 */
export function gitEnvironment(mirror: string, emptyHome: string, protocol: string): Environment {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: emptyHome,
    LC_ALL: 'C',
    GIT_DIR: mirror,
    GIT_ALLOW_PROTOCOL: protocol,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_TERMINAL_PROMPT: '0',
  };
}

/** Only for what talks to the server: nothing else has to know how. */
export function sshEnvironment(command: string): Environment {
  return { GIT_SSH_COMMAND: command, GIT_SSH_VARIANT: 'ssh' };
}

/**
 * Credentials as a header that is bound to the one URL, given by environment: an argument would show them to everybody
 * on the machine, a file would have to be deleted, and a helper is one more process to harden.
 */
export function credentialEnvironment(url: string, credentials: Credentials): Environment {
  return {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: `http.${url}.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: ${authorization(credentials)}`,
  };
}

function authorization(credentials: Credentials): string {
  if (credentials.type === 'bearer') return `Bearer ${credentials.token}`;
  if (credentials.type === 'basic') return basic(credentials.username, credentials.password);
  return basic(credentials.username ?? 'x-access-token', credentials.token);
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Every form in which the credentials could show up in a message. */
export function secretsOf(credentials: Credentials): readonly string[] {
  const header = authorization(credentials);
  const secret = credentials.type === 'basic' ? credentials.password : credentials.token;
  return [header.slice(header.indexOf(' ') + 1), secret, encodeURIComponent(secret)];
}

/** A header value cannot hold a line end; a secret that does is a file read with its last newline, or an attack. */
export function isUsable(credentials: Credentials): boolean {
  const values =
    credentials.type === 'basic'
      ? [credentials.username, credentials.password]
      : credentials.type === 'token'
        ? [credentials.username ?? '', credentials.token]
        : [credentials.token];
  // eslint-disable-next-line no-control-regex
  return values.every((value) => value.length <= 4_096 && !/[\u0000-\u001f\u007f]/.test(value));
}
