import type { AnyNode } from 'acorn';
import { eachChild, isIdentifier, rewrite } from './syntax.ts';

/**
 * Removes an option that is passed and never read: `{option: …}` where the only other mention is a pattern that takes it
 * apart. jco passes every import the means to lift its parameters, which only asynchronous lowering uses: an eighth of the
 * text, and closures made anew for every instance.
 */
export function dropUnreadOption(root: AnyNode, option: string): void {
  if (isRead(root, option)) return;
  rewrite(root, (node) => (isPassed(node, option) ? undefined : node));
}

function isPassed(node: AnyNode, option: string): boolean {
  return node.type === 'Property' && !node.shorthand && !node.computed && isIdentifier(node.key, option);
}

function isRead(node: AnyNode, option: string): boolean {
  if (node.type === 'Identifier') return node.name === option;
  // Taken apart into a name of its own: whether that is read shows where it is. Under another name it counts as read.
  if (node.type === 'ObjectPattern') return node.properties.some((item) => takes(item, option));
  let read = false;
  eachChild(node, (child) => {
    if (!read && !(isPassed(node, option) && child === (node as { key?: AnyNode }).key)) read = isRead(child, option);
  });
  return read;
}

function takes(item: AnyNode, option: string): boolean {
  if (item.type !== 'Property') return true;
  if (!isIdentifier(item.key, option)) return isRead(item.value, option) || (item.computed && isRead(item.key, option));
  return !item.shorthand || !isIdentifier(item.value, option);
}
