/** What a member has of time and chance where that is not simply the machine's; what is absent is. */
export interface Ambient {
  /** `Denied`: calls trap. Else each instance begins at `atMs` (since 1970), and each look finds it `stepMs` later. */
  readonly clocks?: 'Denied' | { readonly atMs: number; readonly stepMs: number };
  /** `Denied`: calls trap. Else each instance has the sequence of this number. */
  readonly random?: 'Denied' | { readonly seed: number };
}
