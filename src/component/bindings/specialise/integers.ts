/**
 * Narrow integers, booleans and flags from the guest. jco refuses a core value that does not fit; the component model takes as
 * many of its bits as the type has, and any number but 0 for true.
 */
import type { AnyNode } from 'acorn';
import { rewrite } from '../syntax.ts';
import { expressionOf, matchAt, matchExpression, template } from './template.ts';

const RULES = [
  ['clampGuest($value, 0, 255)', '$value & 255'],
  ['clampGuest($value, 0, 65535)', '$value & 65535'],
  ['clampGuest($value, -128, 127)', '$value << 24 >> 24'],
  ['clampGuest($value, -32768, 32767)', '$value << 16 >> 16'],
  ['$value == 0 ? false : $value == 1 ? true : throwInvalidBool()', '$value !== 0'],
].map(([pattern, by]) => ({ pattern: template(pattern!), by: template(by!) }));

const SURPLUS_FLAGS = template(`
  if (($flags & $mask) !== 0) {
    throw new TypeError('flags have extraneous bits set');
  }
`);

/** What is clamped in another way keeps the name of jco's helper, and the file is refused for that. */
export function useOwnMasks(root: AnyNode): void {
  rewrite(root, (node) => {
    if (node.type === 'IfStatement') return matchAt(SURPLUS_FLAGS, [node], 0) ? undefined : node;
    if (node.type !== 'CallExpression' && node.type !== 'ConditionalExpression') return node;
    for (const { pattern, by } of RULES) {
      const found = matchExpression(pattern, node);
      if (found) return expressionOf(by, found);
    }
    return node;
  });
}
