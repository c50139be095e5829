import type { AnyNode, Identifier, Pattern, Program } from 'acorn';
import { eachChild } from './syntax.ts';

/**
 * The identifiers of a module that nothing in it declares, with one occurrence each: what it takes from the realm.
 * Strict-mode scoping: functions, blocks, loops, switches, catches and classes each have a scope of their own; `var` and
 * parameters belong to the function.
 */
export function freeIdentifiers(program: Program): Map<string, Identifier> {
  const free = new Map<string, Identifier>();
  resolve(program, new Scope(undefined), free);
  return free;
}

class Scope {
  readonly #names = new Set<string>();
  readonly #outer: Scope | undefined;

  constructor(outer: Scope | undefined) {
    this.#outer = outer;
  }

  declare(name: string): void {
    this.#names.add(name);
  }

  has(name: string): boolean {
    return this.#names.has(name) || this.#outer?.has(name) === true;
  }
}

type Free = Map<string, Identifier>;

function resolve(node: AnyNode, scope: Scope, free: Free): void {
  switch (node.type) {
    case 'Identifier':
      if (!scope.has(node.name) && !free.has(node.name)) free.set(node.name, node);
      return;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return resolveFunction(node, scope, free);
    case 'ClassDeclaration':
    case 'ClassExpression':
      return resolveClass(node, scope, free);
    case 'Program':
    case 'BlockStatement':
    case 'StaticBlock':
    case 'SwitchStatement':
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement': {
      const isFunction = node.type === 'Program' || node.type === 'StaticBlock';
      const inner = new Scope(scope);
      if (isFunction) hoistVariables(node, inner);
      hoist(node, inner);
      return resolveChildren(node, inner, free);
    }
    case 'CatchClause': {
      const inner = new Scope(scope);
      if (node.param) bindPattern(node.param, inner);
      return resolveChildren(node, inner, free);
    }
    case 'MemberExpression':
      resolve(node.object, scope, free);
      if (node.computed) resolve(node.property, scope, free);
      return;
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
      if (node.computed) resolve(node.key, scope, free);
      if (node.value) resolve(node.value, scope, free);
      return;
    case 'LabeledStatement':
      return resolve(node.body, scope, free);
    case 'BreakStatement':
    case 'ContinueStatement':
    case 'MetaProperty':
      return;
    default:
      return resolveChildren(node, scope, free);
  }
}

function resolveChildren(node: AnyNode, scope: Scope, free: Free): void {
  eachChild(node, (child) => resolve(child, scope, free));
}

function resolveFunction(
  node: AnyNode & { type: 'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression' },
  scope: Scope,
  free: Free,
): void {
  const inner = new Scope(scope);
  if (node.type === 'FunctionExpression' && node.id) inner.declare(node.id.name);
  if (node.type !== 'ArrowFunctionExpression') inner.declare('arguments');
  for (const parameter of node.params) bindPattern(parameter, inner);
  hoistVariables(node.body, inner);
  for (const parameter of node.params) resolve(parameter, inner, free);
  resolve(node.body, inner, free);
}

function resolveClass(
  node: AnyNode & { type: 'ClassDeclaration' | 'ClassExpression' },
  scope: Scope,
  free: Free,
): void {
  const inner = new Scope(scope);
  if (node.id) inner.declare(node.id.name);
  if (node.superClass) resolve(node.superClass, inner, free);
  resolve(node.body, inner, free);
}

/** Declares what the statements directly in `node` declare for their block. */
function hoist(node: AnyNode, scope: Scope): void {
  eachChild(node, (child) => {
    if (child.type === 'FunctionDeclaration' || child.type === 'ClassDeclaration') {
      if (child.id) scope.declare(child.id.name);
    } else if (child.type === 'VariableDeclaration') {
      if (child.kind !== 'var') for (const { id } of child.declarations) bindPattern(id, scope);
    } else if (
      child.type === 'SwitchCase' ||
      child.type === 'ExportNamedDeclaration' ||
      child.type === 'LabeledStatement'
    ) {
      hoist(child, scope);
    }
  });
}

/** Declares every `var` below `node` that no further function encloses. */
function hoistVariables(node: AnyNode, scope: Scope): void {
  eachChild(node, (child) => {
    if (child.type === 'VariableDeclaration' && child.kind === 'var') {
      for (const { id } of child.declarations) bindPattern(id, scope);
    }
    if (!OWN_VARIABLES.has(child.type)) hoistVariables(child, scope);
  });
}

/** What has a `var` scope of its own. */
const OWN_VARIABLES: ReadonlySet<string> = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassDeclaration',
  'ClassExpression',
  'StaticBlock',
]);

function bindPattern(pattern: Pattern | AnyNode, scope: Scope): void {
  if (pattern.type === 'Identifier') scope.declare(pattern.name);
  else if (pattern.type === 'ArrayPattern') {
    for (const item of pattern.elements) if (item) bindPattern(item, scope);
  } else if (pattern.type === 'RestElement') bindPattern(pattern.argument, scope);
  else if (pattern.type === 'AssignmentPattern') bindPattern(pattern.left, scope);
  else if (pattern.type === 'ObjectPattern') {
    for (const item of pattern.properties) bindPattern(item.type === 'Property' ? item.value : item.argument, scope);
  }
}
