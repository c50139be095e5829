import { Writable } from 'node:stream';
import { pino, type Logger } from 'pino';

/** A real logger that keeps its lines, for tests that look at what was logged. */
export function keepingLog(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { log: pino({ level: 'trace' }, sink), lines };
}
