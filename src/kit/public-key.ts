import { createPublicKey } from 'node:crypto';

/** Whether the text is a public key (PEM) of ECDSA on P-256, with a point that is on the curve. */
export function isP256PublicKey(pem: string): boolean {
  try {
    const key = createPublicKey({ key: pem, format: 'pem' });
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}
