import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { DataFolders } from './control-config.ts';

/** Of a Unix socket's address, without the zero at its end. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Lays out the data folder: only the cells' code may be reached by other users of the machine. */
export function layOutDataFolder(data: string): Result<DataFolders, Problem> {
  const run = path.join(data, 'run');
  const socket = path.join(run, 'engine.sock');
  const folders: DataFolders = {
    data,
    mirror: path.join(data, 'mirror'),
    store: path.join(data, 'store'),
    bundles: path.join(data, 'bundles'),
    run,
    boot: path.join(data, 'boot'),
    engineSocket:
      Buffer.byteLength(socket) <= MAX_SOCKET_PATH_BYTES ? socket : path.join(shortFolder(data), 'engine.sock'),
  };
  try {
    mkdirSync(data, { recursive: true });
    // Others may pass through to the cells' code and see nothing else.
    chmodSync(data, 0o711);
    for (const folder of [folders.mirror, folders.store, folders.bundles, run, path.dirname(folders.engineSocket)]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      chmodSync(folder, 0o700);
    }
    mkdirSync(folders.boot, { recursive: true });
    chmodSync(folders.boot, 0o755);
    return ok(folders);
  } catch (error) {
    return err(problem('HW5022', `the data folder ${data} cannot be made: ${(error as Error).message}`));
  }
}

/** A folder whose name is short enough for a socket, the same for the same data folder, and nobody else's. */
function shortFolder(data: string): string {
  const name = createHash('sha256').update(data).digest('hex').slice(0, 16);
  return path.join(tmpdir(), `headway-${process.getuid?.() ?? 0}-${name}`);
}
