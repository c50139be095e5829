/**
 * The end of a connection on which the client may still be sending (RFC 9112, 9.6): our side is closed behind the answer, and what
 * comes is read and dropped for a while. A connection that is closed over unread bytes is reset, and the client's system throws
 * away an answer that it has not read yet.
 */
import type { Socket } from 'node:net';

/** How long a client has to see the answer and to end its side. */
export const LINGER_MS = 5_000;
/** What is dropped in that time, at most. */
export const MAX_LINGERED_BYTES = 16 * 1024 * 1024;

/** To be said before the last answer is written: Node closes the connection of such a one with `destroySoon`. */
export function lingerAtEnd(socket: Socket): void {
  let lingers = false;
  socket.destroySoon = (): void => {
    if (lingers) return;
    lingers = true;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(timer));
    socket.end();
  };
}
