/** Whose commits are followed. A mode other than `Off` needs at least one signer. */
export interface TrustSettings {
  /** `Head`: the head must be signed. `All`: every commit that is new since the last accepted one, on every parent. */
  readonly mode: 'Off' | 'Head' | 'All';
  readonly signers: readonly Signer[];
  /** Fingerprints: `SHA256:…` as `ssh-keygen -l` prints it, or the hex digits of an OpenPGP key. */
  readonly revoked: readonly string[];
  /** A commit whose committer date is further from the time at which it is first seen does not count; absent: any. */
  readonly maxAgeMs?: number;
  readonly paths: readonly TrustPath[];
}

export interface Signer {
  readonly name: string;
  readonly type: 'ssh' | 'openpgp';
  /** One line of a `.pub` file without its comment, or an armoured public key. */
  readonly key: string;
  /**
   * When the key may sign, as milliseconds since the epoch. The end is compared with the time at which Headway first sees
   * a commit: its own date is what whoever has the key writes into it.
   */
  readonly validAfterMs?: number;
  readonly validBeforeMs?: number;
}

/** Commits that change something below `path` must be signed by these, and by at least `threshold` different ones. */
export interface TrustPath {
  /** Relative to the followed path. */
  readonly path: string;
  readonly signers: readonly string[];
  readonly threshold: number;
}

/** What the signature of a commit says, once the tools have verified it against the keys of the signers. */
export interface SignedBy {
  readonly signer: string;
  readonly fingerprint: string;
}
