/**
 * The request target (RFC 9112 §3.2) → one path, the same for routing, for policy and for the guest. What two readers
 * could take for two different paths is refused, not guessed.
 */
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/i;
/** Controls, spaces, `#` and everything that is not ASCII. */
const NOT_IN_QUERY = /[^\u0021\u0022\u0024-\u007e]/;

const PERCENT = 0x25;
const DOT = 0x2e;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

export class RequestTarget {
  /** Starts with `/`; no dot segments, no empty segments; percent-encoded only where it has to be. */
  path = '';
  /** Empty, or from `?` on, as it was sent. */
  query = '';
  /** Of a target in absolute form, where it stands for the Host header. */
  authority: string | undefined;

  /** Reads the target over what was read before. A text says why it is refused. */
  read(target: string): string | undefined {
    this.authority = undefined;
    let rest = target;
    if (target.charCodeAt(0) !== SLASH) {
      const parts = ABSOLUTE_FORM.exec(target);
      if (parts === null) return 'the request target is neither a path nor an absolute http URL';
      this.authority = parts[1]!;
      rest = parts[2]!.startsWith('/') ? parts[2]! : `/${parts[2]}`;
    }
    const question = rest.indexOf('?');
    this.query = question === -1 ? '' : rest.slice(question);
    if (question !== -1 && NOT_IN_QUERY.test(this.query)) return 'the query holds a character that must be encoded';
    const path = normalisePath(question === -1 ? rest : rest.slice(0, question));
    if (typeof path !== 'string') return path.why;
    this.path = path;
    return undefined;
  }
}

/** The one spelling of a path, or why it has none. */
export function normalisePath(path: string): string | { readonly why: string } {
  let plain = true;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f || code === BACKSLASH || code === 0x23) {
      return { why: 'the path holds a character that must be encoded' };
    }
    if (code === PERCENT) plain = false;
    else if (code === SLASH) {
      const next = path.charCodeAt(at + 1);
      if (next === SLASH || next === DOT) plain = false;
    }
  }
  if (plain) return path;
  const decoded = decodeUnreserved(path);
  return typeof decoded === 'string' ? removeDotSegments(decoded) : decoded;
}

/** RFC 3986 §6.2.2: encoded unreserved characters are decoded, other hex digits become upper case. */
function decodeUnreserved(path: string): string | { readonly why: string } {
  let decoded = '';
  for (let at = 0; at < path.length; at++) {
    if (path.charCodeAt(at) !== PERCENT) {
      decoded += path[at];
      continue;
    }
    const digits = path.slice(at + 1, at + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return { why: 'the path holds a percent sign without two hex digits' };
    const code = Number.parseInt(digits, 16);
    if (code < 0x20 || code === 0x7f || code === SLASH || code === BACKSLASH) {
      return { why: `the path holds %${digits}, which readers understand differently` };
    }
    const character = String.fromCharCode(code);
    decoded += UNRESERVED.test(character) ? character : `%${digits.toUpperCase()}`;
    at += 2;
  }
  return decoded;
}

/** RFC 3986 §5.2.4, but a path that leaves the root is refused; empty segments go. */
function removeDotSegments(path: string): string | { readonly why: string } {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '..') {
      if (kept.pop() === undefined) return { why: 'the path leaves the root' };
    } else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const last = segments.at(-1)!;
  const isFolder = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${kept.join('/')}${isFolder ? '/' : ''}`;
}
