import { chmodSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { DataFolders } from './control-config.ts';

/** Lays out the data folder: only the cells' code may be reached by other users of the machine. */
export function layOutDataFolder(data: string): Result<DataFolders, Problem> {
  const run = path.join(data, 'run');
  const folders: DataFolders = {
    data,
    mirror: path.join(data, 'mirror'),
    roots: path.join(data, 'roots'),
    store: path.join(data, 'store'),
    bundles: path.join(data, 'bundles'),
    stores: path.join(data, 'stores'),
    volumes: path.join(data, 'volumes'),
    run,
    boot: path.join(data, 'boot'),
    engineSocket: path.join(run, 'engine.sock'),
  };
  try {
    mkdirSync(data, { recursive: true });
    // Others may pass through to the cells' code and see nothing else.
    chmodSync(data, 0o711);
    const { mirror, roots, store, bundles, stores, volumes } = folders;
    for (const folder of [mirror, roots, store, bundles, stores, volumes, run]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      chmodSync(folder, 0o700);
    }
    mkdirSync(folders.boot, { recursive: true });
    chmodSync(folders.boot, 0o755);
    return ok(folders);
  } catch (error) {
    const file = fileInTheWay(data);
    if (file !== undefined) return err(problem('HW5031', `the data folder ${data} cannot be made: ${file} is a file`));
    return err(problem('HW5032', `the data folder ${data} cannot be made: ${(error as Error).message}`));
  }
}

/** The data folder itself, or the nearest of the folders above it that is there and is none. */
function fileInTheWay(data: string): string | undefined {
  for (let at = data; ; at = path.dirname(at)) {
    try {
      return statSync(at).isDirectory() ? undefined : at;
    } catch {
      if (at === path.dirname(at)) return undefined;
    }
  }
}
