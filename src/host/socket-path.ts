import { closeSync, constants, openSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

/** `sun_path` of sockaddr_un holds 108 bytes with the zero at its end; Node would cut a longer path without a word. */
export const MAX_SOCKET_PATH_BYTES = 107;

export interface SocketPath {
  /** What to listen on or connect to. */
  readonly path: string;
  /** Call it when that has been done. */
  release(): void;
}

/** A path for a unix socket that may lie deeper than the kernel's address holds: then through a descriptor of its folder. */
export function socketPath(file: string): SocketPath {
  if (Buffer.byteLength(file) <= MAX_SOCKET_PATH_BYTES) return { path: file, release: () => undefined };
  const folder = openSync(path.dirname(file), constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${folder}/${path.basename(file)}`, release: () => closeSync(folder) };
}

/** A folder that is not there yet is the same as a socket that is not. */
export function connectTo(file: string): net.Socket {
  let address;
  try {
    address = socketPath(file);
  } catch (error) {
    return new net.Socket().destroy(error as Error);
  }
  const socket = net.connect(address.path);
  socket.once('connect', () => address.release());
  socket.once('error', () => address.release());
  return socket;
}
