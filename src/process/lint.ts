import { pino } from 'pino';
import { lint, type LintExit, type LintOptions } from '../check/lint.ts';
import type { Terminal } from '../check/terminal.ts';
import { openManifestParser } from './manifest-parser.ts';

/** `headway lint <dir>` with the daemon's parser behind it. */
export async function lintCommand(options: LintOptions, terminal: Terminal): Promise<LintExit> {
  const parser = openManifestParser({ log: pino({ enabled: false }) });
  try {
    return await lint(options, terminal, parser);
  } finally {
    parser.close();
  }
}
