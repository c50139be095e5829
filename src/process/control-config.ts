import path from 'node:path';
import type { RunOptions } from './run-options.ts';

/** What control is started with, as one line of JSON on its standard input. */
export interface ControlConfig {
  readonly version: string;
  readonly options: RunOptions;
  readonly folders: DataFolders;
  /** Of a trial: the file that says how much time was skipped (clock.ts). */
  readonly skips?: string;
}

/** Everything below the data folder, absolute. */
export interface DataFolders {
  readonly data: string;
  readonly mirror: string;
  /** `<root>/`: journal and mirror of each of several roots. */
  readonly roots: string;
  /** Content by digest: artifacts and bundles. The engine reads it, control writes it. */
  readonly store: string;
  /** The index of prepared bundles. */
  readonly bundles: string;
  /** What guests keep: `<namespace>/<store>.sqlite`. */
  readonly stores: string;
  /** Volumes that components write to. Only the broker opens it. */
  readonly volumes: string;
  /** Sockets, records of running cells. */
  readonly run: string;
  /** The cells' code; its parents are open to the uids that cells run under. */
  readonly boot: string;
  readonly engineSocket: string;
}

/** Where control finds engine 2 and those after it, each with a run folder of its own. */
export function engineFolder({ run }: Pick<DataFolders, 'run'>, number: number): string {
  return number === 1 ? run : path.join(run, `engine-${number}`);
}

export function engineSocketOf(folders: Pick<DataFolders, 'run' | 'engineSocket'>, number: number): string {
  return number === 1 ? folders.engineSocket : path.join(engineFolder(folders, number), 'engine.sock');
}
