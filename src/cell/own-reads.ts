/**
 * A socket that reads into buffers of ours. Node allocates 64 kB for each read; here a buffer is read into again once nobody
 * looks at what is in it.
 *
 * Invariant
 * B1 A buffer that was lent, and of which a piece never comes back, is left to the collector: another takes its place.
 */
import net from 'node:net';
import { LentMemory } from '../kit/lent-memory.ts';
import { giveBuffer, POOLED_BYTES, takeBuffer } from './buffer-pool.ts';

/** What is shorter is copied into memory of its own: it may be kept, and would keep the whole buffer. */
const MIN_LENT_BYTES = POOLED_BYTES / 2;

/** Of descriptor `fd`. Its `data` events have a second argument where the chunk is lent. */
export function openWithOwnReads(fd: number): net.Socket {
  let current = takeBuffer();

  const lend = (length: number): readonly [Buffer, LentMemory] => {
    const buffer = current;
    current = takeBuffer();
    return [buffer.subarray(0, length), new LentMemory(() => giveBuffer(buffer))];
  };

  const socket = new net.Socket({
    fd,
    readable: true,
    writable: true,
    onread: {
      buffer: () => current,
      callback: (length) => {
        if (length >= MIN_LENT_BYTES) return socket.emit('data', ...lend(length));
        const chunk = Buffer.allocUnsafeSlow(length);
        current.copy(chunk, 0, 0, length);
        return socket.emit('data', chunk);
      },
    },
  });
  return socket;
}
