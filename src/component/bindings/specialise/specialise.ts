import type { AnyNode, Expression, FunctionDeclaration, FunctionExpression, Program, Statement } from 'acorn';
import { dropCreatedReps } from '../created-reps.ts';
import { generatorBody, shapeOf } from '../shape.ts';
import { count, isIdentifier, rewrite, visit } from '../syntax.ts';
import { dropUnreached } from '../unreached.ts';
import { exportName, hostName } from '../../spelling.ts';
import type { Suspension } from '../../reach/waiting.ts';
import { whyIneligible } from './eligible.ts';
import { exportedNames, methodOf, namesOf } from './exported-names.ts';
import { useScopes } from './fused.ts';
import {
  copy,
  expressionOf,
  fill,
  held,
  heldName,
  heldNumber,
  matchAt,
  matchExpression,
  replaceAll,
  template,
} from './template.ts';
import { OWN_PREFIX, SUPPORT_CODE, TEXT_CODE } from './support-code.ts';
import { INTEGER_CODE, useOwnHalves, useOwnMasks } from './integers.ts';
import { showBytes, useOwnViews } from './memories.ts';
import { NUMBER_CODE, useOwnNumbers } from './numbers.ts';
import { RESOURCE_CODE, useOwnTables } from './resources.ts';
import { loweringOf, makeDirect } from './trampolines.ts';
import { linkDirectly, type CoreModules } from './shims.ts';
import { findWrappers, unwrap } from './wrappers.ts';

/**
 * The `fast` tier: jco's synchronous bindings without tasks, and with suspension where an import can block.
 *
 * Works on the sealed and quietened tree, in place. Returns why the file is not eligible: then the tree is half changed and
 * of no use, and the caller falls back to the tier below.
 */
export function specialise(program: Program, suspension: Suspension, modules: CoreModules = []): string | undefined {
  const shape = shapeOf(program);
  const body = shape && generatorBody(shape.instantiate);
  if (!shape || !body) return 'a module of another shape';
  return new Pass(shape.instantiate, body, suspension, modules).run() ?? whyIneligible(shape.instantiate);
}

const FLAGS = template(`
  const $flags = new WebAssembly.Global({ value: "i32", mutable: true }, 1);
  INSTANCE_FLAGS.set($instance, $flags);
`);
/** The same to code, without a call into the engine for each look at it. */
const PLAIN_FLAGS = template('const $flags = { value: 1 };');
const SHARED_FLAGS = template('const $flags = new WebAssembly.Global({ value: "i32", mutable: true }, 1);');

const NAMED_BY = template('$target.fnName = $name;');
const PROMISING_TWIN = template('try { $twin = WebAssembly.promising($source); } catch (err) { $twin = $source; }');
const OF_TASKS = [
  [
    'CURRENT_TASK_MAY_BLOCK',
    template(`
      const CURRENT_TASK_MAY_BLOCK = WebAssembly ? new WebAssembly.Global({ value: 'i32', mutable: true }, 0) : false;
    `),
  ],
  [
    '_conditionalSuspending3I32ToVoidModule',
    template('const _conditionalSuspending3I32ToVoidModule = new WebAssembly.Module(new Uint8Array($bytes));'),
  ],
] as const;
const DECODER = template('const TEXT_DECODER_UTF8 = new TextDecoder();');
/** What is no UTF-8 is no string, and a byte order mark is a character of it. */
const STRICT_DECODER = template(
  "const TEXT_DECODER_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });",
);
const WATCHED_MODULES = template('Promise.all($modules).catch(() => {});');
const GUARDED = template('_guardMayLeave($instance, $target)');
const GUARDED_DIRECT = template('handle => { if ($flags.value !== 1) _fastCannotLeave(); return $target(handle); }');
const MARKED = template('Object.assign($target, { _jcoMaySuspend: false })');
const SUSPENDING = template('new WebAssembly.Suspending($target)');
const PROMISING = template('$guest = WebAssembly.promising($source);');
const GUEST = template('$guest = $source;');

/** What is written is copied by whoever it goes to before the guest goes on (`cell/wasi/streams.ts`). */
const COPIED_BY_THE_HOST: ReadonlySet<string> = new Set(
  ['write', 'blocking-write-and-flush'].map((name) => hostName(`wasi:io/streams#[method]output-stream.${name}`)),
);

class Pass {
  readonly #instantiate: FunctionDeclaration;
  readonly #body: Statement[];
  readonly #suspension: Suspension;
  readonly #modules: CoreModules;
  /** Component instance → the name of what says whether its guest may leave. */
  readonly #flags = new Map<number, string>();
  /** `_trampolineN` → which import it calls. */
  readonly #imports = new Map<string, string>();

