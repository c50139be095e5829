/**
 * Handles of the host's objects. jco keeps two tables, one from handle to number and one from number to object, takes a handle
 * that it does not know for an object without state, and counts the numbers up until they meet its flag.
 * Here a table holds the objects themselves, what it does not know is a trap, and nothing grows but by handles that are held.
 *
 * A table is a list of pairs, as jco's are, with the same handles in the same order: whether it is owned (or which pair is
 * free after this one), and the object. The pair at 0 is the head of the free ones.
 */
import type { AnyNode, Statement } from 'acorn';
import { eachChild } from '../syntax.ts';
import { heldName, heldNumber, replaceAll, template, type Held } from './template.ts';

export const RESOURCE_CODE: readonly Statement[] = template(`
  const _fastOwned = -1;
  const _fastLent = -2;
  function _fastUnknown(handle) {
    throw _fastTrap(new WebAssemblyRuntimeError('unknown handle index ' + handle));
  }
  function _fastGive(table, object, held) {
    const free = table[0];
    if (free === 0) {
      table.push(held, object);
      return (table.length >> 1) - 1;
    }
    table[0] = table[free * 2];
    table[free * 2] = held;
    table[free * 2 + 1] = object;
    return free;
  }
  function _fastLook(table, handle) {
    const object = table[handle * 2 + 1];
    if (object === undefined) _fastUnknown(handle);
    return object;
  }
  function _fastForget(table, handle) {
    const object = _fastLook(table, handle);
    table[handle * 2] = table[0];
    table[handle * 2 + 1] = undefined;
    table[0] = handle;
    return object;
  }
  function _fastTake(table, handle) {
    if (table[handle * 2] !== _fastOwned) _fastUnknown(handle);
    return _fastForget(table, handle);
  }
  function _fastDrop(table, handle) {
    const isOwned = table[handle * 2] === _fastOwned;
    const object = _fastForget(table, handle);
    if (isOwned && object[symbolDispose]) object[symbolDispose]();
  }
`);

interface Rule {
  readonly pattern: readonly Statement[];
  readonly by: readonly Statement[];
}

function rule(pattern: string, by: string): Rule {
  return { pattern: template(pattern), by: template(by) };
}

const LIFTED = `
  var $handle = $given;
  var $number = $table[($handle << 1) + 1] & ~T_FLAG;
  var $object = $capture.get($number);
`;
/** For a handle without an object. */
const MADE_UP = `
  $object = Object.create($class.prototype);
  Object.defineProperty($object, symbolRscHandle, { writable: true, value: $handle });
  Object.defineProperty($object, symbolRscRep, { writable: true, value: $number });
`;

/** Without the count where the host never gives one away: what nothing reads is dropped before. */
const TABLES = ['let $count = 0;', ''].map((count) =>
  rule(
    `const $table = [T_FLAG, 0];
     $table._componentIdx = $instance;
     const $capture = new Map();
     ${count}
     HANDLE_TABLES[$index] = $table;`,
    'const $table = [0, undefined];',
  ),
);

const RULES: readonly Rule[] = [
  // A borrow of the guest's: the handle stays.
  rule(
    `${LIFTED} if (!$object) { ${MADE_UP} } curResourceBorrows.push($object);`,
    'var $object = _fastLook($table, $given);',
  ),
  // Owned by the guest: the handle goes.
  rule(
    `${LIFTED} if (!$object) { ${MADE_UP} } else { $capture.delete($number); } rscTableRemove($table, $handle);`,
    'var $object = _fastTake($table, $given);',
  ),
  // What jco does for borrows after a call: nothing, to objects that no handle was put on.
  rule(
    `for (const entry of curResourceBorrows) {
       const rsc = entry.rsc ?? entry;
       if (entry.drop) {
         if (rsc[symbolRscHandle]) {
           entry.drop(rsc[symbolRscHandle]);
         }
       }
       rsc[symbolRscHandle] = undefined;
     }
     curResourceBorrows = [];`,
    '',
  ),
  // To the guest for good.
  rule(
    `var $handle = $object[symbolRscHandle];
     if (!$handle) {
       const rep = $object[symbolRscRep] || ++$count;
       $capture.set(rep, $object);
       $handle = rscTableCreateOwn($table, rep);
     }`,
    'var $handle = _fastGive($table, $object, _fastOwned);',
  ),
  // To the guest for the call.
  rule(
    `var $handle = $object[symbolRscHandle];
     if (!$handle) {
       const rep = $object[symbolRscRep] || ++$count;
       $capture.set(rep, $object);
       $handle = rscTableCreateBorrow($table, rep, SCOPE_ID);
     }`,
    'var $handle = _fastGive($table, $object, _fastLent);',
  ),
  // The guest drops it.
  rule(
    `const handleEntry = rscTableRemove($table, handle);
     if (handleEntry.own) {
       const rsc = $capture.get(handleEntry.rep);
       if (rsc) {
         if (rsc[symbolDispose]) rsc[symbolDispose]();
         $capture.delete(handleEntry.rep);
       } else if ($class[symbolCabiDispose]) {
         $class[symbolCabiDispose](handleEntry.rep);
       }
     }`,
    '_fastDrop($table, handle);',
  ),
];

/**
 * Puts every table of host objects into the new form, with all that is done to it. What is done in another way keeps a name
 * that is declared no longer, and the file is refused for that. Returns whether there is any such table.
 */
export function useOwnTables(body: Statement[]): boolean {
  /** Index of the table → the class of what is in it, once that is known. */
  const tables = new Map<string, string | undefined>();
  for (const { pattern, by } of TABLES) {
    replaceAll(body, pattern, (found) => {
      const index = indexOf(found);
      if (index === undefined || String(heldNumber(found, 'index')) !== index) return undefined;
      tables.set(index, undefined);
      return by;
    });
  }
  if (tables.size === 0) return false;
  eachStatementList(body, (list) => {
    for (const { pattern, by } of RULES) replaceAll(list, pattern, (found) => (fits(found, tables) ? by : undefined));
  });
  return true;
}

/** Whether the names that were found belong to one table, that is of the new form, and of one class. */
function fits(found: Held, tables: Map<string, string | undefined>): boolean {
  if (!found.has('table')) return true;
  const index = indexOf(found);
  if (index === undefined || !tables.has(index)) return false;
  if (!found.has('class')) return true;
  const [known, name] = [tables.get(index), heldName(found, 'class')];
  if (name === undefined || (known !== undefined && known !== name)) return false;
  tables.set(index, name);
  return true;
}

/** 3 of `handleTable3`, `captureTable3` and `captureCnt3`, as far as they were found; `undefined` where they differ. */
function indexOf(found: Held): string | undefined {
  const index = /^handleTable([0-9]+)$/.exec(heldName(found, 'table') ?? '')?.[1];
  const isSame = (name: string, prefix: string): boolean =>
    !found.has(name) || heldName(found, name) === `${prefix}${index}`;
  return isSame('capture', 'captureTable') && isSame('count', 'captureCnt') ? index : undefined;
}

function eachStatementList(list: Statement[], see: (list: Statement[]) => void): void {
  see(list);
  const within = (node: AnyNode): void => {
    if (node.type === 'BlockStatement') see(node.body);
    if (node.type === 'SwitchCase') see(node.consequent);
    eachChild(node, within);
  };
  for (const statement of list) within(statement);
}
