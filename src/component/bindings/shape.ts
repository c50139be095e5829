import type { AnyNode, FunctionDeclaration, Program, Statement } from 'acorn';
import { isIdentifier } from './syntax.ts';

/** The parts of a transpiled module that the passes work on. */
export interface ModuleShape {
  readonly program: Program;
  /** `export function instantiate(getCoreModule, imports, instantiateCore)`. */
  readonly instantiate: FunctionDeclaration;
}

/** Finds the one exported function; `undefined` where the module has another shape. */
export function shapeOf(program: Program): ModuleShape | undefined {
  for (const statement of program.body) {
    if (statement.type !== 'ExportNamedDeclaration') continue;
    const { declaration } = statement;
    if (declaration?.type === 'FunctionDeclaration' && declaration.id?.name === 'instantiate') {
      return { program, instantiate: declaration as FunctionDeclaration };
    }
  }
  return undefined;
}

/** The statements of `let gen = (function* _initGenerator () {…})()`, which builds one instance. */
export function generatorBody(instantiate: FunctionDeclaration): Statement[] | undefined {
  for (const statement of instantiate.body.body) {
    if (statement.type !== 'VariableDeclaration') continue;
    const [declarator] = statement.declarations;
    if (!isIdentifier(declarator?.id, 'gen') || declarator?.init?.type !== 'CallExpression') continue;
    const { callee } = declarator.init;
    if (callee.type === 'FunctionExpression' && callee.generator) return callee.body.body;
  }
  return undefined;
}

/** `name(…)` as a call of a plain name. */
export function calls(node: AnyNode | null | undefined, name: string): boolean {
  return node?.type === 'CallExpression' && isIdentifier(node.callee, name);
}
