/** Who may have signed: a valid signature by one of the keys or identities is enough. */
export interface Signers {
  /** Public keys, PEM, ECDSA on P-256. */
  readonly keys: readonly string[];
  /** What a certificate has to say; `*` in a subject stands for any text. */
  readonly keyless: readonly {
    readonly issuer: string;
    readonly subject: string;
  }[];
}

/** One rule of a Policy: `source` as it is written there. */
export interface SignatureRule extends Signers {
  readonly source: string;
}

/** What a Policy asks of one artifact. */
export interface SignatureDemand extends Signers {
  readonly policy: string;
  /** `Audit`: what is not signed is counted and used. */
  readonly enforcement: 'Enforce' | 'Audit';
}

/** What came of a demand. `Audited`: it was not met, and the artifact is used all the same. */
export type SignatureOutcome = 'Verified' | 'Refused' | 'Audited';
