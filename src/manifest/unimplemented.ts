import type { Kind } from './kinds.ts';

/**
 * What the form allows and this version cannot do yet. It is refused at admission, never ignored; whoever implements a
 * row deletes it. `where` is a path of the document: `*` is any item or field, and a row is about a value that is there.
 */
export interface Unimplemented {
  readonly kind: Kind;
  readonly where: string;
  readonly what: string;
}

const CAPABILITIES: readonly string[] = ['blobStore', 'messaging', 'sql'];

/** A Role grants what a component may be granted itself. */
export const UNIMPLEMENTED: readonly Unimplemented[] = (['Component', 'Role'] as const).flatMap((kind) =>
  CAPABILITIES.map((capability) => ({
    kind,
    where: `spec.capabilities.*.${capability}`,
    what: `the capability ${capability}`,
  })),
);

export function isCapabilityImplemented(capability: string): boolean {
  return !CAPABILITIES.includes(capability);
}

/** The rows that a document meets, with the JSON pointer of the value. */
export function unimplementedIn(
  kind: Kind,
  document: unknown,
): readonly { readonly pointer: string; readonly what: string }[] {
  return UNIMPLEMENTED.filter((row) => row.kind === kind).flatMap((row) =>
    [...pointersAt(document, row.where.split('.'), '')].map((pointer) => ({ pointer, what: row.what })),
  );
}

function* pointersAt(value: unknown, path: readonly string[], pointer: string): Generator<string> {
  const [segment, ...rest] = path;
  if (segment === undefined) {
    yield pointer;
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const name of segment === '*' ? Object.keys(value) : [segment]) {
    if (Object.hasOwn(value, name)) {
      yield* pointersAt((value as Record<string, unknown>)[name], rest, `${pointer}/${name}`);
    }
  }
}
