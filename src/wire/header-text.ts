/**
 * What may stand in a header, by RFC 9110 §5: names are tokens; values are visible characters, spaces and tabs, and
 * `obs-text` (0x80 to 0xff). Checked on bytes, before any string is made of them.
 */
const TOKEN = table("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

function table(characters: string): Uint8Array {
  const allowed = new Uint8Array(256);
  for (const character of characters) allowed[character.charCodeAt(0)] = 1;
  return allowed;
}

export function isToken(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return false;
  for (let at = start; at < end; at++) if (TOKEN[bytes[at]!] === 0) return false;
  return true;
}

export function isFieldValue(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) return false;
  }
  return true;
}

/** What belongs to the connection, not to the message (RFC 9110 §7.6.1), and `host`, which is the authority. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** @param name in lower case. */
export function isOfTheConnection(name: string): boolean {
  return OF_THE_CONNECTION.has(name);
}

/** @param texts names and values in turn. */
export function pairsOf(texts: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < texts.length; at += 2) pairs.push([texts[at]!, texts[at + 1]!]);
  return pairs;
}

/** Whether these bytes from `start` on are the text, of Latin-1. It ends within them. */
export function standsAt(bytes: Uint8Array, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) if (bytes[start + index] !== text.charCodeAt(index)) return false;
  return true;
}
