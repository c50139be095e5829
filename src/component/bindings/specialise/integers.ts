/**
 * Narrow integers, booleans and flags from the guest. jco refuses a core value that does not fit; the component model takes as
 * many of its bits as the type has, and any number but 0 for true.
 */
import type { AnyNode, Statement } from 'acorn';
import { rewrite } from '../syntax.ts';
import { expressionOf, fill, heldName, matchAt, matchExpression, template } from './template.ts';

export const INTEGER_CODE: readonly Statement[] = template(`
  function _fastWide(value) {
    return typeof value === 'bigint' ? value : BigInt(value >>> 0);
  }
`);

const RULES = [
  ['clampGuest($value, 0, 255)', '$value & 255'],
  ['clampGuest($value, 0, 65535)', '$value & 65535'],
  ['clampGuest($value, -128, 127)', '$value << 24 >> 24'],
  ['clampGuest($value, -32768, 32767)', '$value << 16 >> 16'],
  ['$value == 0 ? false : $value == 1 ? true : throwInvalidBool()', '$value !== 0'],
].map(([pattern, by]) => ({ pattern: template(pattern!), by: template(by!) }));

/** Where cases of a variant share a place that is wider than theirs, the upper half is nothing, and zeros. */
const WIDENED = ['$place = BigInt(BigInt($value));', '$place = BigInt($value);'].map(template);
const WIDENED_OWN = template('$place = _fastWide($value);');
const PLACE = /^variant[0-9]+_[0-9]+$/;
const NARROWED = template('Number($given)');
const NARROWED_OWN = template('Number(BigInt.asIntN(32, $given))');
const PARAMETER = /^arg[0-9]+$/;

const SURPLUS_FLAGS = template(`
  if (($flags & $mask) !== 0) {
    throw new TypeError('flags have extraneous bits set');
  }
`);

/** What is clamped in another way keeps the name of jco's helper, and the file is refused for that. */
export function useOwnMasks(root: AnyNode): void {
  rewrite(root, (node) => {
    if (node.type === 'IfStatement') return matchAt(SURPLUS_FLAGS, [node], 0) ? undefined : node;
    if (node.type === 'ExpressionStatement') return widened(node);
    if (node.type !== 'CallExpression' && node.type !== 'ConditionalExpression') return node;
    for (const { pattern, by } of RULES) {
      const found = matchExpression(pattern, node);
      if (found) return expressionOf(by, found);
    }
    return node;
  });
}

function widened(node: Statement): AnyNode {
  for (const pattern of WIDENED) {
    const found = matchAt(pattern, [node], 0)?.held;
    if (found && PLACE.test(heldName(found, 'place') ?? '')) return fill(WIDENED_OWN, found)[0]!;
  }
  return node;
}

/** Of an import's function: its parameters are core values of the guest's. */
export function useOwnHalves(trampoline: AnyNode): void {
  rewrite(trampoline, (node) => {
    const found = node.type === 'CallExpression' ? matchExpression(NARROWED, node) : undefined;
    return found && PARAMETER.test(heldName(found, 'given') ?? '') ? expressionOf(NARROWED_OWN, found) : node;
  });
}
