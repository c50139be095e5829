import { problem, type Problem } from '../model/problem.ts';
import { err, ok, type Result } from '../kit/result.ts';

/** Where the repository is, after the allow-list. */
export interface Address {
  /** As git gets it; never holds credentials. */
  readonly url: string;
  /** The one transport that git may use for it. */
  readonly protocol: 'https' | 'ssh' | 'http' | 'file';
}

const MAX_URL_CHARACTERS = 2_048;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * The allow-list of addresses: https and ssh anywhere, http on the loopback only (anything else would show credentials and
 * commits to the network), file only where the caller says so. Everything else, and every URL that carries its own
 * credentials, is refused; the message never repeats them.
 */
export function parseAddress(text: string, options: { readonly allowFile: boolean }): Result<Address, Problem> {
  if (text.length > MAX_URL_CHARACTERS) return refuse(`the address is longer than ${MAX_URL_CHARACTERS} characters`);
  const url = URL.parse(text);
  if (!url) return refuse('the address is not a URL; write for example https://git.example.com/shop/fleet.git');
  if (url.password || (url.username && url.protocol !== 'ssh:'))
    return refuse('the address holds credentials; give them apart from it');
  if (url.search || url.hash) return refuse('the address has a query or a fragment');
  switch (url.protocol) {
    case 'https:':
      return ok({ url: url.href, protocol: 'https' });
    case 'ssh:':
      return sshAddress(url);
    case 'http:':
      if (!LOOPBACK.has(url.hostname)) return refuse(`plain http is for the loopback only, not for ${url.hostname}`);
      return ok({ url: url.href, protocol: 'http' });
    case 'file:':
      if (!options.allowFile) return refuse('file: is for demos and tests and has to be allowed');
      if (url.hostname) return refuse('a file: address names no host; write file:///path');
      return ok({ url: url.href, protocol: 'file' });
    default:
      return refuse(`${url.protocol} is not a transport that Headway uses`);
  }
}

const SSH_USER = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const SSH_HOST = /^([a-z0-9]([a-z0-9.-]{0,252})|\[[0-9a-f:.]+\])$/i;

/** git and ssh both read hosts and users that begin with a dash as options; neither can here. */
function sshAddress(url: URL): Result<Address, Problem> {
  if (!SSH_USER.test(url.username))
    return refuse('an ssh address names its user; write ssh://git@git.example.com/shop/fleet.git');
  if (!SSH_HOST.test(url.hostname)) return refuse('the host of the ssh address is not a host name');
  if (url.pathname.length < 2 || url.pathname.startsWith('/-')) return refuse('the ssh address names no repository');
  return ok({ url: url.href, protocol: 'ssh' });
}

function refuse(message: string): Result<never, Problem> {
  return err(problem('HW3010', message));
}
