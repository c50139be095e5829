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
  function _fastLoan(table, object) {
    _fastLoans += 1;
    return _fastGive(table, object, _fastLent);
  }
  function _fastDrop(table, handle) {
    const isOwned = table[handle * 2] === _fastOwned;
    if (table[handle * 2] === _fastLent) _fastLoans -= 1;
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
    'const $table = [0, undefined]; HANDLE_TABLES[$index] = $table;',
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
    'var $handle = _fastLoan($table, $object);',
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

/** A table of the same objects in another component instance: what is done with it says whose it is. */
const BARE = rule(
  `const $table = [T_FLAG, 0];
   $table._componentIdx = $instance;
   HANDLE_TABLES[$index] = $table;`,
  'const $table = [0, undefined]; HANDLE_TABLES[$index] = $table;',
);

/** What is known of one table of host objects. */
interface Table {
  /** `captureTable0`: jco has one for each resource, and a table for each component instance that uses it. */
  readonly capture: string;
  /** The class of what is in it, once that is known. */
  of?: string | undefined;
}

/**
 * Puts every table of host objects into the new form, with all that is done to it. What is done in another way keeps a name
 * that is declared no longer, and the file is refused for that. Returns whether there is any such table.
 */
export function useOwnTables(body: Statement[]): boolean {
  const tables = new Map<string, Table>();
  for (const { pattern, by } of TABLES) {
    replaceAll(body, pattern, (found) => {
      const [table, capture] = [heldName(found, 'table'), captureOf(found)];
      if (table === undefined || capture === undefined || !isRegistered(found)) return undefined;
      tables.set(table, { capture });
      return by;
    });
  }
  if (tables.size === 0) return false;
  const captures = new Set([...tables.values()].map(({ capture }) => capture));
  const others = new Map<string, string>();
  eachRule(body, (found) => {
    if (!found.has('table') || !found.has('capture')) return false;
    const [table, capture] = [heldName(found, 'table'), captureOf(found)];
    if (table !== undefined && capture !== undefined && captures.has(capture)) others.set(table, capture);
    return false;
  });
  replaceAll(body, BARE.pattern, (found) => {
    const table = heldName(found, 'table');
    const capture = table === undefined || !isRegistered(found) ? undefined : others.get(table);
    if (table === undefined || capture === undefined) return undefined;
    tables.set(table, { capture });
    return BARE.by;
  });
  eachRule(body, (found) => fits(found, tables));
  return true;
}

/** Every place where one of the rules matches; it is applied there where `isMeant`. */
function eachRule(body: Statement[], isMeant: (found: Held) => boolean): void {
  eachStatementList(body, (list) => {
    for (const { pattern, by } of RULES) replaceAll(list, pattern, (found) => (isMeant(found) ? by : undefined));
  });
}

/** Whether the names that were found belong to one table, that is of the new form, and of one class. */
function fits(found: Held, tables: ReadonlyMap<string, Table>): boolean {
  if (!found.has('table')) return true;
  const table = tables.get(heldName(found, 'table') ?? '');
  if (!table || (found.has('capture') && captureOf(found) !== table.capture)) return false;
  if (!found.has('class')) return true;
  const name = heldName(found, 'class');
  if (name === undefined || (table.of !== undefined && table.of !== name)) return false;
  table.of = name;
  return true;
}

/** `HANDLE_TABLES[3] = handleTable3`: by that number adapters find it. */
function isRegistered(found: Held): boolean {
  return heldName(found, 'table') === `handleTable${heldNumber(found, 'index')}`;
}

/** `captureTable3`, whose numbers `captureCnt3` counts where they are counted; `undefined` where they differ. */
function captureOf(found: Held): string | undefined {
  const name = found.has('capture') ? heldName(found, 'capture') : undefined;
  const index = /^captureTable([0-9]+)$/.exec(name ?? '')?.[1];
  if (index === undefined || (found.has('count') && heldName(found, 'count') !== `captureCnt${index}`))
    return undefined;
  return `captureTable${index}`;
}

export function eachStatementList(list: Statement[], see: (list: Statement[]) => void): void {
  see(list);
  const within = (node: AnyNode): void => {
    if (node.type === 'BlockStatement') see(node.body);
    if (node.type === 'SwitchCase') see(node.consequent);
    eachChild(node, within);
  };
  for (const statement of list) within(statement);
}
