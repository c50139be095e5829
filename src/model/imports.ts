import { problem, type Problem } from './problem.ts';
import { splitVersion, type ComponentShape } from './wit.ts';

/**
 * What each interface that a component may import needs, and what it gets. One row per interface; a row for a package
 * ends in `/*`. What no row names is unknown and refused.
 *
 * `Provided`: needs no grant. `Denied`: links, grants nothing, and every function answers with the interface's own error,
 * because common toolchains import it without using it. `Granted`: refused unless a grant of one of the capabilities
 * stands in `spec.capabilities`.
 */
export type ImportRow = {
  readonly name: string;
  /** Versions that the host implements: `0.2` is every released 0.2.x. */
  readonly version: keyof typeof VERSIONS;
} & ({ readonly rule: 'Provided' | 'Denied' } | { readonly rule: 'Granted'; readonly capabilities: readonly string[] });

export const IMPORTS: readonly ImportRow[] = [
  { name: 'wasi:io/error', version: '0.2', rule: 'Provided' },
  { name: 'wasi:io/poll', version: '0.2', rule: 'Provided' },
  { name: 'wasi:io/streams', version: '0.2', rule: 'Provided' },
  { name: 'wasi:clocks/monotonic-clock', version: '0.2', rule: 'Provided' },
  { name: 'wasi:clocks/wall-clock', version: '0.2', rule: 'Provided' },
  { name: 'wasi:clocks/timezone', version: '0.2', rule: 'Provided' },
  { name: 'wasi:random/random', version: '0.2', rule: 'Provided' },
  { name: 'wasi:random/insecure', version: '0.2', rule: 'Provided' },
  { name: 'wasi:random/insecure-seed', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/environment', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/exit', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/stdin', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/stdout', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/stderr', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/terminal-input', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/terminal-output', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/terminal-stdin', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/terminal-stdout', version: '0.2', rule: 'Provided' },
  { name: 'wasi:cli/terminal-stderr', version: '0.2', rule: 'Provided' },
  { name: 'wasi:http/types', version: '0.2', rule: 'Provided' },
  // Values of the own document: there is nothing to grant.
  { name: 'wasi:config/store', version: '0.2.0-any', rule: 'Provided' },
  { name: 'wasi:config/runtime', version: '0.2.0-draft', rule: 'Provided' },
  { name: 'headway:http/types', version: '0.1', rule: 'Provided' },

  { name: 'wasi:filesystem/types', version: '0.2', rule: 'Denied' },
  { name: 'wasi:filesystem/preopens', version: '0.2', rule: 'Denied' },
  { name: 'wasi:sockets/network', version: '0.2', rule: 'Provided' },
  { name: 'wasi:sockets/tcp', version: '0.2', rule: 'Provided' },
  { name: 'wasi:sockets/udp', version: '0.2', rule: 'Provided' },

  { name: 'wasi:http/outgoing-handler', version: '0.2', rule: 'Granted', capabilities: ['outboundHttp'] },
  { name: 'wasi:sockets/instance-network', version: '0.2', rule: 'Granted', capabilities: ['sockets', 'nameLookup'] },
  { name: 'wasi:sockets/ip-name-lookup', version: '0.2', rule: 'Granted', capabilities: ['nameLookup'] },
  { name: 'wasi:sockets/tcp-create-socket', version: '0.2', rule: 'Granted', capabilities: ['sockets'] },
  { name: 'wasi:sockets/udp-create-socket', version: '0.2', rule: 'Granted', capabilities: ['sockets'] },
  { name: 'wasi:keyvalue/store', version: '0.2.0-draft', rule: 'Granted', capabilities: ['keyValue'] },
  { name: 'wasi:keyvalue/atomics', version: '0.2.0-draft', rule: 'Granted', capabilities: ['keyValue'] },
  { name: 'wasi:keyvalue/batch', version: '0.2.0-draft', rule: 'Granted', capabilities: ['keyValue'] },
  { name: 'wasi:blobstore/*', version: 'any', rule: 'Granted', capabilities: ['blobStore'] },
  { name: 'wasi:messaging/*', version: 'any', rule: 'Granted', capabilities: ['messaging'] },
  { name: 'wasi:sql/*', version: 'any', rule: 'Granted', capabilities: ['sql'] },
];

const VERSIONS = {
  '0.1': /^0\.1\.[0-9]+$/,
  '0.2': /^0\.2\.[0-9]+$/,
  /** The two drafts that toolchains know. */
  '0.2.0-draft': /^0\.2\.0-draft2?$/,
  /** Draft, release candidates and releases have the same two functions. */
  '0.2.0-any': /^0\.2\.[0-9]+(?:-(?:draft|rc\.[0-9]+))?$/,
  any: /^/,
} as const;

/** What the member of a cell was given, as far as admission looks at it. */
export interface Given {
  readonly capabilities: readonly { readonly capability: string }[];
  readonly links: readonly { readonly import: string }[];
}

/** The first import that the member was not given, as a problem; `undefined` where all are admitted. */
export function refusedImport(imports: readonly string[], given: Given): Problem | undefined {
  for (const name of imports) {
    const refused = refusalOf(name, given);
    if (refused) return refused;
  }
  return undefined;
}

/** Why one import is not admitted with what was given; `undefined` where it is. */
export function refusalOf(name: string, given: Given): Problem | undefined {
  if (given.links.some((link) => link.import === name)) return undefined;
  const [plain, version] = splitVersion(name);
  const row = rowOf(name);
  if (!row) return problem('HW2112', `the component imports ${name}, which no host interface and no link provides`);
  if (!VERSIONS[row.version].test(version)) {
    return problem('HW2112', `the component imports ${name}; the host has ${plain} ${row.version}.x`);
  }
  if (row.rule !== 'Granted') return undefined;
  if (given.capabilities.some((grant) => row.capabilities.includes(grant.capability))) return undefined;
  return problem('HW2111', `the component imports ${name} and has no grant for it`, {
    remedy: `add an item with "${row.capabilities.join('" or "')}" to spec.capabilities, or build the component without that import`,
  });
}

/** The row about an interface, whatever its version; `undefined` where no host interface has that name. */
export function rowOf(name: string): ImportRow | undefined {
  const [plain] = splitVersion(name);
  return IMPORTS.find((row) => row.name === plain || row.name === `${plain.slice(0, plain.indexOf('/'))}/*`);
}

/** The interfaces that a component imports to use them: those that only name types reach nothing. */
export function importsOf({ imports }: ComponentShape): readonly string[] {
  return imports.interfaces
    .filter(({ functions, resources }) => functions.length > 0 || resources.length > 0)
    .map(({ name }) => name);
}

/** Functions of `wasi:keyvalue` that change what is stored. */
const WRITING: Readonly<Record<string, readonly string[]>> = {
  'wasi:keyvalue/store': ['[method]bucket.set', '[method]bucket.delete'],
  'wasi:keyvalue/atomics': ['increment', 'swap'],
  'wasi:keyvalue/batch': ['set-many', 'delete-many'],
};

/** Whether a component imports a function that writes keys. */
export function writesKeys({ imports }: ComponentShape): boolean {
  return imports.interfaces.some(({ name, functions }) => {
    const writing = WRITING[splitVersion(name)[0]] ?? [];
    return functions.some((imported) => writing.includes(imported.name));
  });
}

/** What asks for a filesystem needs no grant to be imported: without one there are no folders. */
const OPEN: Readonly<Record<string, readonly string[]>> = { 'wasi:filesystem/preopens': ['filesystem'] };

/** Whether a capability gives a component anything: it imports an interface that asks for it. */
export function usesCapability(imports: readonly string[], capability: string): boolean {
  return imports.some((name) => {
    const row = rowOf(name);
    const asked = row?.rule === 'Granted' ? row.capabilities : (OPEN[row?.name ?? ''] ?? []);
    return asked.includes(capability);
  });
}
