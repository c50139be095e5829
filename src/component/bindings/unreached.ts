import type { AnyNode, FunctionDeclaration, Statement } from 'acorn';
import { eachChild, isIdentifier, isMember } from './syntax.ts';

/**
 * Removes the declarations of `instantiate` and of its generator that nothing reaches. A declaration goes only if
 * evaluating it has no effect; a name counts as reached wherever it is spelled, so shadowing can only keep more.
 */
export function dropUnreached(instantiate: FunctionDeclaration, generator: Statement[]): void {
  const lists = [instantiate.body.body, generator];
  const owned = new Map<string, Statement[]>();
  const reached = new Set<string>();
  const waiting: AnyNode[] = [];
  for (const list of lists) {
    for (const statement of list) {
      const owner = ownerOf(statement);
      if (owner) owned.set(owner, [...(owned.get(owner) ?? []), statement]);
      else if (!holds(statement, generator)) waiting.push(statement);
    }
  }
  // The statement that holds the generator is kept for itself; what it declares inside is judged one by one.
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    for (const name of namesIn(node)) {
      if (reached.has(name)) continue;
      reached.add(name);
      waiting.push(...(owned.get(name) ?? []));
    }
  }
  for (const list of lists) {
    const kept = list.filter((statement) => {
      const owner = ownerOf(statement);
      return owner === undefined || reached.has(owner);
    });
    list.splice(0, list.length, ...kept);
  }
}

/** The one name that a removable statement belongs to; `undefined` where it has to stay. */
function ownerOf(statement: AnyNode): string | undefined {
  if (statement.type === 'FunctionDeclaration') return statement.id?.name;
  if (statement.type === 'ClassDeclaration') return isHarmless(statement) ? statement.id?.name : undefined;
  if (statement.type === 'VariableDeclaration') {
    const [declarator, ...more] = statement.declarations;
    if (more.length > 0 || !isIdentifier(declarator?.id)) return undefined;
    return !declarator.init || isHarmless(declarator.init) ? declarator.id.name : undefined;
  }
  // `trampoline.fnName = '…'`: belongs to what it decorates.
  if (statement.type !== 'ExpressionStatement' || statement.expression.type !== 'AssignmentExpression')
    return undefined;
  const { left, right } = statement.expression;
  if (left.type !== 'MemberExpression' || left.computed || !isIdentifier(left.object)) return undefined;
  return isHarmless(right) ? left.object.name : undefined;
}

const HARMLESS_CONSTRUCTORS: ReadonlySet<string> = new Set([
  'Map',
  'Set',
  'DataView',
  'ArrayBuffer',
  'TextDecoder',
  'TextEncoder',
]);

/** Whether evaluating the expression (or class) does nothing but make a value. */
function isHarmless(node: AnyNode): boolean {
  switch (node.type) {
    case 'Literal':
    case 'Identifier':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return true;
    case 'ArrayExpression':
      return node.elements.every((item) => item !== null && isHarmless(item));
    case 'ObjectExpression':
      return node.properties.every((item) => item.type === 'Property' && !item.computed && isHarmless(item.value));
    case 'UnaryExpression':
      return node.operator !== 'delete' && isHarmless(node.argument);
    case 'NewExpression':
      return (
        isIdentifier(node.callee) &&
        HARMLESS_CONSTRUCTORS.has(node.callee.name) &&
        node.arguments.every((item) => isHarmless(item))
      );
    case 'CallExpression':
      return isMember(node.callee, 'Symbol', 'for') || isIdentifier(node.callee, 'Symbol');
    case 'ClassDeclaration':
    case 'ClassExpression':
      return !node.superClass && node.body.body.every(isHarmlessMember);
    default:
      return false;
  }
}

function isHarmlessMember(member: AnyNode): boolean {
  if (member.type === 'MethodDefinition') return !member.computed;
  if (member.type !== 'PropertyDefinition' || member.computed) return false;
  return !member.static || !member.value || isHarmless(member.value);
}

/** Every identifier below a node that is not merely the name of a property. */
function namesIn(node: AnyNode, names = new Set<string>()): Set<string> {
  if (node.type === 'Identifier') names.add(node.name);
  else if (node.type === 'MemberExpression' && !node.computed) namesIn(node.object, names);
  else if (
    (node.type === 'Property' || node.type === 'MethodDefinition' || node.type === 'PropertyDefinition') &&
    !node.computed
  ) {
    if (node.value) namesIn(node.value, names);
  } else eachChild(node, (child) => void namesIn(child, names));
  return names;
}

function holds(statement: AnyNode, generator: readonly Statement[]): boolean {
  return (
    statement.type === 'VariableDeclaration' &&
    statement.declarations.some(
      ({ init }) =>
        init?.type === 'CallExpression' &&
        init.callee.type === 'FunctionExpression' &&
        init.callee.body.body === generator,
    )
  );
}
