/**
 * Imports: `_trampolineN`, which lifts, calls the host and lowers, and `trampolineN`, which jco wraps around it to keep the
 * books of tasks. What is left is the guard (may the guest leave?), the lifting, the call and the lowering.
 */
import type { AnyNode, FunctionExpression, Statement } from 'acorn';
import { isIdentifier } from '../syntax.ts';
import { fill, held, heldName, heldNumber, matchAt, matchExpression, template, type Held } from './template.ts';

/** What `let trampolineN = …` says about the function behind it. */
export interface Lowering {
  readonly instance: number;
  /** `_trampolineN`. */
  readonly target: string;
}

const LOWERED = template(`
  _lowerImportBackwardsCompat.bind(null, {
    trampolineIdx: $index,
    componentIdx: $instance,
    isAsync: false,
    isManualAsync: $target.manuallyAsync,
    resultLowerFns: $lowers,
    hasResultPointer: $pointer,
    funcTypeIsAsync: false,
    getCallbackFn: () => null,
    getPostReturnFn: () => null,
    isCancellable: false,
    memoryIdx: $memoryIndex,
    stringEncoding: $encoding,
    getMemoryFn: $memory,
    getReallocFn: $realloc,
    importFn: $target,
  })`);

/** `_lowerImportBackwardsCompat.bind(null, …)` of a synchronous function. */
export function loweringOf(node: AnyNode): Lowering | undefined {
  const found = matchExpression(LOWERED, node);
  const target = found && heldName(found, 'target');
  const instance = found && heldNumber(found, 'instance');
  return target === undefined || instance === undefined ? undefined : { target, instance };
}

/** jco opens a task and a subtask: nothing that a synchronous function could see. */
const OPENS_TASK = `
  const hostProvided = true;
  let parentTask;
  let task;
  let subtask;
  const createTask = () => {
    const results = createNewCurrentTask({
      componentIdx: -1,
      isAsync: false,
      entryFnName: $name,
      getCallbackFn: () => null,
      callbackFnName: null,
      errHandling: $handling,
      callingWasmExport: false
    });
    task = results[0];
  };
  taskCreation: {
    parentTask = getCurrentTask($instance, _getGlobalCurrentTaskMeta($instance)?.taskID)?.task;
    if (!parentTask) {
      createTask();
      break taskCreation;
    }
    createTask();
    if (hostProvided) {
      subtask = parentTask.getLatestSubtask();
      if (!subtask) {
        throw new Error(\`Missing subtask (in parent task [\${parentTask.id()}]) for host import, has the import been lowered? (ensure asyncImports are set properly)\`);
      }
      task.setParentSubtask(subtask);
    }
  }
  const started = task.enterSync();
  let ret;
`;

const HOST_CALL = `_withGlobalCurrentTaskMeta({
  componentIdx: task.componentIdx(),
  taskID: task.id(),
  fn: () => _trackHostOperation(() => $call)
})`;

/** Of a host function without a `result`: whatever it throws ends the guest. */
const ENDS_TASK = `catch (err) {
  getOrCreateAsyncState($instance).markTrapped(err);
  task.setErrored(err);
  task.reject(err);
  task.exit();
  throw err;
}`;

/** A host function without a `result`. */
const PLAIN = template(`
  $$lift;
  ${OPENS_TASK}
  try {
    ret = ${HOST_CALL};
  } ${ENDS_TASK}
  $$lower;
`);

/** The same of a function that returns nothing. */
const VOID = template(`
  $$lift;
  ${OPENS_TASK}
  try {
    ${HOST_CALL};
  } ${ENDS_TASK}
  $$lower;
`);

/** A host function with a `result`: what it throws is an \`err\`, unless it is a trap. */
const FALLIBLE = template(`
  $$lift;
  ${OPENS_TASK}
  try {
    const $answer = ${HOST_CALL};
    ret = $answer !== null && typeof $answer === 'object' && ($answer.tag === 'ok' || $answer.tag === 'err') ? $answer : {
      tag: 'ok',
      val: $answer
    };
  } catch (e) {
    if (getOrCreateAsyncState($instance).markTrapped(e)) {
      throw e;
    }
    ret = {
      tag: 'err',
      val: getErrorPayload(e)
    };
  }
  $$lower;
`);

const GUARD = 'if ($flags.value !== 1) _fastCannotLeave();';
const FAILS = 'throw _fastTrap(err);';
const FAILS_OR_ERR = `
  if (e instanceof WebAssemblyRuntimeError) throw _fastTrap(e);
  ret = { tag: 'err', val: getErrorPayload(e) };`;
