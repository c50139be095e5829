/**
 * One TCP connection of a guest.
 *
 * Invariants
 * C1 It ends once; then its timers are gone, and its socket, once what the guest wrote has left or `LINGER_MS` have passed.
 * C2 No byte leaves for the cell beyond its credit, or while the cell does not read: at most one chunk is held, and the peer
 *    waits. Its end waits for that chunk, too: Node says it also of a socket that is paused.
 * C3 It connects to the address that was judged: Node is given an address, so nothing is resolved.
 * C4 One write of the guest's bytes is with the socket at a time; what comes meanwhile is put together.
 */
import net from 'node:net';
import { INITIAL_CREDIT_BYTES } from '../../wire/frames.ts';
import { Tuning, type Endpoint, type NetworkError } from '../../wire/socket-frames.ts';
import { GatheredBytes } from '../gathered-bytes.ts';
import { HeldBytes } from '../held-bytes.ts';
import { networkErrorOf } from './failure.ts';
import type { Line, LineListener } from './line.ts';

export const CONNECT_TIMEOUT_MS = 30_000;
export const LINGER_MS = 5_000;
/** Small writes do not cost a frame of credit each. */
const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;

/** What a dropped connection still has to send is somebody's memory: how many a cell may leave behind. */
export interface Lingering {
  count: number;
  readonly max: number;
}

export class Connection implements Line {
  /** C2. */
  readonly #held: HeldBytes;
  readonly #listener: LineListener;
  readonly #lingering: Lingering;
  readonly #keepAlive = { idleMs: 0, intervalMs: 1_000, count: 10 };
  #socket: net.Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #unsent = new GatheredBytes();
  #isWriting = false;
  #room = INITIAL_CREDIT_BYTES;
  #taken = 0;
  /** What the socket has said and the cell has not heard yet. */
  #untold: 'Nothing' | 'End' | 'Close' = 'Nothing';
  #toldEnd = false;
  #sentAll = false;
  #over = false;

  constructor(listener: LineListener, lingering: Lingering) {
    this.#listener = listener;
    this.#held = new HeldBytes({ send: (bytes) => listener.data(bytes), mayWrite: () => listener.mayWrite() });
    this.#lingering = lingering;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** C3. */
  connect({ address, port }: Endpoint): void {
    if (this.#over) return;
    const socket = new net.Socket({ allowHalfOpen: true });
    this.#timer = setTimeout(() => this.fail('timeout'), CONNECT_TIMEOUT_MS);
    socket.once('connect', () => {
      clearTimeout(this.#timer);
      this.#open(socket);
    });
    this.#listen(socket);
    socket.connect({ host: address, port, autoSelectFamily: false });
  }

  /** One that somebody else made. */
  adopt(socket: net.Socket): void {
    this.#listen(socket);
    this.#open(socket);
    socket.resume();
  }

  fail(error: NetworkError): void {
    if (this.#finish()) this.#listener.over(error);
    this.#unsent.drop();
    this.#socket?.destroy();
  }

  data(bytes: Buffer): boolean {
    this.#room -= bytes.length;
    if (this.#room < 0 || this.#sentAll) return false;
    if (this.#over || !this.#socket) return this.#over;
    this.#unsent.push(bytes);
    if (!this.#isWriting) this.#write(this.#socket);
    return true;
  }

  finish(): boolean {
    this.#sentAll = true;
    if (this.#socket) this.#writeAll(this.#socket).end();
    return true;
  }

  addCredit(bytes: number): boolean {
    if (!this.#held.addCredit(bytes)) return false;
    this.resume();
    return true;
  }

  resume(): void {
    if (this.#over || !this.#socket || !this.#held.flush()) return;
    if (this.#untold !== 'Nothing') return this.#ended(this.#untold);
    this.#socket.resume();
  }

  tune(what: number, value: number): boolean {
    if (what === Tuning.KeepAliveIdle) this.#keepAlive.idleMs = value;
    else if (what === Tuning.KeepAliveInterval) this.#keepAlive.intervalMs = value;
    else if (what === Tuning.KeepAliveCount) this.#keepAlive.count = value;
    else return false;
    this.#probe();
    return true;
  }

  /** C1. */
  drop(): void {
    if (!this.#finish()) return;
    this.#listener.over();
    const socket = this.#socket;
    if (!socket) return;
    if (socket.connecting || socket.destroyed || this.#lingering.count >= this.#lingering.max) {
      socket.destroy();
      return;
    }
    this.#lingering.count++;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => {
      this.#lingering.count--;
      clearTimeout(timer);
    });
    this.#writeAll(socket).destroySoon();
  }

  /** C4. */
  #write(socket: net.Socket): void {
    const bytes = this.#unsent.shift();
    this.#isWriting = bytes !== undefined;
    if (!bytes) return;
    socket.write(bytes, (error) => {
      this.#took(bytes.length);
      if (!error) this.#write(socket);
    });
  }

  /** Nothing comes behind it. */
  #writeAll(socket: net.Socket): net.Socket {
    for (let bytes = this.#unsent.shift(); bytes; bytes = this.#unsent.shift()) socket.write(bytes);
    return socket;
  }

  #listen(socket: net.Socket): void {
    this.#socket = socket;
    socket.on('error', (error) => this.fail(networkErrorOf(error)));
    socket.on('data', (chunk: Buffer) => this.#arrived(chunk));
    socket.on('end', () => this.#ended('End'));
    socket.on('close', () => this.#closed(socket));
  }

  #closed(socket: net.Socket): void {
    if (!socket.readableEnded || !socket.writableFinished) return this.fail('connection-aborted');
    this.#ended('Close');
  }

  /** C2. */
  #ended(how: 'End' | 'Close'): void {
    if (this.#over) return;
    this.#untold = how;
    if (!this.#held.isEmpty) return;
    this.#untold = 'Nothing';
    if (!this.#toldEnd) this.#listener.finished();
    this.#toldEnd = true;
    if (how === 'Close' && this.#finish()) this.#listener.over();
  }

  #open(socket: net.Socket): void {
    if (this.#over) return;
    socket.setNoDelay(true);
    this.#probe();
    this.#listener.opened(
      endpointOf(socket.localAddress, socket.localPort),
      endpointOf(socket.remoteAddress, socket.remotePort),
    );
  }

  #probe(): void {
    const { idleMs, intervalMs, count } = this.#keepAlive;
    if (this.#socket && !this.#socket.connecting) this.#socket.setKeepAlive(idleMs > 0, idleMs, intervalMs, count);
  }

  #arrived(chunk: Buffer): void {
    if (this.#over) return;
    if (!this.#held.push(chunk)) this.#socket?.pause();
  }

  #took(bytes: number): void {
    if (this.#over) return;
    this.#taken += bytes;
    if (this.#taken < CREDIT_PORTION_BYTES) return;
    this.#room += this.#taken;
    this.#listener.credit(this.#taken);
    this.#taken = 0;
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#held.drop();
    return true;
  }
}

export function endpointOf(address: string | undefined, port: number | undefined): Endpoint {
  return { address: address ?? '', port: port ?? 0 };
}
