import { contains, parseBlock } from './address.ts';
import type { Grant } from './component.ts';
import type { CapabilityCeiling } from './desired.ts';
import type { Ceilings } from './snapshot.ts';

type Settings = Readonly<Record<string, unknown>>;
/** Whether what a grant asks for in one field stays below the ceiling. */
type Contained = (grant: Settings, ceiling: Settings) => boolean;

/** Each item of the grant's list is in the ceiling's; a ceiling without the list does not restrict. */
const within =
  (field: string, covers: (ceiling: string, asked: string) => boolean = (a, b) => a === b): Contained =>
  (grant, ceiling) => {
    const allowed = ceiling[field] as readonly unknown[] | undefined;
    if (!allowed) return true;
    // An absent list in a grant means "all of them"; what was used is one of them.
    const asked = grant[field] as readonly unknown[] | string | undefined;
    const items = typeof asked === 'string' ? [asked] : asked;
    return items?.every((item) => allowed.some((bound) => covers(String(bound), String(item)))) ?? false;
  };

/** A list that grants by being there: absent is nothing. What was used is one item. */
const itemsOf =
  (field: string, covers: (ceiling: string, asked: string) => boolean = (a, b) => a === b): Contained =>
  (grant, ceiling) => {
    const allowed = (ceiling[field] ?? []) as readonly unknown[];
    const asked = grant[field] as readonly unknown[] | string | undefined;
    const items = typeof asked === 'string' ? [asked] : (asked ?? []);
    return items.every((item) => allowed.some((bound) => covers(String(bound), String(item))));
  };

const oneOf =
  (field: string, list: string): Contained =>
  (grant, ceiling) =>
    grant[field] === undefined || ((ceiling[list] ?? []) as readonly unknown[]).includes(grant[field]);

const access: Contained = (grant, ceiling) => grant['access'] === 'ReadOnly' || ceiling['access'] === 'ReadWrite';

const path: Contained = (grant, ceiling) => {
  const asked = grant['path'] as string | undefined;
  const allowed = (ceiling['paths'] ?? []) as readonly string[];
  return asked === undefined || allowed.some((bound) => asked === bound || asked.startsWith(`${bound}/`));
};

/** Of another grant: a Policy's ceiling has none, and none restricts nothing. */
const keyPrefix: Contained = (grant, ceiling) => {
  const { keyPrefix: allowed } = ceiling as { readonly keyPrefix?: string };
  const { keyPrefix: asked = '' } = grant as { readonly keyPrefix?: string };
  return allowed === undefined || asked.startsWith(allowed);
};

const atMost =
  (field: string): Contained =>
  (grant, ceiling) =>
    ceiling[field] === undefined || Number(grant[field] ?? 0) <= Number(ceiling[field]);

/** For each capability key: everything that has to hold. */
const CONTAINMENT: Readonly<Record<string, readonly Contained[]>> = {
  outboundHttp: [within('schemes'), within('hosts', hostCovers), within('ports'), within('methods')],
  sockets: [within('protocols'), itemsOf('hosts', hostCovers), itemsOf('ports'), itemsOf('listen')],
  nameLookup: [within('hosts', hostCovers)],
  filesystem: [oneOf('volume', 'volumes'), path, access, atMost('maxSize'), atMost('maxFiles')],
  keyValue: [oneOf('store', 'stores'), access, keyPrefix, atMost('maxSize'), atMost('maxKeys'), atMost('maxValueSize')],
  blobStore: [oneOf('container', 'containers'), access],
  messaging: [
    oneOf('connection', 'connections'),
    itemsOf('publish', subjectCovers),
    itemsOf('subscribe', subjectCovers),
  ],
  sql: [oneOf('connection', 'connections'), access],
};

/** Whether a grant asks for no more than one of the ceilings allows. */
export function isContained(
  grant: Pick<Grant, 'capability' | 'settings'>,
  ceilings: readonly CapabilityCeiling[],
): boolean {
  const rules = CONTAINMENT[grant.capability];
  if (!rules) return false;
  return ceilings
    .filter((ceiling) => ceiling.capability === grant.capability)
    .some((ceiling) => rules.every((holds) => holds(grant.settings, ceiling.settings)));
}

/** The ceilings of a namespace that allow less than what is asked. */
export function exceeded(
  ceilings: readonly Ceilings[],
  namespace: string,
  asked: Pick<Grant, 'capability' | 'settings'>,
): readonly Ceilings[] {
  return ceilings.filter(
    ({ namespaces, capabilities }) =>
      (namespaces.includes('*') || namespaces.includes(namespace)) && !isContained(asked, capabilities),
  );
}

/**
 * `*.example.com` covers every host below it, and every narrower wildcard; a block of addresses covers those in it, however
 * they are written; nothing else covers more than itself.
 */
export function hostCovers(bound: string, asked: string): boolean {
  if (bound.toLowerCase() === asked.toLowerCase()) return true;
  const inner = parseBlock(asked);
  const outer = inner && parseBlock(bound);
  if (inner) return outer !== undefined && contains(outer, inner);
  return bound.startsWith('*.') && asked.toLowerCase().endsWith(bound.slice(1).toLowerCase());
}

/** `*` covers one segment, `>` the rest. */
function subjectCovers(bound: string, asked: string): boolean {
  const bounds = bound.split('.');
  const segments = asked.split('.');
  for (const [index, segment] of bounds.entries()) {
    if (segment === '>') return segments.length > index;
    if (segments[index] === undefined || segments[index] === '>') return false;
    if (segment !== '*' && segment !== segments[index]) return false;
  }
  return bounds.length === segments.length;
}
