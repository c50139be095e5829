import { open, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { StrictDescriptors } from './launch.ts';

const FILTER_NAME = 'seccomp.bpf';

/** Writes the filter where `withStrictFiles` finds it. */
export async function writeFilter(folder: string, filter: Uint8Array): Promise<void> {
  await writeFile(path.join(folder, FILTER_NAME), filter, { mode: 0o600 });
}

/**
 * Opens what one start in bubblewrap needs. The filter each time anew, because bubblewrap reads it to its end and a shared
 * descriptor has a shared position; the other is a file without a name.
 */
export async function withStrictFiles<T>(
  folder: string,
  name: string,
  use: (files: StrictDescriptors) => Promise<T>,
): Promise<T> {
  const infoFile = path.join(folder, `info-${name}`);
  const filter = await open(path.join(folder, FILTER_NAME), 'r');
  const info = await open(infoFile, 'w+', 0o600);
  await rm(infoFile, { force: true });
  try {
    return await use({ filter: filter.fd, info: info.fd });
  } finally {
    await Promise.all([filter.close(), info.close()]);
  }
}
