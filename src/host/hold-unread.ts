/**
 * A descriptor that we keep for somebody else. A socket that comes over IPC reads from its first moment on, into a buffer
 * that nobody empties, and `pause` does not stop it: whoever reads the same descriptor would miss bytes. Node has no
 * public call for this, so that the handle below has to be told itself; in the turn in which it came, before a byte can
 * have been read. `test/host/hold-unread.test.ts` shows both.
 */
import type net from 'node:net';

interface Handle {
  reading: boolean;
  readStop(): number;
}

export function holdUnread(socket: net.Socket): net.Socket {
  socket.pause();
  const handle = (socket as unknown as { readonly _handle: Handle | null })._handle;
  if (handle) {
    handle.readStop();
    handle.reading = false;
  }
  // Its other end closes whenever the cell ends; whoever reads it hears of it.
  socket.on('error', () => undefined);
  return socket;
}
