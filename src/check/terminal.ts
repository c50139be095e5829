/** Where a command writes to. Commands never touch `process` themselves, so that tests can read what they said. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Standard output is a terminal that takes colours. */
  readonly colours: boolean;
}
