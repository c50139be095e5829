import { pino, type DestinationStream } from 'pino';
import { visible } from '../kit/visible.ts';

/** Lines that nobody reads are kept up to here, then dropped: a stopped terminal must not stop traffic, or eat memory. */
export const MAX_UNREAD_LOG_BYTES = 4 * 1024 * 1024;
const STDERR = 2;

/** Standard error as the sink of a logger in a process that serves: never waits, never grows. Written out at exit. */
export function servingLogSink(): DestinationStream {
  const sink = pino.destination({ dest: STDERR, sync: false, maxLength: MAX_UNREAD_LOG_BYTES });
  return { write: (line) => void sink.write(visible(line)) };
}
