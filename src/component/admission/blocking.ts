/**
 * The imported functions that may suspend the guest until something happens outside. Everything else answers at once.
 * `wasi:http` has none of its own: a future is waited for through its pollable.
 */
export const BLOCKING: Readonly<Record<string, readonly string[]>> = {
  'wasi:io/poll': ['poll', '[method]pollable.block'],
  'wasi:io/streams': [
    '[method]input-stream.blocking-read',
    '[method]input-stream.blocking-skip',
    '[method]output-stream.blocking-flush',
    '[method]output-stream.blocking-write-and-flush',
    '[method]output-stream.blocking-write-zeroes-and-flush',
    '[method]output-stream.blocking-splice',
  ],
  'wasi:keyvalue/store': [
    'open',
    '[method]bucket.get',
    '[method]bucket.set',
    '[method]bucket.delete',
    '[method]bucket.exists',
    '[method]bucket.list-keys',
  ],
  'wasi:keyvalue/atomics': ['increment', 'swap', '[static]cas.new', '[method]cas.current'],
  'wasi:keyvalue/batch': ['get-many', 'set-many', 'delete-many'],
};

/**
 * The blocking functions that a component uses, as the transpiler wants them named: `wasi:io/poll#poll`.
 *
 * @param linked functions of linked imports whose provider can block: `shop:tax/rates@0.2.0#lookup`.
 */
export function blockingImports(
  imports: readonly string[],
  functionsTaken: ReadonlySet<string>,
  linked: readonly string[] = [],
): string[] {
  const used: string[] = [];
  for (const item of linked) {
    const [name = '', called = ''] = item.split('#');
    if (imports.includes(name) && functionsTaken.has(called)) used.push(`${name.split('@')[0]}#${called}`);
  }
  for (const [name, functions] of Object.entries(BLOCKING)) {
    if (!imports.some((item) => item.split('@')[0] === name)) continue;
    used.push(...functions.filter((item) => functionsTaken.has(item)).map((item) => `${name}#${item}`));
  }
  return used;
}
