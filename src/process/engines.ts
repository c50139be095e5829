/** How the numbers of the node are shared out among its engines, and where each has its own files. */
import { readdirSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { problem, type Problem } from '../model/problem.ts';
import { engineFolder, engineSocketOf, type DataFolders } from './control-config.ts';
import { DEFAULT_MEMORY_SHARE, type EngineConfig } from './engine-config.ts';
import { sweepLeftCells } from './left-cells.ts';
import { printedAddress, type Address, type RunOptions } from './run-options.ts';

export interface EngineOfNode {
  readonly name: string;
  readonly runFolder: string;
  readonly config: EngineConfig;
}

export function enginesOf(options: RunOptions, folders: DataFolders): readonly EngineOfNode[] {
  const { engines: count, limits, listen, logLevel } = options;
  const common = {
    listen,
    storeFolder: folders.store,
    storesFolder: folders.stores,
    volumesFolder: folders.volumes,
    logLevel,
  };
  if (count === 1) {
    const config: EngineConfig = {
      ...common,
      bootFolder: folders.boot,
      linkPath: folders.engineSocket,
      runFolder: folders.run,
      poolSize: limits.poolSize,
      maxReplicas: limits.replicas,
      maxConnections: limits.connections,
      ...(limits.memoryBytes === undefined ? {} : { memoryBytes: limits.memoryBytes }),
    };
    return [{ name: 'engine', runFolder: folders.run, config }];
  }
  const share = (most: number): number => Math.max(1, Math.floor(most / count));
  const memoryBytes = limits.memoryBytes ?? os.totalmem() * DEFAULT_MEMORY_SHARE;
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const runFolder = engineFolder(folders, number);
    const config: EngineConfig = {
      ...common,
      // Each writes its own and removes there what is of another version.
      bootFolder: number === 1 ? folders.boot : `${folders.boot}-${number}`,
      linkPath: engineSocketOf(folders, number),
      runFolder,
      poolSize: limits.poolSize === 0 ? 0 : share(limits.poolSize),
      maxReplicas: share(limits.replicas),
      maxConnections: share(limits.connections),
      memoryBytes: share(memoryBytes),
      among: { number, count, handoverPath: path.join(folders.run, 'handover.sock') },
    };
    return { name: `engine ${number}`, runFolder, config };
  });
}

/**
 * Engines that share a port share it with every program of the same user that does, and none of them would hear of it:
 * whether it is free is found out once, before the first.
 */
export async function portProblem({ host, port }: Address): Promise<Problem | undefined> {
  const server = net.createServer();
  const why = await new Promise<string | undefined>((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'EADDRINUSE' ? 'another program listens there' : error.message),
    );
    server.listen({ host, port, exclusive: true }, () => resolve(undefined));
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return why === undefined
    ? undefined
    : problem('HW4501', `cannot listen on ${printedAddress({ host, port })}: ${why}`);
}

/** Cells of an engine that there was before and that nobody starts any more. */
export async function sweepSurplus({ data, engines }: Pick<RunOptions, 'data' | 'engines'>): Promise<void> {
  const run = path.join(data, 'run');
  for (const name of readdirSync(run)) {
    const number = Number(/^engine-([0-9]+)$/.exec(name)?.[1] ?? 0);
    if (number > engines) await sweepLeftCells(path.join(run, name));
  }
}
