/** Which of its limits a component puts higher than a Policy lets it, also where it says nothing and the default is higher. */
import { formatDuration } from '../../kit/units.ts';
import type { Limits } from '../../model/component.ts';
import type { CeiledLimit, PolicySettings } from '../../model/desired.ts';
import { DEFAULT_FILES, DEFAULT_HEADERS, DEFAULT_SOCKETS } from '../../model/limits.ts';

interface CeiledField {
  /** As it is written. */
  readonly name: string;
  /** What a component has that does not say. */
  readonly standard?: (limits: Limits) => number;
  readonly words?: (value: number) => string;
}

const bytes = (value: number): string => `${value} bytes`;

const CEILED: Readonly<Record<CeiledLimit, CeiledField>> = {
  memoryBytes: { name: 'memory', words: bytes },
  cpuMillis: { name: 'cpu', words: (value) => `${value}m` },
  concurrency: { name: 'concurrency' },
  instances: { name: 'instances', standard: ({ concurrency }) => concurrency },
  queue: { name: 'queue' },
  startTimeoutMs: { name: 'startTimeout', words: formatDuration },
  responseBodyBytes: { name: 'responseBody', words: bytes },
  logBytesPerSecond: { name: 'logBytesPerSecond', words: bytes },
  headers: { name: 'headers', standard: () => DEFAULT_HEADERS },
  handles: { name: 'handles' },
  sockets: { name: 'sockets', standard: () => DEFAULT_SOCKETS },
  files: { name: 'files', standard: () => DEFAULT_FILES },
};

export function limitExcesses(
  limits: Limits,
  most: PolicySettings['limits'],
): { readonly pointer: string; readonly message: string }[] {
  return (Object.keys(CEILED) as CeiledLimit[]).flatMap((key) => {
    const { name, standard, words = String } = CEILED[key];
    const [asked, ceiling] = [limits[key] ?? standard!(limits), most[key]];
    if (ceiling === undefined || asked <= ceiling) return [];
    return [{ pointer: `/spec/limits/${name}`, message: `${name} ${words(asked)} exceeds the ${words(ceiling)}` }];
  });
}
