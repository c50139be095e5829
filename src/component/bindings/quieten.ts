import type { AnyNode, ConditionalExpression, Program, Statement } from 'acorn';
import { dropCreatedReps, readsCreatedReps } from './created-reps.ts';
import { calls, generatorBody, shapeOf } from './shape.ts';
import { isIdentifier, isMember, rewrite, visit } from './syntax.ts';
import { dropUnreached } from './unreached.ts';
import { dropUnreadOption } from './unread.ts';

/**
 * The `quiet` tier: jco's bindings without calls of its log (two fifths of a call's time), without tables that only grow,
 * without the arms that are decided already and without what nothing reads or reaches. Changes the sealed tree in place.
 *
 * `false` where the tree is not as expected in any of this: the file stays `stock`. The tree may have been changed by
 * then, so the caller parses it again.
 */
export function quieten(program: Program): boolean {
  const shape = shapeOf(program);
  const body = shape && generatorBody(shape.instantiate);
  if (!shape || !body) return false;
  const suspending = suspendingTrampolines(body);
  rewrite(shape.instantiate, (node) => quiet(node, suspending));
  dropUnreadOption(shape.instantiate, 'paramLiftFns');
  dropUnreached(shape.instantiate, body);
  // Fused adapters of nested components look up what a table has created; where they are, the table has to be kept.
  if (!readsCreatedReps(shape.instantiate)) dropCreatedReps(shape.instantiate);
  return !mentions(shape.instantiate, '_debugLog');
}

/** Names of `_trampolineN` with a statement `_trampolineN.manuallyAsync = true`. */
function suspendingTrampolines(body: readonly Statement[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const statement of body) {
    if (statement.type !== 'ExpressionStatement' || statement.expression.type !== 'AssignmentExpression') continue;
    const { left, right } = statement.expression;
    const isTrue = right.type === 'Literal' && right.value === true;
    if (isTrue && left.type === 'MemberExpression' && isIdentifier(left.object)) {
      if (isMember(left, left.object.name, 'manuallyAsync')) names.add(left.object.name);
    }
  }
  return names;
}

function quiet(node: AnyNode, suspending: ReadonlySet<string>): AnyNode | undefined {
  if (node.type === 'ExpressionStatement') return calls(node.expression, '_debugLog') ? undefined : node;
  if (node.type === 'ConditionalExpression') return decidedArm(node, suspending) ?? node;
  // `if (null !== null) {…}`, which jco writes where a function has no return pointer.
  if (node.type === 'IfStatement' && !node.alternate && isNullComparedWithNull(node.test)) return undefined;
  return node;
}

/** `_trampolineN.manuallyAsync ? Suspending : plain`: the file itself says which. */
function decidedArm(node: ConditionalExpression, suspending: ReadonlySet<string>): AnyNode | undefined {
  const { test } = node;
  if (test.type !== 'MemberExpression' || !isIdentifier(test.object)) return undefined;
  if (!test.object.name.startsWith('_trampoline') || !isMember(test, test.object.name, 'manuallyAsync'))
    return undefined;
  return suspending.has(test.object.name) ? node.consequent : node.alternate;
}

function isNullComparedWithNull(test: AnyNode): boolean {
  const isNull = (node: AnyNode): boolean => node.type === 'Literal' && node.raw === 'null';
  return test.type === 'BinaryExpression' && test.operator === '!==' && isNull(test.left) && isNull(test.right);
}

function mentions(node: AnyNode, name: string): boolean {
  let found = false;
  visit(node, (item) => {
    if (isIdentifier(item, name)) found = true;
  });
  return found;
}
