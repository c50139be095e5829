/**
 * A UDP socket of a guest.
 *
 * Invariants
 * D1 Each datagram is judged when it is sent.
 * D2 What comes in is given to the guest only where the sender is somebody it may send to, or where it was granted to listen
 *    there; everything else is dropped, unseen.
 * D3 What comes beyond the cell's credit is dropped, as any network may. Whose it is is not asked then.
 * D4 What is dropped is counted, with the reason. What the kernel dropped before that was never seen here.
 */
import dgram from 'node:dgram';
import { INITIAL_CREDIT_BYTES } from '../../wire/frames.ts';
import {
  DATAGRAM_BYTES,
  MAX_DATAGRAM_BYTES,
  Tuning,
  type Endpoint,
  type NetworkError,
} from '../../wire/socket-frames.ts';
import { endpointOf } from './connection.ts';
import { networkErrorOf } from './failure.ts';
import type { Line, LineListener } from './line.ts';

const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;

export interface DatagramRules {
  /** D1: why it may not be sent; `undefined` where it may. */
  maySend(to: Endpoint): NetworkError | undefined;
  /** D2. */
  mayReceive(from: Endpoint): boolean;
}

export class Datagrams implements Line {
  readonly #listener: LineListener;
  readonly #rules: DatagramRules;
  readonly #socket: dgram.Socket;
  readonly #family: 4 | 6;
  #bound = false;
  #room = INITIAL_CREDIT_BYTES;
  #taken = 0;
  #credit = INITIAL_CREDIT_BYTES;
  #over = false;

  constructor(listener: LineListener, family: 4 | 6, rules: DatagramRules) {
    this.#listener = listener;
    this.#rules = rules;
    this.#family = family;
    // Addresses are given, so nothing is to be resolved.
    this.#socket = dgram.createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ...(family === 6 ? { ipv6Only: true } : {}),
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    this.#socket.on('error', (error) => this.fail(networkErrorOf(error)));
    this.#socket.on('message', (bytes, { address, port }) => this.#arrived({ address, port }, bytes));
  }

  bind({ address, port }: Endpoint): void {
    if (this.#over) return;
    this.#socket.bind({ address, port, exclusive: true }, () => {
      if (this.#over) return;
      this.#bound = true;
      const bound = this.#socket.address();
      const buffers = { receive: this.#socket.getRecvBufferSize(), send: this.#socket.getSendBufferSize() };
      this.#listener.opened(endpointOf(bound.address, bound.port), undefined, buffers);
    });
  }

  datagram(to: Endpoint, bytes: Buffer): boolean {
    const cost = bytes.length + DATAGRAM_BYTES;
    this.#room -= cost;
    if (this.#room < 0 || !this.#bound || bytes.length > MAX_DATAGRAM_BYTES) return false;
    if (to.port < 1 || to.port > 0xffff || to.address.includes(':') !== (this.#family === 6)) return false;
    const refused = this.#rules.maySend(to);
    if (refused) {
      this.#took(cost);
      // Of the reasons that a judgement has, this one alone is about whose the address is.
      if (refused === 'access-denied') this.#listener.dropped('ToNotGranted');
      this.#listener.refused(refused);
      return true;
    }
    this.#socket.send(Buffer.from(bytes), to.port, to.address, (error) => {
      this.#took(cost);
      if (error && !this.#over) this.#listener.refused(networkErrorOf(error));
    });
    return true;
  }

  addCredit(bytes: number): boolean {
    this.#credit += bytes;
    return this.#credit <= INITIAL_CREDIT_BYTES;
  }

  tune(what: number, value: number): boolean {
    if (!this.#bound || value < 1) return false;
    try {
      if (what === Tuning.HopLimit) this.#socket.setTTL(Math.min(value, 255));
      else if (what === Tuning.ReceiveBuffer) this.#socket.setRecvBufferSize(Math.min(value, MAX_BUFFER_BYTES));
      else if (what === Tuning.SendBuffer) this.#socket.setSendBufferSize(Math.min(value, MAX_BUFFER_BYTES));
      else return false;
    } catch (thrown) {
      this.#listener.refused(networkErrorOf(thrown));
    }
    return true;
  }

  drop(): void {
    if (this.#end()) this.#listener.over();
  }

  fail(error: NetworkError): void {
    if (this.#end()) this.#listener.over(error);
  }

  /** D2, D3, D4. */
  #arrived(from: Endpoint, bytes: Buffer): void {
    const cost = bytes.length + DATAGRAM_BYTES;
    if (this.#over) return;
    if (cost > this.#credit || !this.#listener.mayWrite()) return this.#listener.dropped('QueueFull');
    if (!this.#rules.mayReceive(from)) return this.#listener.dropped('FromNotGranted');
    this.#credit -= cost;
    this.#listener.datagram(from, bytes);
  }

  #took(cost: number): void {
    if (this.#over) return;
    this.#taken += cost;
    if (this.#taken < CREDIT_PORTION_BYTES) return;
    this.#room += this.#taken;
    this.#listener.credit(this.#taken);
    this.#taken = 0;
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    // What was handed over is sent before.
    this.#socket.close();
    return true;
  }
}

/** More is not asked of the kernel. */
const MAX_BUFFER_BYTES = 1024 * 1024;
