import type { Attempt } from './attempt.ts';
import { FILES } from './rows/files.ts';
import { LEAKS } from './rows/leaks.ts';
import { LOGS } from './rows/logs.ts';
import { MANIFESTS } from './rows/manifests.ts';
import { MEMORY } from './rows/memory.ts';
import { NAMED } from './rows/names.ts';
import { NETWORK } from './rows/network.ts';

export const ATTEMPTS: readonly Attempt[] = [
  ...LEAKS,
  ...FILES,
  ...NETWORK,
  ...NAMED,
  ...MEMORY,
  ...LOGS,
  ...MANIFESTS,
];