  constructor(instantiate: FunctionDeclaration, body: Statement[], suspension: Suspension, modules: CoreModules) {
    this.#instantiate = instantiate;
    this.#body = body;
    this.#suspension = suspension;
    this.#modules = modules;
  }

  run(): string | undefined {
    if (mentions(this.#instantiate, (name) => name.startsWith(OWN_PREFIX))) return 'a name that is ours';
    this.#replaceFlags();
    this.#readNames();
    const wrong = this.#imported() ?? this.#exported() ?? this.#resourceFunctions();
    if (wrong !== undefined) return wrong;
    this.#dropLeftovers();
    replaceAll(this.#instantiate.body.body, DECODER, () => STRICT_DECODER);
    // Only what jco's own adapters call reads them, and scopes take its place.
    dropCreatedReps(this.#instantiate);
    const hasObjects = useOwnTables(this.#body);
    const misunderstood = useOwnNumbers(this.#instantiate.body.body, this.#body);
    if (misunderstood !== undefined) return misunderstood;
    const scopes = useScopes(this.#instantiate, this.#body, hasObjects);
    const support = [
      ...SUPPORT_CODE,
      ...NUMBER_CODE,
      ...INTEGER_CODE,
      ...TEXT_CODE,
      ...(hasObjects ? RESOURCE_CODE : []),
      ...scopes,
    ];
    useOwnViews(this.#instantiate, this.#body);
    useOwnMasks(this.#instantiate);
    linkDirectly(this.#instantiate, this.#body, this.#modules);
    this.#instantiate.body.body.unshift(...support.map(copy));
    dropUnreached(this.#instantiate, this.#body);
    this.#dropOfTasks();
    return undefined;
  }

  #replaceFlags(): void {
    const body = this.#body;
    for (let at = 0; at < body.length; at++) {
      const found = matchAt(FLAGS, body, at);
      const instance = found && heldNumber(found.held, 'instance');
      const flags = found && heldName(found.held, 'flags');
      if (!found || instance === undefined || flags === undefined) continue;
      this.#flags.set(instance, flags);
      // Declared, and put into the map: anybody else who reads it is WebAssembly.
      const isShared = count(this.#instantiate, flags) > 2;
      body.splice(at, found.length, ...fill(isShared ? SHARED_FLAGS : PLAIN_FLAGS, found.held));
    }
  }

  /** `_trampolineN.fnName = 'wasi:io/poll@0.2.3#block'`, which is only for jco's log. */
  #readNames(): void {
    removeEach(this.#body, (statement) => {
      const found = matchAt(NAMED_BY, [statement], 0)?.held;
      const target = found && heldName(found, 'target');
      const name = found && held(found, 'name');
      if (target === undefined || name?.type !== 'Literal' || typeof name.value !== 'string') return false;
      this.#imports.set(target, name.value);
      return true;
    });
  }

  #imported(): string | undefined {
    const direct = new Set<string>();
    const suspended = new Set<string>();
    const awaited = new Map(this.#suspension.imports.map((name) => [hostName(name), name]));
    for (const statement of this.#body) {
      const declarator = statement.type === 'VariableDeclaration' ? statement.declarations[0] : undefined;
      const lowering = declarator?.init && loweringOf(declarator.init);
      if (!declarator || !lowering) continue;
      const { target, instance } = lowering;
      const trampoline = functionNamed(this.#body, target);
      const flags = this.#flags.get(instance);
      if (!trampoline || flags === undefined || direct.has(target)) return 'a lowering of something else';
      const name = withoutVersion(this.#imports.get(target) ?? '');
      const awaits = awaited.get(name);
      const wrong = makeDirect(trampoline, instance, flags, awaits !== undefined);
      if (wrong !== undefined) return wrong;
      useOwnHalves(trampoline.body);
      if (COPIED_BY_THE_HOST.has(name)) showBytes(trampoline.body);
      direct.add(target);
      const called: AnyNode = { type: 'Identifier', name: target, start: 0, end: 0 };
      declarator.init = (
        awaits === undefined ? called : expressionOf(SUSPENDING, new Map([['target', called]]))
      ) as Expression;
      if (awaits !== undefined) suspended.add(awaits);
    }
    return suspended.size === awaited.size ? undefined : 'a blocking import that is not found';
  }

  #exported(): string | undefined {
    const names = exportedNames(this.#body);
    const awaited = new Set(this.#suspension.exports.map(exportName));
    const missing = new Set(awaited);
    const guests: string[] = [];
    let wrong: string | undefined;
    for (const statement of this.#body) {
      findWrappers(statement, undefined, (wrapper, parent) => {
        // Of constructors and static functions no promise can be made; one that blocks traps.
        const called = isAwaitable(wrapper, parent) ? namesOf(wrapper, parent, names) : undefined;
        if (called?.length === 0 && awaited.size > 0) wrong ??= 'an export that is not returned';
        for (const name of called ?? []) missing.delete(name);
        const maySuspend = called?.some((name) => waits(name, awaited)) ?? false;
        const unwrapped = unwrap(wrapper, (instance) => this.#flags.get(instance), maySuspend);
        if (typeof unwrapped === 'string') wrong ??= unwrapped;
        else if (maySuspend) guests.push(unwrapped.guest);
      });
    }
    for (const name of missing) if (!name.endsWith(ALL)) wrong ??= 'an export that can wait is not found';
    return wrong ?? guests.map((guest) => this.#makePromising(guest)).find((item) => item !== undefined);
  }

  /** `guest = exports1['…']`, of which there is one, becomes `guest = WebAssembly.promising(exports1['…'])`. */
  #makePromising(guest: string): string | undefined {
    // Declared, assigned, called.
    if (count(this.#instantiate, guest) !== 3) return 'an exported function that is used twice';
    for (const [at, statement] of this.#body.entries()) {
      const found = matchAt(GUEST, [statement], 0);
      if (!found || heldName(found.held, 'guest') !== guest) continue;
      this.#body.splice(at, 1, ...fill(PROMISING, found.held));
      return undefined;
    }
    return 'an exported function that is not found';
  }

  /** What the core module calls for its resources: drop and new, of one handle each, behind the same guard as imports. */
  #resourceFunctions(): string | undefined {
    let wrong: string | undefined;
    rewrite(this.#instantiate, (node) => {
      if (node.type !== 'CallExpression') return node;
      const marked = matchExpression(MARKED, node);
      if (marked) return held(marked, 'target');
      const guarded = matchExpression(GUARDED, node);
      if (!guarded) return node;
      const flags = this.#flags.get(heldNumber(guarded, 'instance') ?? -1);
      const target = heldName(guarded, 'target');
      if (flags === undefined || target === undefined || !takesOneHandle(this.#body, target)) {
        wrong ??= 'a guard around something else';
        return node;
      }
      guarded.set('flags', { type: 'Identifier', name: flags, start: 0, end: 0 });
      return expressionOf(GUARDED_DIRECT, guarded);
    });
    return wrong;
  }

  /** Twins for asynchronous calls, which nothing calls any more, and a handler for promises that no module is. */
  #dropLeftovers(): void {
    removeEach(this.#body, (statement) => {
      const twin = matchAt(PROMISING_TWIN, [statement], 0)?.held;
      const name = twin && heldName(twin, 'twin');
      // Declared, and assigned twice.
      if (name !== undefined) return count(this.#instantiate, name) === 3;
      return matchAt(WATCHED_MODULES, [statement], 0) !== undefined;
    });
  }

  /** Only tasks read them, and those are gone. */
  #dropOfTasks(): void {
    for (const [name, pattern] of OF_TASKS) {
      if (count(this.#instantiate, name) !== 1) continue;
      removeEach(this.#instantiate.body.body, (statement) => matchAt(pattern, [statement], 0) !== undefined);
    }
  }
}

function isAwaitable(wrapper: FunctionDeclaration | FunctionExpression, parent: AnyNode | undefined): boolean {
  if (wrapper.type === 'FunctionDeclaration') return true;
  return methodOf(parent) !== undefined;
}

/** Of an interface whose functions are not known. */
const ALL = '#*';

function waits(name: string, awaited: ReadonlySet<string>): boolean {
  return awaited.has(name) || awaited.has(name.replace(/#.*/, ALL));
}

function functionNamed(body: readonly Statement[], name: string): FunctionExpression | undefined {
  for (const statement of body) {
    if (statement.type !== 'VariableDeclaration') continue;
    const [declarator] = statement.declarations;
    if (isIdentifier(declarator?.id, name) && declarator?.init?.type === 'FunctionExpression') return declarator.init;
  }
  return undefined;
}

const CREATES_OWN = template('rscTableCreateOwn.bind(null, $table)');

function takesOneHandle(body: readonly Statement[], name: string): boolean {
  return body.some((statement) => {
    if (statement.type === 'FunctionDeclaration') return statement.id.name === name && statement.params.length === 1;
    if (statement.type !== 'VariableDeclaration' || !isIdentifier(statement.declarations[0]?.id, name)) return false;
    const { init } = statement.declarations[0];
    return !!init && matchExpression(CREATES_OWN, init) !== undefined;
  });
}

function withoutVersion(name: string): string {
  return name.replace(/@[^#]*/, '');
}

function removeEach(list: Statement[], isGone: (statement: Statement) => boolean): void {
  const kept = list.filter((statement) => !isGone(statement));
  list.splice(0, list.length, ...kept);
}

function mentions(node: AnyNode, test: (name: string) => boolean): boolean {
  let found = false;
  visit(node, (item) => {
    if (item.type === 'Identifier' && test(item.name)) found = true;
  });
  return found;
}
