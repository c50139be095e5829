/** What can be seen of an encrypted value without opening it. */
export interface SealedForm {
  /** How many can open it. Who they are cannot be seen. */
  readonly recipients: number;
}

const AGE = 'age-encryption.org/v1';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const KINDS = new Set(['X25519', 'mlkem768x25519']);
/** A header ends in its MAC; the payload has a nonce of 16 bytes and a tag of 16. */
const MAC = /^--- [A-Za-z0-9+/]{43}$/;
const MIN_PAYLOAD_BYTES = 32;

/** The header of the age file; undefined where it is none, or one for a passphrase. */
export function sealedForm(encrypted: string): SealedForm | undefined {
  if (!BASE64.test(encrypted) || encrypted.length % 4 !== 0) return undefined;
  const bytes = atob(encrypted);
  const [first, ...rest] = bytes.split('\n');
  if (first !== AGE) return undefined;
  const end = rest.findIndex((line) => line.startsWith('--- '));
  if (end < 0 || !MAC.test(rest[end]!)) return undefined;
  const header = [first, ...rest.slice(0, end + 1)].join('\n').length + 1;
  if (bytes.length - header < MIN_PAYLOAD_BYTES) return undefined;
  const stanzas = rest.slice(0, end).filter((line) => line.startsWith('-> '));
  const known = stanzas.filter((line) => KINDS.has(line.split(' ')[1] ?? ''));
  return known.length > 0 ? { recipients: known.length } : undefined;
}
