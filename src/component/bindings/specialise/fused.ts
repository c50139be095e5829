/**
 * Calls between component instances of one file (fused adapters, which is how componentize-qjs builds). jco makes a task for
 * each; what is left of one where nothing is asynchronous is a scope: who runs, what it has lent for the call, and how many
 * borrows are to be given back before it ends.
 *
 * Guests' own resources stay in jco's tables of numbers, host objects are in tables of objects (resources.ts): the head of
 * the free ones tells them apart, because jco's always carries its flag.
 */
import type { AnyNode, FunctionDeclaration, Statement } from 'acorn';
import { rewrite } from '../syntax.ts';
import { eachStatementList } from './resources.ts';
import { expressionOf, heldName, matchExpression, replaceAll, template } from './template.ts';

/**
 * A scope has the number of its depth, which a borrow's handle carries. The number is free again when the call has ended:
 * one that ends with a borrow is a trap, and after a trap nothing runs.
 */
const SCOPES = template(`
  const _fastScopes = [];
  function _fastCall(caller, isAsync, callee) {
    if (isAsync || _fastScopes.some((scope) => scope.callee === callee)) {
      throw _fastTrap(new WebAssemblyRuntimeError('wasm trap: cannot enter component instance'));
    }
    const scope = { callee, borrows: 0, lent: [], removeBorrowedHandle: () => void (scope.borrows -= 1) };
    RESOURCE_SCOPE_TASKS.set(_fastScopes.push(scope), scope);
    return 1;
  }
  function _fastReturn() {
    const scope = _fastScopes.pop();
    if (scope.borrows !== 0) {
      throw _fastTrap(new WebAssemblyRuntimeError('borrow handles still remain at the end of the call'));
    }
    for (const { table, handle } of scope.lent) table[handle << 1] -= 1;
    RESOURCE_SCOPE_TASKS.delete(_fastScopes.length + 1);
  }
  function _fastScope() {
    if (_fastScopes.length === 0) throw _fastTrap(new WebAssemblyRuntimeError('a borrow outside of any call'));
    return _fastScopes[_fastScopes.length - 1];
  }
`);

/**
 * What adapters keep of a guest's context around a call: they save it, set it to nothing, and put it back. No guest that is
 * `fast` reads it, so it needs no task to belong to.
 */
const CONTEXT = template(`
  const _fastContext = [0, 0];
`);

/** Where all resources are the guests' own. */
const NUMBERS = template(`
  function _fastMove(handle, from, to) {
    const { rep } = rscTableRemove(HANDLE_TABLES[from] ?? [T_FLAG, 0], handle);
    const target = HANDLE_TABLES[to] ?? (HANDLE_TABLES[to] = [T_FLAG, 0]);
    return rscTableCreateOwn(target, rep);
  }
  function _fastLend(handle, from, to) {
    const scope = _fastScope();
    const table = HANDLE_TABLES[from] ?? [T_FLAG, 0];
    const target = HANDLE_TABLES[to] ?? (HANDLE_TABLES[to] = [T_FLAG, 0]);
    const { rep, own } = rscTableGet(table, handle);
    if (own) {
      table[handle << 1] += 1;
      scope.lent.push({ table, handle });
    }
    if (target._fastDefines) return rep;
    scope.borrows += 1;
    return rscTableCreateBorrow(target, rep, _fastScopes.length);
  }
`);

/** Where host objects pass between guests as well. */
const OBJECTS = template(`
  function _fastMoveAny(handle, from, to) {
    const table = HANDLE_TABLES[from] ?? [T_FLAG, 0];
    if ((table[0] & T_FLAG) !== 0) return _fastMove(handle, from, to);
    const target = HANDLE_TABLES[to] ?? (HANDLE_TABLES[to] = [0, undefined]);
    return _fastGive(target, _fastTake(table, handle), _fastOwned);
  }
  function _fastLendAny(handle, from, to) {
    const table = HANDLE_TABLES[from] ?? [T_FLAG, 0];
    if ((table[0] & T_FLAG) !== 0) return _fastLend(handle, from, to);
    const target = HANDLE_TABLES[to] ?? (HANDLE_TABLES[to] = [0, undefined]);
    const object = _fastLook(table, handle);
    _fastScope().borrows += 1;
    return _fastGive(target, object, _fastLent - _fastScopes.length);
  }
  function _fastDropLent(table, handle) {
    const held = table[handle * 2];
    if (held < _fastLent) _fastScopes[_fastLent - held - 1].borrows -= 1;
    _fastDrop(table, handle);
  }
`);

/** All that may be brought in. */
export const SCOPE_CODE: readonly Statement[] = [...SCOPES, ...CONTEXT, ...NUMBERS, ...OBJECTS];

const ENTERS = template('const $name = _symmetricSyncGuestCallEnter;');
const RETURNS = template('const $name = _symmetricSyncGuestCallExit;');
const MOVES = template('const $name = resourceTransferOwn;');
const LENDS = template('const $name = resourceTransferBorrow;');
/** Only the component that a resource belongs to makes handles of it; a borrow of its own it gets as its number. */
const DEFINES = template('const $name = rscTableCreateOwn.bind(null, $table);');
/** Without `componentIdx`, which those have that a guest calls itself. */
const GETS = template('contextGet.bind(null, { slot: $slot })');
const SETS = template('contextSet.bind(null, { slot: $slot })');
const DROPS = template('_fastDrop($table, handle);');

/**
 * Puts scopes in the place of the tasks of calls between guests. Returns the code that this needs: none where there are no
 * such calls.
 *
 * @param hasObjects whether there are tables of host objects.
 */
export function useScopes(
  instantiate: FunctionDeclaration,
  body: Statement[],
  hasObjects: boolean,
): readonly Statement[] {
  const [move, lend] = hasObjects ? ['_fastMoveAny', '_fastLendAny'] : ['_fastMove', '_fastLend'];
  const entered = replaceAll(body, ENTERS, () => template('const $name = _fastCall;'));
  const returned = replaceAll(body, RETURNS, () => template('const $name = _fastReturn;'));
  const passed =
    replaceAll(body, MOVES, () => template(`const $name = ${move};`)) +
    replaceAll(body, LENDS, () => template(`const $name = ${lend};`));
  if (entered + returned + passed === 0) return [];
  rewrite(instantiate, (node) => contextOf(node) ?? node);
  const seen = new Set<string>();
  replaceAll(body, DEFINES, (found) => {
    const table = heldName(found, 'table');
    if (table === undefined || seen.has(table)) return undefined;
    seen.add(table);
    return template('const $name = rscTableCreateOwn.bind(null, $table); $table._fastDefines = true;');
  });
  if (hasObjects)
    eachStatementList(body, (list) => void replaceAll(list, DROPS, () => template('_fastDropLent($table, handle);')));
  return [...SCOPES, ...CONTEXT, ...NUMBERS, ...(hasObjects ? OBJECTS : [])];
}

const GOT = template('() => _fastContext[$slot]');
const PUT = template('(value) => { _fastContext[$slot] = value; }');

function contextOf(node: AnyNode): AnyNode | undefined {
  if (node.type !== 'CallExpression') return undefined;
  const got = matchExpression(GETS, node);
  if (got) return expressionOf(GOT, got);
  const put = matchExpression(SETS, node);
  return put && expressionOf(PUT, put);
}
