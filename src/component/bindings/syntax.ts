import { parse, type AnyNode, type Identifier, type Program } from 'acorn';
import { generate } from 'astring';

/** The newest edition that the cell's engine runs and the gate has a list of forms for. */
const EDITION = 2024;

/** @throws SyntaxError when the text is no ES module. */
export function parseModule(text: string): Program {
  return parse(text, { ecmaVersion: EDITION, sourceType: 'module' });
}

/** The text of a tree: what runs is printed from what was checked. */
export function printModule(program: Program): string {
  return generate(program as never, { indent: ' ' });
}

/** Calls `see` with each child node of a node. The passes spend their time here: no arrays, no entries. */
export function eachChild(node: AnyNode, see: (child: AnyNode) => void): void {
  for (const key in node) {
    const value = (node as unknown as Record<string, unknown>)[key];
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) see(item);
    } else if (isNode(value)) see(value);
  }
}

export function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** Visits a node and everything below it, parents first. */
export function visit(node: AnyNode, see: (node: AnyNode) => void): void {
  see(node);
  eachChild(node, (child) => visit(child, see));
}

/** Replaces nodes below `node`, children first. `change` returns the node itself, another, or `undefined` to drop a statement. */
export function rewrite(node: AnyNode, change: (node: AnyNode) => AnyNode | undefined): AnyNode | undefined {
  const fields = node as unknown as Record<string, unknown>;
  for (const key in fields) {
    const value = fields[key];
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) fields[key] = rewriteList(value, change);
    else if (isNode(value)) fields[key] = rewrite(value, change) ?? emptyStatement();
  }
  return change(node);
}

function rewriteList(list: unknown[], change: (node: AnyNode) => AnyNode | undefined): unknown[] {
  let kept = 0;
  for (const item of list) {
    const changed = isNode(item) ? rewrite(item, change) : item;
    if (changed !== undefined) list[kept++] = changed;
  }
  list.length = kept;
  return list;
}

export function emptyStatement(): AnyNode {
  return { type: 'EmptyStatement', start: 0, end: 0 };
}

export function isIdentifier(node: AnyNode | null | undefined, name?: string): node is Identifier {
  return node?.type === 'Identifier' && (name === undefined || node.name === name);
}

/** `object.property`, both plain names. */
export function isMember(node: AnyNode | null | undefined, object: string, property: string): boolean {
  return (
    node?.type === 'MemberExpression' &&
    !node.computed &&
    isIdentifier(node.object, object) &&
    isIdentifier(node.property, property)
  );
}

/** How often a name is spelled. */
export function count(node: AnyNode, name: string): number {
  let times = 0;
  visit(node, (item) => {
    if (isIdentifier(item, name)) times += 1;
  });
  return times;
}
