/**
 * Calls past the shim. A guest's imports that need its memory go through a core module of functions that call what a table
 * holds, which another fills when the memory is there. Trampolines are closures that look at the memory when they are called,
 * so the guest can be linked with them at once: an instance is one core module instead of three, and a call one hop shorter.
 *
 * What would have called the empty table, a start function, still traps: each trampoline asks first whether it is linked.
 */
import type { AnyNode, FunctionDeclaration, FunctionExpression, Property, Statement } from 'acorn';
import { count, isIdentifier, rewrite, visit } from '../syntax.ts';
import { shimmedFunctions } from './shim-modules.ts';
import { OWN_PREFIX } from './support-code.ts';
import { fill, held, heldName, matchAt, matchExpression, template, type Held } from './template.ts';

/** A bundle's core modules, by the name that `getCoreModule` is asked for. */
export type CoreModules = readonly { readonly name: string; readonly bytes: Uint8Array }[];

const SHIM = template('({exports: $shim} = yield instantiateCore(yield $module));');
const FILLER = template(`
  ({exports: $filled} = yield instantiateCore(yield $module, { actual: $actual, shim: { $imports: $shim.$imports } }));
`);
const MODULE = template('const $module = getCoreModule($name);');
const DECLARED = template('let $trampoline = $target;');
const SUSPENDING = template('new WebAssembly.Suspending($target)');
const FUNCTION = template('const $target = $function;');
const SHIMMED = template('$shim[$index]');

const UNLINKED = template('let $linked = false;');
const LINKED = template('$linked = true;');
const ASK = template('if (!$linked) _fastUnlinked();');

/** Links guests with their imports where there is a shim between them that is known to the letter. */
export function linkDirectly(instantiate: FunctionDeclaration, body: Statement[], modules: CoreModules): void {
  for (const [index, statement] of [...body].entries()) {
    const found = matchAt(SHIM, [statement], 0)?.held;
    const pair = found && pairOf(found, instantiate, body, modules);
    if (!pair) continue;
    replace(pair, body, `${OWN_PREFIX}Linked${index}`);
    drop(body, statement);
  }
  for (const { statement, name } of moduleNames(instantiate)) {
    if (count(instantiate, name) === 1) drop(instantiate.body.body, statement);
  }
}

interface Pair {
  /** The name of the shim's exports. */
  readonly shim: string;
  readonly filler: Statement;
  /** Declarations of both exports. */
  readonly declared: readonly Statement[];
  /** By the shim's export. */
  readonly trampolines: ReadonlyMap<string, { readonly name: string; readonly called: FunctionExpression }>;
}

function pairOf(
  found: Held,
  instantiate: FunctionDeclaration,
  body: readonly Statement[],
  modules: CoreModules,
): Pair | undefined {
  const shim = heldName(found, 'shim');
  const shimBytes = bytesOf(found, instantiate, modules);
  if (shim === undefined || !shimBytes) return undefined;
  for (const filler of body) {
    const filled = matchAt(FILLER, [filler], 0)?.held;
    if (!filled || heldName(filled, 'shim') !== shim || heldName(filled, 'imports') !== '$imports') continue;
    const fillerBytes = bytesOf(filled, instantiate, modules);
    const length = fillerBytes && shimmedFunctions(shimBytes, fillerBytes);
    const trampolines = length === undefined ? undefined : trampolinesOf(filled, length, instantiate, body);
    const exports = heldName(filled, 'filled');
    const declared = [declarationOf(body, shim), exports === undefined ? undefined : declarationOf(body, exports)];
    // Declared, assigned, asked for its table, and asked for functions; the filler's exports are declared and assigned.
    if (!trampolines || !declared[0] || !declared[1] || count(instantiate, exports!) !== 2) return undefined;
    if (count(instantiate, shim) !== 3 + uses(body, shim, trampolines)) return undefined;
    return { shim, filler, declared: declared as Statement[], trampolines };
  }
  return undefined;
}

function bytesOf(found: Held, instantiate: FunctionDeclaration, modules: CoreModules): Uint8Array | undefined {
  const asked = moduleNames(instantiate).find(({ name }) => name === heldName(found, 'module'));
  return modules.find(({ name }) => name === asked?.file)?.bytes;
}

