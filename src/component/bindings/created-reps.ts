/** `table._createdReps`: a set of every number that a table was ever given. It only grows. */
import type { AnyNode } from 'acorn';
import { isIdentifier, rewrite, visit } from './syntax.ts';

export function readsCreatedReps(node: AnyNode): boolean {
  let reads = false;
  visit(node, (item) => {
    if (item.type === 'MemberExpression' && isCreatedReps(item.object) && !isIdentifier(item.property, 'add'))
      reads = true;
  });
  return reads;
}

/** Drops `table._createdReps = new Set()` and `table._createdReps.add(rep)`. */
export function dropCreatedReps(root: AnyNode): void {
  rewrite(root, withoutCreatedReps);
}

function withoutCreatedReps(node: AnyNode): AnyNode | undefined {
  if (node.type !== 'ExpressionStatement') return node;
  const { expression } = node;
  if (expression.type === 'AssignmentExpression') return isCreatedReps(expression.left) ? undefined : node;
  if (expression.type !== 'CallExpression' || expression.callee.type !== 'MemberExpression') return node;
  return isCreatedReps(expression.callee.object) ? undefined : node;
}

function isCreatedReps(node: AnyNode): boolean {
  return node.type === 'MemberExpression' && !node.computed && isIdentifier(node.property, '_createdReps');
}
