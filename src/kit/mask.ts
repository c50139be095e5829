const MASK = '***';
/** Shorter ones would mask half of a text and protect nothing. */
const MIN_SECRET_CHARACTERS = 6;

/** Hides secrets in texts: as they are, as JSON writes them, as URLs and as base64 do. */
export class Mask {
  #forms: readonly string[] = [];

  constructor(secrets: readonly string[] = []) {
    this.protect(secrets);
  }

  /** From now on these are hidden too. */
  protect(secrets: readonly string[]): void {
    const more = secrets.filter((secret) => secret.length >= MIN_SECRET_CHARACTERS).flatMap(formsOf);
    // The longest first: a secret may be the start of another.
    this.#forms = [...new Set([...this.#forms, ...more])].sort((a, b) => b.length - a.length);
  }

  hide(text: string): string {
    let hidden = text;
    for (const form of this.#forms) hidden = hidden.replaceAll(form, MASK);
    return hidden;
  }
}

function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64');
  // Output comes line by line: a secret of several lines is hidden line by line too.
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= MIN_SECRET_CHARACTERS);
  return [
    ...new Set([secret, ...lines]),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret.toWellFormed()),
    base64,
    base64.replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
  ];
}
