/**
 * A value and the age file that holds it. The place is inside the age file, and is checked when it is opened: whoever
 * can read the repository can copy a ciphertext, and must not get the daemon to open it for another namespace.
 */
import { Decrypter, Encrypter } from 'age-encryption';
import { err, ok, type Result } from '../kit/result.ts';
import { placeText, type SealedPlace } from '../model/sealed.ts';
import { problem, type Problem } from '../model/problem.ts';

/** What one line of YAML holds when it is encrypted for a few recipients. */
export const MAX_SECRET_BYTES = 8 * 1024;
/** The form of what is inside. */
const FORM = 1;
const NO_IDENTITY = "no identity matched any of the file's recipients";

interface Inside extends SealedPlace {
  readonly headway: typeof FORM;
  readonly value: string;
}

/** Base64 of an age file for all recipients. HW5104: the value or a recipient cannot be taken. */
export async function seal(
  place: SealedPlace,
  value: string,
  recipients: readonly string[],
): Promise<Result<string, Problem>> {
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_SECRET_BYTES) {
    return err(problem('HW5104', `the value has ${bytes} bytes, the most is ${MAX_SECRET_BYTES}`));
  }
  if (value.includes('\0') || !value.isWellFormed()) return err(problem('HW5104', 'the value is not plain text'));
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      return err(problem('HW5104', `${recipient.slice(0, 20)}… is not a recipient of age`));
    }
  }
  if (recipients.length === 0) return err(problem('HW5104', 'there is no recipient'));
  const { secret, key, version } = place;
  const inside: Inside = { headway: FORM, secret, key, version, value };
  return ok(Buffer.from(await encrypter.encrypt(JSON.stringify(inside))).toString('base64'));
}

/** HW5100: none of these identities opens it. HW5101: it is damaged. HW5102: it was made for another place. */
export async function unseal(
  place: SealedPlace,
  encrypted: string,
  identities: readonly string[],
): Promise<Result<string, Problem>> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  let text: string;
  try {
    text = await decrypter.decrypt(Buffer.from(encrypted, 'base64'), 'text');
  } catch (error) {
    // The library's messages name no values; all the same only one of them is told apart, and none is repeated.
    if ((error as Error).message === NO_IDENTITY) {
      const whose = identities.length === 1 ? 'the identity given is' : `the ${identities.length} identities given are`;
      return err(problem('HW5100', `${placeText(place)} cannot be opened: ${whose} not among its recipients`));
    }
    return err(problem('HW5101', `${placeText(place)} cannot be opened: the encrypted value is damaged`));
  }
  const inside = readInside(text);
  if (!inside) {
    return err(problem('HW5101', `${placeText(place)} was opened and is not what \`headway secret\` writes`));
  }
  if (inside.secret !== place.secret || inside.key !== place.key || inside.version !== place.version) {
    return err(problem('HW5102', `${placeText(place)} holds what was encrypted as ${placeText(inside)}`));
  }
  return ok(inside.value);
}

function readInside(text: string): Inside | undefined {
  try {
    const inside = JSON.parse(text) as Partial<Inside> | null;
    if (inside?.headway !== FORM) return undefined;
    const { secret, key, version, value } = inside;
    return [secret, key, version, value].every((field) => typeof field === 'string') ? (inside as Inside) : undefined;
  } catch {
    return undefined;
  }
}
