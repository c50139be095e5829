import { BLOCKING } from '../../model/blocking.ts';

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
