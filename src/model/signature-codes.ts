import type { CodeRow } from './codes.ts';

/** Signatures of artifacts. HW116x what a Policy says about them · HW201x what is found. */
export const SIGNATURE_CODES = {
  HW1160: {
    title: 'signatures of artifacts in git',
    remedy:
      'name an oci: or https: source; for what lies in git, have the commits signed (spec.trust of the Environment)',
    policy: 'Terminal',
  },
  HW1161: {
    title: 'not a key for signatures',
    remedy: 'write the public key as cosign.pub holds it: PEM, ECDSA on P-256',
    policy: 'Terminal',
  },
  HW1162: {
    title: 'signatures of nobody',
    remedy: 'write keys, keyless or both',
    policy: 'Terminal',
  },
  HW2010: {
    title: 'artifact not signed',
    remedy: 'sign it where it lies: it is looked at again by itself',
    policy: 'Waiting',
  },
  HW2011: {
    title: 'artifact signed by nobody who is trusted',
    remedy:
      'have it signed by one of the keys or identities of the Policy and raise rollout.retry, or add the signer there',
    policy: 'Terminal',
  },
  HW2012: {
    title: 'signature of something else',
    remedy: 'sign this digest under this name and raise rollout.retry',
    policy: 'Terminal',
  },
  HW2013: {
    title: 'signature damaged',
    remedy: 'sign the artifact anew and raise rollout.retry',
    policy: 'Terminal',
  },
  HW2014: {
    title: 'signature not proven by the trusted root',
    remedy: 'sign while the certificate is valid and with a time that the trusted root knows, then raise rollout.retry',
    policy: 'Terminal',
  },
  HW2015: {
    title: 'signatures too large or too many',
    remedy: 'remove signatures that are not needed and raise rollout.retry',
    policy: 'Terminal',
  },
  HW2016: {
    title: 'no trusted root for keyless signatures',
    remedy: 'name a readable trusted_root.json in runtime.yaml: artifacts.trustedRoot',
    policy: 'Waiting',
  },
} as const satisfies Record<string, CodeRow>;
