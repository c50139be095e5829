import type { DropReason } from '../../model/datagrams.ts';
import type { Endpoint, NetworkError } from '../../wire/socket-frames.ts';

/** Where a line says what happens; nothing is said after `over`. */
export interface LineListener {
  opened(local: Endpoint, remote?: Endpoint, buffers?: { readonly receive: number; readonly send: number }): void;
  data(bytes: Buffer): void;
  datagram(from: Endpoint, bytes: Buffer): void;
  /** Nobody will see it. */
  dropped(reason: DropReason): void;
  credit(bytes: number): void;
  finished(): void;
  refused(error: NetworkError): void;
  addresses(texts: readonly string[]): void;
  /** Without an error: as the cell asked for. */
  over(error?: NetworkError): void;
  /** A look-up has come to its end, wanted or not: it cannot be called off. */
  started(): void;
  /** Whether the channel takes more now. */
  mayWrite(): boolean;
}

/** What is behind one number. `false`: the cell broke the protocol. */
export interface Line {
  data?(bytes: Buffer): boolean;
  datagram?(to: Endpoint, bytes: Buffer): boolean;
  finish?(): boolean;
  addCredit?(bytes: number): boolean;
  tune?(what: number, value: number): boolean;
  /** The cell reads again. */
  resume?(): void;
  /** Nobody wants it any more. */
  drop(): void;
}
