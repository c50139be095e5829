import type { AnyNode, Program } from 'acorn';
import { shapeOf } from './shape.ts';
import { emptyStatement, isIdentifier, isMember, isNode, rewrite } from './syntax.ts';

/**
 * Takes out of jco's module what reaches for the outside and has no place in a cell: the environment, the console, loading of
 * files by URL, the second export. Any tier goes through this; whether it was enough is for the gate to say.
 * Changes the tree in place; `false` where the module has another shape than jco's.
 */
export function seal(program: Program): boolean {
  const shape = shapeOf(program);
  if (!shape) return false;
  program.body = program.body.filter(
    (item) => item.type === 'ExportNamedDeclaration' && item.declaration === shape.instantiate,
  );
  shape.instantiate.body.body = shape.instantiate.body.body.filter((item) => !loadsByUrl(item));
  // A cell always says how to instantiate; jco's default would read `WebAssembly.instantiate`, which answers later.
  shape.instantiate.params = shape.instantiate.params.map((item) =>
    item.type === 'AssignmentPattern' ? item.left : item,
  );
  rewrite(shape.instantiate, sealed);
  return true;
}

/** `const fetchCompile = …` and `if (!getCoreModule) getCoreModule = …`. */
function loadsByUrl(statement: AnyNode): boolean {
  if (statement.type === 'VariableDeclaration') return isIdentifier(statement.declarations[0]?.id, 'fetchCompile');
  return (
    statement.type === 'IfStatement' &&
    statement.test.type === 'UnaryExpression' &&
    isIdentifier(statement.test.argument, 'getCoreModule')
  );
}

function sealed(node: AnyNode): AnyNode | undefined {
  if (node.type === 'ExpressionStatement' && isConsoleCall(node.expression)) return undefined;
  // `const _debugLog = (...args) => { if (!globalThis?.process?.env?.JCO_DEBUG) … }`
  if (node.type === 'VariableDeclarator' && isIdentifier(node.id, '_debugLog')) return silenced(node);
  if (isMember(node, 'globalThis', 'WebAssembly') && node.type === 'MemberExpression') return node.property as AnyNode;
  return node;
}

function isConsoleCall(node: AnyNode): boolean {
  return (
    node.type === 'CallExpression' &&
    node.callee.type === 'MemberExpression' &&
    isIdentifier(node.callee.object, 'console')
  );
}

function silenced(node: AnyNode): AnyNode {
  if (node.type === 'VariableDeclarator' && isNode(node.init) && node.init.type === 'ArrowFunctionExpression') {
    node.init.params = [];
    node.init.body = { ...emptyStatement(), type: 'BlockStatement', body: [] } as never;
  }
  return node;
}
