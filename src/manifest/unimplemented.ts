import type { Kind } from './kinds.ts';

/**
 * What the form allows and this version cannot do yet. It is refused at admission, never ignored; whoever implements a
 * row deletes it. `where` is a path of the document: `*` is any item or field, and a row is about a value that is there.
 */
export interface Unimplemented {
  readonly kind: Kind;
  readonly where: string;
  readonly what: string;
  /** Only values of this kind; absent: any value. */
  readonly when?: (value: unknown) => boolean;
}

const WRITTEN: readonly Unimplemented[] = [
  { kind: 'Component', where: 'spec.capabilities.*.blobStore', what: 'the capability blobStore' },
  { kind: 'Component', where: 'spec.capabilities.*.messaging', what: 'the capability messaging' },
  { kind: 'Component', where: 'spec.capabilities.*.sql', what: 'the capability sql' },
];

/** A Role grants what a component may be granted itself. */
export const UNIMPLEMENTED: readonly Unimplemented[] = [
  ...WRITTEN,
  ...WRITTEN.filter(({ where }) => where.startsWith('spec.capabilities.')).map((row) => ({
    ...row,
    kind: 'Role' as const,
  })),
];

export function isCapabilityImplemented(capability: string): boolean {
  return !WRITTEN.some(({ where }) => where === `spec.capabilities.*.${capability}`);
}

/** The rows that a document meets, with the JSON pointer of the value. */
export function unimplementedIn(
  kind: Kind,
  document: unknown,
): readonly { readonly pointer: string; readonly what: string }[] {
  return UNIMPLEMENTED.filter((row) => row.kind === kind).flatMap((row) =>
    [...valuesAt(document, row.where.split('.'), '')]
      .filter(({ value }) => row.when?.(value) ?? true)
      .map(({ pointer }) => ({ pointer, what: row.what })),
  );
}

function* valuesAt(
  value: unknown,
  path: readonly string[],
  pointer: string,
): Generator<{ readonly value: unknown; readonly pointer: string }> {
  const [segment, ...rest] = path;
  if (segment === undefined) {
    yield { value, pointer };
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const name of segment === '*' ? Object.keys(value) : [segment]) {
    if (Object.hasOwn(value, name)) {
      yield* valuesAt((value as Record<string, unknown>)[name], rest, `${pointer}/${name}`);
    }
  }
}
