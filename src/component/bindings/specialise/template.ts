/**
 * Patterns of code, written as code. A pattern is a run of statements; in it
 * - `$name` stands for any one node, and for an equal one wherever it is spelled again;
 * - `$$name;` as a statement stands for any number of statements.
 *
 * Everything else has to be there to the letter, so what a pattern matches is known entirely: nothing is skipped over.
 */
import type { AnyNode, Statement } from 'acorn';
import { isNode, parseModule } from '../syntax.ts';

export type Held = Map<string, AnyNode | AnyNode[]>;

/** The statements of a text; `return`, `await`, `yield` and `new.target` are fine in it. @throws SyntaxError where it is no code. */
export function template(text: string): Statement[] {
  const [declaration] = parseModule(`async function* template() {${text}}`).body;
  if (declaration?.type !== 'FunctionDeclaration') throw new Error('a template is the body of a function');
  return declaration.body.body;
}

/** What the pattern holds if `list`, from `at` on, begins with it, and how many statements that took. */
export function matchAt(
  pattern: readonly AnyNode[],
  list: readonly AnyNode[],
  at: number,
): { readonly held: Held; readonly length: number } | undefined {
  const held: Held = new Map();
  const end = matchRun(pattern, list, at, held, false);
  return end === undefined ? undefined : { held, length: end - at };
}

/** What the pattern, one expression statement, holds of an expression. */
export function matchExpression(pattern: readonly AnyNode[], node: AnyNode): Held | undefined {
  const [statement] = pattern;
  if (statement?.type !== 'ExpressionStatement') throw new Error('the pattern is not one expression');
  const held: Held = new Map();
  return matches(statement.expression, node, held) ? held : undefined;
}

/** The template's statements with what was held in the places of its holes. */
export function fill(statements: readonly AnyNode[], held: Held): Statement[] {
  return statements.flatMap((item) => filled(item, held)) as Statement[];
}

/** The same of a template that is one expression. */
export function expressionOf(template: readonly AnyNode[], held: Held): AnyNode {
  const [statement] = fill(template, held);
  if (statement?.type !== 'ExpressionStatement') throw new Error('the template is not one expression');
  return statement.expression;
}

/** Replaces each place in a list that the pattern matches by what `by` says, if it says anything; how many those were. */
export function replaceAll(
  body: Statement[],
  pattern: readonly Statement[],
  by: (found: Held) => readonly Statement[] | undefined,
): number {
  let times = 0;
  for (let at = 0; at < body.length; at++) {
    const found = matchAt(pattern, body, at);
    const replacement = found && by(found.held);
    if (!found || !replacement) continue;
    body.splice(at, found.length, ...fill(replacement, found.held));
    times += 1;
  }
  return times;
}

export function equal(a: AnyNode, b: AnyNode): boolean {
  return matches(a, b, undefined);
}

/** A copy of a tree, so that a node that is put in two places is changed in one. */
export function copy<T extends AnyNode>(node: T): T {
  return structuredClone(node);
}

export function held(found: Held, name: string): AnyNode {
  const node = found.get(name);
  if (!node || Array.isArray(node)) throw new Error(`the pattern holds no node $${name}`);
  return node;
}

/** The name of an identifier that was held; `undefined` where it is something else. */
export function heldName(found: Held, name: string): string | undefined {
  const node = held(found, name);
  return node.type === 'Identifier' ? node.name : undefined;
}

/** A literal number that was held. */
export function heldNumber(found: Held, name: string): number | undefined {
  const node = held(found, name);
  return node.type === 'Literal' && typeof node.value === 'number' ? node.value : undefined;
}

const POSITIONS: ReadonlySet<string> = new Set(['start', 'end', 'raw']);

function matches(pattern: AnyNode, node: AnyNode, found: Held | undefined): boolean {
  const hole = found && holeOf(pattern);
  if (hole !== undefined) return hold(found!, hole, node);
  if (pattern.type !== node.type) return false;
  const [a, b] = [pattern, node] as unknown as [Record<string, unknown>, Record<string, unknown>];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (!POSITIONS.has(key) && !sameField(a[key], b[key], found)) return false;
  }
  return true;
}

function sameField(a: unknown, b: unknown, found: Held | undefined): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && matchRun(a as AnyNode[], b as AnyNode[], 0, found, true) === b.length;
  if (isNode(a)) return isNode(b) && matches(a, b, found);
  // `a?.x` and `(a)?.x` differ in nothing else; a template element's value is an object of two texts.
  if (typeof a === 'object' && a !== null) return JSON.stringify(a) === JSON.stringify(b);
  return Object.is(a, b);
}

/**
 * Where the pattern ends in `list`; with `whole`, it has to end where the list does. A run of statements is the shortest one
 * after which the rest of the pattern follows.
 */
function matchRun(
  pattern: readonly (AnyNode | null)[],
  list: readonly (AnyNode | null)[],
  from: number,
  found: Held | undefined,
  whole: boolean,
): number | undefined {
  let at = from;
  for (const [index, item] of pattern.entries()) {
    const run = found && item ? runOf(item) : undefined;
    if (run !== undefined) return matchAfterRun(run, pattern.slice(index + 1), list, at, found!, whole);
    const node = list[at];
    if (node === undefined) return undefined;
    if (item === null || node === null ? item !== node : !matches(item, node, found)) return undefined;
    at += 1;
  }
  return whole && at !== list.length ? undefined : at;
}

function matchAfterRun(
  run: string,
  rest: readonly (AnyNode | null)[],
  list: readonly (AnyNode | null)[],
  from: number,
  found: Held,
  whole: boolean,
): number | undefined {
  // A run at the end takes all that is left.
  for (let end = rest.length === 0 ? list.length : from; end + rest.length <= list.length; end++) {
    const attempt: Held = new Map(found);
    attempt.set(run, list.slice(from, end) as AnyNode[]);
    const at = matchRun(rest, list, end, attempt, whole);
    if (at === undefined) continue;
    for (const [name, value] of attempt) found.set(name, value);
    return at;
  }
  return undefined;
}

function hold(found: Held, name: string, node: AnyNode | AnyNode[]): boolean {
  const before = found.get(name);
  if (before === undefined) {
    found.set(name, node);
    return true;
  }
  return !Array.isArray(before) && !Array.isArray(node) && equal(before, node);
}

/** `$name` → `name`. */
function holeOf(node: AnyNode): string | undefined {
  return node.type === 'Identifier' && /^\$[a-z]/i.test(node.name) ? node.name.slice(1) : undefined;
}

/** `$$name;` → `name`. */
function runOf(node: AnyNode): string | undefined {
  if (node.type !== 'ExpressionStatement' || node.expression.type !== 'Identifier') return undefined;
  return node.expression.name.startsWith('$$') ? node.expression.name.slice(2) : undefined;
}

function filled(node: AnyNode, found: Held): AnyNode | AnyNode[] {
  const name = runOf(node) ?? holeOf(node);
  if (name !== undefined) {
    const value = found.get(name);
    if (value === undefined) throw new Error(`nothing was held for $${name}`);
    return Array.isArray(value) ? value.map(copy) : copy(value);
  }
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (Array.isArray(value))
      made[key] = value.flatMap((item: unknown) => (isNode(item) ? filled(item, found) : [item]));
    else made[key] = isNode(value) ? filled(value, found) : value;
  }
  return made as unknown as AnyNode;
}
