/** Control's links: to the one engine, or to several as one. */
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { connectEngine } from '../host/link-client.ts';
import type { Clock } from '../kit/clock.ts';
import { createEngines } from '../reconcile/engines/engines.ts';
import type { EnginesState } from '../reconcile/engines/state.ts';
import type { ServingEngine } from '../reconcile/ports.ts';
import { engineSocketOf, type DataFolders } from './control-config.ts';

export interface ConnectOptions {
  readonly count: number;
  readonly folders: DataFolders;
  readonly clock: Clock;
  readonly log: Logger;
}

export type Connected = ServingEngine & { close(): void };

export function connectEngines({ count, folders, clock, log }: ConnectOptions): Connected {
  if (count === 1) return connectEngine({ path: folders.engineSocket, log });
  const links = Array.from({ length: count }, (_, index) => {
    const engine = index + 1;
    return connectEngine({ path: engineSocketOf(folders, engine), log: log.child({ engine }) });
  });
  const file = path.join(folders.run, 'engines.json');
  const engines = createEngines(links, {
    clock,
    log,
    newEpoch: randomUUID,
    remembered: recall(file),
    remember: (state) => remember(file, state, log),
  });
  return {
    ...engines,
    close() {
      for (const link of links) link.close();
    },
  };
}

/** It is no journal: without it counting begins anew, and what only one engine has is found out by looking. */
function recall(file: string): EnginesState | undefined {
  try {
    const state = JSON.parse(readFileSync(file, 'utf8')) as EnginesState;
    return Array.isArray(state.members) && Array.isArray(state.home) ? state : undefined;
  } catch {
    return undefined;
  }
}

function remember(file: string, state: EnginesState, log: Logger): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    log.error({ error: (error as Error).message }, 'what is known of the engines cannot be written down');
  }
}