const AS_RESULT = `
  ret = $answer !== null && typeof $answer === 'object' && ($answer.tag === 'ok' || $answer.tag === 'err') ? $answer : {
    tag: 'ok',
    val: $answer
  };`;

interface Shape {
  readonly pattern: readonly Statement[];
  /** Where the host answers at once. */
  readonly plain: readonly Statement[];
  /** Where it may answer later: lowering goes on where the promise is settled, and the guest is suspended meanwhile. */
  readonly suspending: readonly Statement[];
}

const SHAPES: readonly Shape[] = [
  {
    pattern: PLAIN,
    plain: template(`${GUARD} $$lift; let ret; try { ret = $call; } catch (err) { ${FAILS} } $$lower;`),
    suspending: template(`
      ${GUARD} $$lift;
      const _fastLower = ret => { $$lower; };
      let ret;
      try { ret = $call; } catch (err) { ${FAILS} }
      if (ret instanceof Promise) return ret.then(_fastLower, err => { ${FAILS} });
      return _fastLower(ret);`),
  },
  {
    pattern: VOID,
    plain: template(`${GUARD} $$lift; let ret; try { $call; } catch (err) { ${FAILS} } $$lower;`),
    suspending: template(`
      ${GUARD} $$lift;
      const _fastLower = () => { let ret; $$lower; };
      let _fastAnswer;
      try { _fastAnswer = $call; } catch (err) { ${FAILS} }
      if (_fastAnswer instanceof Promise) return _fastAnswer.then(_fastLower, err => { ${FAILS} });
      return _fastLower();`),
  },
  {
    pattern: FALLIBLE,
    plain: template(
      `${GUARD} $$lift; let ret; try { const $answer = $call; ${AS_RESULT} } catch (e) { ${FAILS_OR_ERR} } $$lower;`,
    ),
    suspending: template(`
      ${GUARD} $$lift;
      const _fastLower = ret => { $$lower; };
      const _fastAnswered = $answer => { let ret; ${AS_RESULT} return _fastLower(ret); };
      const _fastFailed = e => { let ret; ${FAILS_OR_ERR} return _fastLower(ret); };
      let _fastAnswer;
      try { _fastAnswer = $call; } catch (e) { return _fastFailed(e); }
      if (_fastAnswer instanceof Promise) return _fastAnswer.then(_fastAnswered, _fastFailed);
      return _fastAnswered(_fastAnswer);`),
  },
];

/** What a lowering ends with: the result goes to the task, and to the guest where it is a number. */
const RETURNS = template('task.resolve([$result]); task.exit(); return $result;');
const ENDS = template('task.resolve([$result]); task.exit();');
const RETURN = template('return $result;');

/**
 * Makes the body of `_trampolineN` direct. `flags` is the instance's own name for what says whether its guest may leave.
 * Returns why it cannot.
 */
export function makeDirect(
  trampoline: FunctionExpression,
  instance: number,
  flags: string,
  suspends: boolean,
): string | undefined {
  if (trampoline.async || trampoline.generator) return 'an asynchronous trampoline';
  for (const shape of SHAPES) {
    const list = trampoline.body.body;
    const found = matchAt(shape.pattern, list, 0);
    if (found?.length !== list.length) continue;
    if (heldNumber(found.held, 'instance') !== instance) return 'a trampoline of another instance';
    const lower = lowered(found.held.get('lower') as Statement[]);
    if (!lower) return 'a trampoline that ends in another way';
    const parts: Held = new Map(found.held);
    parts.set('lower', lower).set('flags', { type: 'Identifier', name: flags, start: 0, end: 0 });
    trampoline.body.body = fill(suspends ? shape.suspending : shape.plain, parts);
    return undefined;
  }
  return 'a trampoline of another shape';
}

/** The lowering without its task; `undefined` where it does not end as all do. */
function lowered(list: readonly Statement[]): Statement[] | undefined {
  for (const [pattern, end] of [
    [RETURNS, RETURN],
    [ENDS, []],
  ] as const) {
    const at = list.length - pattern.length;
    const found = at < 0 ? undefined : matchAt(pattern, list, at);
    if (!found) continue;
    // What is dropped must not have done anything: the result of a function without one is a name.
    if (end.length === 0 && !isIdentifier(held(found.held, 'result'))) return undefined;
    return [...list.slice(0, at), ...fill(end, found.held)];
  }
  return undefined;
}