function moduleNames({ body }: FunctionDeclaration): { statement: Statement; name: string; file: unknown }[] {
  return body.body.flatMap((statement) => {
    const found = matchAt(MODULE, [statement], 0)?.held;
    const [name, file] = found ? [heldName(found, 'module'), held(found, 'name')] : [];
    return name !== undefined && file?.type === 'Literal' ? [{ statement, name, file: file.value }] : [];
  });
}

/** All that the table is filled with, if all of it is trampolines that are called through the shim alone. */
function trampolinesOf(
  filled: Held,
  length: number,
  instantiate: FunctionDeclaration,
  body: readonly Statement[],
): Pair['trampolines'] | undefined {
  const actual = held(filled, 'actual');
  if (actual.type !== 'ObjectExpression' || actual.properties.length !== length) return undefined;
  const trampolines = new Map<string, { name: string; called: FunctionExpression }>();
  for (const property of actual.properties) {
    const key = property.type === 'Property' && !property.computed ? keyOf(property) : undefined;
    const name = property.type === 'Property' && isIdentifier(property.value) ? property.value.name : undefined;
    const target = name === undefined ? undefined : targetOf(body, name);
    const called = target === undefined ? undefined : functionNamed(body, target);
    // Each is declared, and used once.
    if (key === undefined || !called || count(instantiate, name!) !== 2 || count(instantiate, target!) !== 2) {
      return undefined;
    }
    trampolines.set(key, { name: name!, called });
  }
  return trampolines;
}

function keyOf({ key }: Property): string | undefined {
  return key.type === 'Literal' && typeof key.value === 'string' ? key.value : undefined;
}

/** `let trampoline4 = _trampoline4;`, or the same suspending. */
function targetOf(body: readonly Statement[], name: string): string | undefined {
  for (const statement of body) {
    const found = matchAt(DECLARED, [statement], 0)?.held;
    if (!found || heldName(found, 'trampoline') !== name) continue;
    const suspending = matchExpression(SUSPENDING, held(found, 'target'));
    return heldName(suspending ?? found, 'target');
  }
  return undefined;
}

function functionNamed(body: readonly Statement[], name: string): FunctionExpression | undefined {
  for (const statement of body) {
    const found = matchAt(FUNCTION, [statement], 0)?.held;
    if (!found || heldName(found, 'target') !== name) continue;
    const made = held(found, 'function');
    return made.type === 'FunctionExpression' && !made.async && !made.generator ? made : undefined;
  }
  return undefined;
}

function declarationOf(body: readonly Statement[], name: string): Statement | undefined {
  return body.find((statement) => {
    if (statement.type !== 'VariableDeclaration' || statement.declarations.length !== 1) return false;
    return isIdentifier(statement.declarations[0]!.id, name) && !statement.declarations[0]!.init;
  });
}

function uses(body: readonly Statement[], shim: string, trampolines: Pair['trampolines']): number {
  let times = 0;
  for (const statement of body) {
    visit(statement, (node) => {
      if (shimmed(node, shim, trampolines)) times += 1;
    });
  }
  return times;
}

/** `exports0['4']` → what the table holds at 4. */
function shimmed(node: AnyNode, shim: string, trampolines: Pair['trampolines']): { readonly name: string } | undefined {
  if (node.type !== 'MemberExpression' || !node.computed) return undefined;
  const found = matchExpression(SHIMMED, node);
  const index = found && held(found, 'index');
  if (!found || heldName(found, 'shim') !== shim || index?.type !== 'Literal') return undefined;
  return typeof index.value === 'string' ? trampolines.get(index.value) : undefined;
}

function replace({ shim, filler, declared, trampolines }: Pair, body: Statement[], linked: string): void {
  const flag: Held = new Map([['linked', { type: 'Identifier', name: linked, start: 0, end: 0 }]]);
  for (const statement of body) {
    rewrite(statement, (node) => {
      const trampoline = shimmed(node, shim, trampolines);
      return trampoline ? { type: 'Identifier', name: trampoline.name, start: 0, end: 0 } : node;
    });
  }
  for (const { called } of trampolines.values()) called.body.body.unshift(...fill(ASK, flag));
  body.splice(body.indexOf(filler), 1, ...fill(LINKED, flag));
  // In the place of the declarations, of which the first is above all that may look at it.
  const [first, second] = declared;
  body.splice(body.indexOf(first!), 1, ...fill(UNLINKED, flag));
  drop(body, second!);
}

function drop(body: Statement[], statement: Statement): void {
  body.splice(body.indexOf(statement), 1);
}
