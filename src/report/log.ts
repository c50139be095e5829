import { pino, type Level, type Logger } from 'pino';

const MASK = '***';
/** Shorter ones would mask half of the log and protect nothing. */
const MIN_SECRET_CHARACTERS = 6;

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
 * line, in whatever field, message or stack they stand: as they are, as JSON writes them, as URLs and as base64 do.
 */
export function createLogger(options: LogOptions): MaskedLog {
  const sink = options.sink ?? pino.destination({ fd: 1, sync: true });
  let forms: readonly string[] = [];
  const masked = {
    write(line: string): void {
      let text = line;
      for (const form of forms) text = text.replaceAll(form, MASK);
      sink.write(text);
    },
  };
  const protect = (secrets: readonly string[]): void => {
    const more = secrets.filter((secret) => secret.length >= MIN_SECRET_CHARACTERS).flatMap(formsOf);
    // The longest first: a secret may be the start of another.
    forms = [...new Set([...forms, ...more])].sort((a, b) => b.length - a.length);
  };
  protect(options.secrets ?? []);
  return { log: pino({ level: options.level, base: null }, masked), protect };
}

function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64');
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    base64,
    base64.replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
  ];
}
