/**
 * Exports: functions that lower their arguments, call the guest and lift what it returns. jco runs them in a task; what is
 * left is the entry (is the guest free, has it trapped?), the call, the lifting, the post-return and the way out.
 */
import type { AnyNode, FunctionDeclaration, FunctionExpression, Statement } from 'acorn';
import { eachChild, isIdentifier } from '../syntax.ts';
import { fill, held, heldName, heldNumber, matchAt, replaceAll, template } from './template.ts';

const OPENS_TASK = `
  const hostProvided = false;
  getOrCreateAsyncState($instance).throwIfTrapped();
  const [task, _wasm_call_currentTaskID] = createNewCurrentTask({
    componentIdx: $instance,
    isAsync: false,
    isManualAsync: false,
    preserveFutureResult: false,
    entryFnName: $name,
    getCallbackFn: () => null,
    callbackFnName: null,
    errHandling: $handling,
    callingWasmExport: true
  });
  task.setCalleeIsAsync(false);
  const started = task.enterSync();
  CURRENT_TASK_MAY_BLOCK.value = task.mayBlock() ? 1 : 0;
`;
const RETURNS_MEMORY = `
  if ($memoryIndex !== null) {
    task.setReturnMemoryIdx($memoryIndex);
    task.setReturnMemory((() => $memory)());
  }
`;
const RUNS = `
  return _withGlobalCurrentTaskMeta({
    taskID: task.id(),
    componentIdx: task.componentIdx(),
    fn: () => {
      try {
        $$body;
      } catch (err) {
        if (!task.isResolvedState()) {
          task.setErrored(err);
          task.reject(err);
        }
        if (!task.isExited()) {
          task.exit({
            skipExclusiveLockCheck: true
          });
        }
        throw err;
      }
    }
  });
`;
const WRAPPERS = [template(OPENS_TASK + RUNS), template(OPENS_TASK + RETURNS_MEMORY + RUNS)];
const RUN = template('_fastEnter(); try { $$body; } catch (err) { throw _fastLeave(err); }');

const CALL_FAILS = `
  catch (err) {
    getOrCreateAsyncState($instance).markTrapped(err);
    task.setErrored(err);
    task.reject(err);
    task.exit();
    throw err;
  }
`;
const GUEST_CALL = `_withGlobalCurrentTaskMeta({
  taskID: task.id(),
  componentIdx: task.componentIdx(),
  fn: () => $call
})`;
const CALLS = [
  { pattern: template(`let ret; try { ret = ${GUEST_CALL}; } ${CALL_FAILS}`), isVoid: false },
  { pattern: template(`let ret; try { ${GUEST_CALL}; } ${CALL_FAILS}`), isVoid: true },
];

const CALLED = template(
  'let ret; try { ret = $call; } catch (err) { throw _fastTrap(err); } _fastReturned = true; if (_fastLoans !== 0) _fastOwes();',
);
const CALLED_VOID = template(
  'let ret; try { $call; } catch (err) { throw _fastTrap(err); } _fastReturned = true; if (_fastLoans !== 0) _fastOwes();',
);
const AWAITED = template(
  'let ret; try { ret = await $call; } catch (err) { throw _fastTrap(err); } _fastReturned = true; if (_fastLoans !== 0) _fastOwes();',
);
const AWAITED_VOID = template(
  'let ret; try { await $call; } catch (err) { throw _fastTrap(err); } _fastReturned = true; if (_fastLoans !== 0) _fastOwes();',
);

/** What follows the call, as jco writes it and as it becomes. */
const RETURNS = template('task.resolve([$result]); task.exit(); return $result;');
const RETURN = template('_fastRunning = false; return $result;');
const COPIES = template('task.resolve([$result]); const retCopy = $result;');
const COPY = template('const retCopy = $result;');
const COPIED = template('const retCopy = $copied; task.resolve([retCopy.val]);');
const COPIED_ONLY = template('const retCopy = $copied;');
const RESOLVES = template('task.resolve([$name]);');
const EXITS = template('task.exit();');
const EXIT = template('_fastRunning = false;');
const POST_RETURN = template(`
  let cstate = getOrCreateAsyncState($instance);
  cstate.mayLeave = false;
  $call;
  cstate.mayLeave = true;
`);
const GUARDED_POST_RETURN = template('$flags.value = 0; $call; $flags.value = 1;');
const BARE_POST_RETURN = template('$call;');

