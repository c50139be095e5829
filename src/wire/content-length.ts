const DECIMAL = /^[0-9]{1,15}$/;

/** The bytes that a head declares; -1 where it does not; `Invalid` for what is not one number, said once. */
export function declaredLength(headers: readonly string[]): number | 'Invalid' {
  let declared = -1;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'content-length') continue;
    const value = headers[at + 1]!;
    if (declared !== -1 || !DECIMAL.test(value)) return 'Invalid';
    declared = Number(value);
  }
  return declared;
}
