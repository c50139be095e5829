/** A visitor that reports to this process instead of to a person. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { NO_VISITS, type Visits } from './visits.ts';
import type { VisitorConfig } from './visitor.ts';

export interface Guest {
  /** Its last report, a tenth of a second old at most. */
  visits(): Visits;
  stop(): Promise<void>;
}

export function inviteGuest(config: Omit<VisitorConfig, 'report'>): Guest {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'visitor.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let last = NO_VISITS;
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = JSON.parse(line) as Visits;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify({ ...config, report: 'Json' } satisfies VisitorConfig)}\n`);
  return {
    visits: () => last,
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