/** Whether a function is an export's wrapper, whatever else is in it. */
export function isWrapper(body: readonly AnyNode[]): boolean {
  return body.some(
    (item) =>
      item.type === 'VariableDeclaration' &&
      item.declarations.some(
        ({ init }) => init?.type === 'CallExpression' && isIdentifier(init.callee, 'createNewCurrentTask'),
      ),
  );
}

/**
 * Makes a wrapper direct. `flagsOf` names what says whether the guest of an instance may leave, where there is anything to
 * leave to. Returns the guest's function, or why it cannot.
 */
export function unwrap(
  wrapper: FunctionExpression | FunctionDeclaration,
  flagsOf: (instance: number) => string | undefined,
  suspends: boolean,
): { readonly guest: string } | string {
  if (wrapper.async || wrapper.generator) return 'an asynchronous export';
  const list = wrapper.body.body;
  const found = WRAPPERS.map((pattern) => matchAt(pattern, list, 0)).find((item) => item?.length === list.length);
  if (!found) return 'an export of another shape';
  const instance = heldNumber(found.held, 'instance');
  if (instance === undefined) return 'an export of another shape';
  const body = found.held.get('body') as Statement[];
  const guest = directCall(body, instance, suspends);
  if (guest === undefined) return 'an export that calls its guest in another way';
  if (!finish(body, instance, flagsOf(instance))) return 'an export that ends in another way';
  wrapper.body.body = fill(RUN, new Map([['body', body]]));
  wrapper.async = suspends;
  return { guest };
}

/** The one call of the guest, in place; the name of its function. */
function directCall(body: Statement[], instance: number, suspends: boolean): string | undefined {
  for (let at = 0; at < body.length; at++) {
    for (const { pattern, isVoid } of CALLS) {
      const found = matchAt(pattern, body, at);
      if (!found) continue;
      const call = held(found.held, 'call');
      if (heldNumber(found.held, 'instance') !== instance || call.type !== 'CallExpression') return undefined;
      if (!isIdentifier(call.callee)) return undefined;
      const direct = suspends ? (isVoid ? AWAITED_VOID : AWAITED) : isVoid ? CALLED_VOID : CALLED;
      body.splice(at, found.length, ...fill(direct, found.held));
      return call.callee.name;
    }
  }
  return undefined;
}

/**
 * Everything after the call; `false` unless it leaves exactly once. What else is not as expected keeps its `task`, and the
 * file is refused for that.
 */
function finish(body: Statement[], instance: number, flags: string | undefined): boolean {
  const left = replaceAll(body, RETURNS, () => RETURN) + replaceAll(body, EXITS, () => EXIT);
  replaceAll(body, COPIES, () => COPY);
  replaceAll(body, COPIED, () => COPIED_ONLY);
  replaceAll(body, RESOLVES, (found) => (heldName(found, 'name') === undefined ? undefined : []));
  replaceAll(body, POST_RETURN, (found) => {
    if (heldNumber(found, 'instance') !== instance) return undefined;
    if (flags === undefined) return BARE_POST_RETURN;
    found.set('flags', { type: 'Identifier', name: flags, start: 0, end: 0 });
    return GUARDED_POST_RETURN;
  });
  return left === 1;
}

/** Every function from a node down that is an export's wrapper, with what it is declared in. */
export function findWrappers(
  node: AnyNode,
  parent: AnyNode | undefined,
  see: (wrapper: FunctionExpression | FunctionDeclaration, parent: AnyNode | undefined) => void,
): void {
  const isFunction = node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression';
  if (isFunction && isWrapper(node.body.body)) see(node as FunctionExpression, parent);
  else eachChild(node, (child) => findWrappers(child, node, see));
}
