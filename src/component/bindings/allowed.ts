/**
 * What the emitted bindings may consist of. Golden lists: taken from jco-transpile 0.15 over every WASI 0.2 interface, every
 * kind of type, guest resources and nested components; `corpus.test.ts` makes them again and compares.
 * A new version of jco that needs more makes that test fail, and somebody decides.
 */

/** Forms of syntax, by their ESTree type. Missing on purpose: imports, `import()`, tagged templates, decorators, `with`. */
export const ALLOWED_FORMS: ReadonlySet<string> = new Set([
  'ArrayExpression',
  'ArrayPattern',
  'ArrowFunctionExpression',
  'AssignmentExpression',
  'AssignmentPattern',
  'AwaitExpression',
  'BinaryExpression',
  'BlockStatement',
  'BreakStatement',
  'CallExpression',
  'CatchClause',
  'ChainExpression',
  'ClassBody',
  'ClassDeclaration',
  'ConditionalExpression',
  'ContinueStatement',
  'DoWhileStatement',
  'EmptyStatement',
  'ExportNamedDeclaration',
  'ExpressionStatement',
  'ForOfStatement',
  'ForStatement',
  'FunctionDeclaration',
  'FunctionExpression',
  'Identifier',
  'IfStatement',
  'LabeledStatement',
  'Literal',
  'LogicalExpression',
  'MemberExpression',
  'MetaProperty',
  'MethodDefinition',
  'NewExpression',
  'ObjectExpression',
  'ObjectPattern',
  'PrivateIdentifier',
  'Program',
  'Property',
  'PropertyDefinition',
  'RestElement',
  'ReturnStatement',
  'SequenceExpression',
  'SpreadElement',
  'SwitchCase',
  'SwitchStatement',
  'TemplateElement',
  'TemplateLiteral',
  'ThisExpression',
  'ThrowStatement',
  'TryStatement',
  'UnaryExpression',
  'UpdateExpression',
  'VariableDeclaration',
  'VariableDeclarator',
  'WhileStatement',
  'YieldExpression',
]);

/** What the bindings may take from the realm. */
export const ALLOWED_GLOBALS: ReadonlySet<string> = new Set([
  'Array',
  'ArrayBuffer',
  'BigInt',
  'BigInt64Array',
  'BigUint64Array',
  'Boolean',
  'DataView',
  'Error',
  'FinalizationRegistry',
  'Float32Array',
  'Float64Array',
  'Int16Array',
  'Int32Array',
  'Int8Array',
  'JSON',
  'Map',
  'Math',
  'Number',
  'Object',
  'Promise',
  'Set',
  'String',
  'Symbol',
  'TextDecoder',
  'TextEncoder',
  'TypeError',
  'Uint16Array',
  'Uint32Array',
  'Uint8Array',
  'WebAssembly',
  'clearInterval',
  'queueMicrotask',
  'setInterval',
  'setTimeout',
  'undefined',
]);

/** Of these, what only jco's tasks take. `fast` bindings have none, so that no timer is within their reach. */
export const NOT_OF_FAST: ReadonlySet<string> = new Set([
  'Math',
  'Set',
  'clearInterval',
  'queueMicrotask',
  'setInterval',
  'setTimeout',
]);

/**
 * Names that jco 0.15 spells in a few helpers where nothing declares them. They stand for nothing in a cell either: such a
 * path throws a ReferenceError, which ends the call like any trap.
 */
export const UNRESOLVED_IN_JCO: ReadonlySet<string> = new Set(['componentIdx', 'rep', 'vals']);

/** Property names through which code reaches functions that make code, or other objects' prototypes. */
export const FORBIDDEN_PROPERTIES: ReadonlySet<string> = new Set([
  'constructor',
  '__proto__',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  'setPrototypeOf',
]);
