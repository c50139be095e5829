import { pino, type Level, type Logger } from 'pino';
import { Mask } from '../kit/mask.ts';
import { visible } from '../kit/visible.ts';

export interface MaskedLog {
  readonly log: Logger;
  /** From now on these texts are masked in every line, wherever they come from. */
  protect(secrets: readonly string[]): void;
}

export interface LogOptions {
  readonly level: Level | 'silent';
  readonly secrets?: readonly string[];
  /** Where the lines go; standard output unless given. */
  readonly sink?: { write(line: string): void };
}

/**
 * The logger of a process: JSON lines, messages that never change, data in fields. Secrets are masked in the finished
 * line, in whatever field, message or stack they stand.
 */
export function createLogger(options: LogOptions): MaskedLog {
  const sink = options.sink ?? pino.destination({ fd: 1, sync: true });
  const mask = new Mask(options.secrets);
  const masked = { write: (line: string): void => void sink.write(visible(mask.hide(line))) };
  return {
    log: pino({ level: options.level, base: null }, masked),
    protect: (secrets) => mask.protect(secrets),
  };
}
