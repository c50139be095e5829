/**
 * A port that a guest listens on. It is bound from the start, so that its number is known; who connects before the guest
 * listens is sent away.
 *
 * Invariant
 * P1 At most the backlog waits to be accepted, unread; what comes beyond it is closed.
 */
import net from 'node:net';
import { MAX_BACKLOG, MAX_LINES, Tuning, type Endpoint, type NetworkError } from '../../wire/socket-frames.ts';
import { endpointOf, type Connection } from './connection.ts';
import { networkErrorOf } from './failure.ts';
import type { Line, LineListener } from './line.ts';

export class Listening implements Line {
  readonly #listener: LineListener;
  readonly #server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  #backlog = 0;
  #arrived: net.Socket[] = [];
  #wanted: Connection[] = [];
  #over = false;

  constructor(listener: LineListener) {
    this.#listener = listener;
  }

  bind({ address, port }: Endpoint): void {
    if (this.#over) return;
    this.#server.on('connection', (socket) => this.#arrive(socket));
    this.#server.on('error', (error) => this.fail(networkErrorOf(error)));
    this.#server.listen({ host: address, port, exclusive: true, ipv6Only: true, backlog: MAX_BACKLOG }, () => {
      const bound = this.#server.address() as net.AddressInfo;
      if (!this.#over) this.#listener.opened(endpointOf(bound.address, bound.port));
    });
  }

  /** The next one that comes. `false`: more are wanted than there may be. */
  accept(connection: Connection): boolean {
    this.#wanted = this.#wanted.filter(({ isOver }) => !isOver);
    if (this.#wanted.length >= MAX_LINES) return false;
    this.#wanted.push(connection);
    this.#match();
    return true;
  }

  tune(what: number, value: number): boolean {
    if (what !== Tuning.Listen) return false;
    this.#backlog = Math.max(1, Math.min(value, MAX_BACKLOG));
    return true;
  }

  drop(): void {
    if (this.#close()) this.#listener.over();
  }

  fail(error: NetworkError): void {
    if (this.#close()) this.#listener.over(error);
  }

  #arrive(socket: net.Socket): void {
    // Until somebody takes it over, what goes wrong with it is nobody's business.
    socket.on('error', ignore);
    this.#arrived = this.#arrived.filter(({ destroyed }) => !destroyed);
    if (this.#arrived.length >= this.#backlog) {
      socket.destroy();
      return;
    }
    this.#arrived.push(socket);
    this.#match();
  }

  #match(): void {
    while (this.#arrived.length > 0 && this.#wanted.length > 0) {
      const socket = this.#arrived.shift()!;
      if (socket.destroyed) continue;
      const connection = this.#wanted.shift()!;
      if (connection.isOver) this.#arrived.unshift(socket);
      else connection.adopt(socket);
    }
  }

  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    if (this.#server.listening) this.#server.close();
    for (const socket of this.#arrived.splice(0)) socket.destroy();
    for (const connection of this.#wanted.splice(0)) connection.fail('connection-aborted');
    return true;
  }
}

function ignore(): void {}
