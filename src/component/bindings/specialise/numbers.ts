/**
 * Handles of the guest's own resources, which stand for numbers of its choice. jco takes a handle that it never gave out for
 * one that it may drop, the number 0 for no resource, and hands out objects for handles that the guest does not have.
 *
 * The tables stay as jco has them: pairs of the lends of an owned handle (or the scope of a borrowed one) and the number, with
 * a flag for what is owned; the flag on the first of a pair says that it is free. While the caller holds a resource, its handle
 * is none for the guest. A number that has the bit of the flag itself
 * is refused: it would come back as another one.
 */
import type { AnyNode, Statement } from 'acorn';
import { eachStatementList } from './resources.ts';
import { equal, held, heldName, matchAt, replaceAll, template, type Held } from './template.ts';

const GET = `function rscTableGet(table, handle) {
  const scope = table[handle << 1];
  const val = table[(handle << 1) + 1];
  const own = (val & T_FLAG) !== 0;
  const rep = val & ~T_FLAG;
  if (rep === 0 || (scope & T_FLAG) !== 0) {
    throw new WebAssemblyRuntimeError(\`unknown handle index \${(handle << 1) + 1}\`);
  }
  return { rep, scope, own };
}`;
const REMOVE = `function rscTableRemove(table, handle) {
  const scope = table[handle << 1];
  const val = table[(handle << 1) + 1];
  const own = (val & T_FLAG) !== 0;
  const rep = val & ~T_FLAG;
  if (val === 0 || (scope & T_FLAG) !== 0) {
    throw new WebAssemblyRuntimeError(\`unknown handle index \${(handle << 1) + 1}\`);
  }
  if (own && scope !== 0) {
    throw new WebAssemblyRuntimeError('cannot remove owned resource while borrowed');
  }
  const borrowTask = own ? undefined : RESOURCE_SCOPE_TASKS.get(scope);
  table[handle << 1] = table[0] | T_FLAG;
  table[0] = handle | T_FLAG;
  borrowTask?.removeBorrowedHandle();
  return { rep, scope, own };
}`;
const CREATE_OWN = `function rscTableCreateOwn(table, rep) {
  const free = table[0] & ~T_FLAG;
  if (free === 0) {
    table.push(0);
    table.push(rep | T_FLAG);
    return (table.length >> 1) - 1;
  }
  table[0] = table[free << 1];
  table[free << 1] = 0;
  table[(free << 1) + 1] = rep | T_FLAG;
  return free;
}`;

const TABLE_CODE = [GET, REMOVE, CREATE_OWN].map(template);

/** In the place of jco's functions of the same names, and what is handed out. */
export const NUMBER_CODE: readonly Statement[] = template(`
  const _fastAway = 1073741823;
  function rscTableGet(table, handle) {
    const scope = table[handle * 2];
    if (scope === undefined || (scope & T_FLAG) !== 0 || scope === _fastAway) {
      throw _fastTrap(new WebAssemblyRuntimeError('unknown handle index ' + (handle >>> 0)));
    }
    const val = table[handle * 2 + 1];
    return { rep: val & ~T_FLAG, scope, own: (val & T_FLAG) !== 0 };
  }
  function rscTableRemove(table, handle) {
    const entry = rscTableGet(table, handle);
    if (entry.own && entry.scope !== 0) {
      throw _fastTrap(new WebAssemblyRuntimeError('cannot remove owned resource while borrowed'));
    }
    table[handle * 2] = table[0] | T_FLAG;
    table[0] = handle | T_FLAG;
    if (!entry.own) RESOURCE_SCOPE_TASKS.get(entry.scope)?.removeBorrowedHandle();
    return entry;
  }
  function rscTableCreateOwn(table, rep) {
    if ((rep & T_FLAG) !== 0) throw _fastTrap(new WebAssemblyRuntimeError('a resource has a number that is too large'));
    const free = table[0] & ~T_FLAG;
    if (free === 0) return (table.push(0, rep | T_FLAG) >> 1) - 1;
    table[0] = table[free * 2];
    table[free * 2] = 0;
    table[free * 2 + 1] = rep | T_FLAG;
    return free;
  }
  function _fastHandOut(table, handle) {
    const { own, scope } = rscTableGet(table, handle);
    if (!own || scope !== 0) throw _fastTrap(new WebAssemblyRuntimeError('not a handle to give away: ' + handle));
    table[handle * 2] = _fastAway;
  }
  function _fastHandBack(table, handle) {
    table[handle * 2] = 0;
  }
  function _fastDestroy(destroy) {
    _fastEnter();
    try {
      destroy();
    } catch (err) {
      throw _fastTrap(err);
    }
    _fastRunning = false;
  }
`);

/** An object for a handle that the guest gives away, and how its holder drops it. */
const HANDED_OUT = template(`
  var $handle = $given;
  var $object = new.target === $class ? this : Object.create($class.prototype);
  Object.defineProperty($object, symbolRscHandle, { writable: true, value: $handle });
  $registry.register($object, $handle, $object);
  Object.defineProperty($object, symbolDispose, {
    writable: true,
    value: function () {
      $registry.unregister($object);
      const handleEntry = rscTableRemove($table, $handle);
      $object[symbolDispose] = emptyFunc;
      $object[symbolRscHandle] = undefined;
      $$destroy;
    }
  });
`);
const HANDED_OUT_OWN = template(`
  var $handle = $given;
  _fastHandOut($table, $handle);
  var $object = new.target === $class ? this : Object.create($class.prototype);
  Object.defineProperty($object, symbolRscHandle, { writable: true, value: $handle });
  $registry.register($object, $handle, $object);
  Object.defineProperty($object, symbolDispose, {
    writable: true,
    value: function () {
      _fastDestroy(() => {
        $registry.unregister($object);
        _fastHandBack($table, $handle);
        const handleEntry = rscTableRemove($table, $handle);
        $object[symbolDispose] = emptyFunc;
        $object[symbolRscHandle] = undefined;
        $$destroy;
      });
    }
  });
`);
const REGISTERS = template('$registry.register($object, $handle, $object);');
const UNREGISTERS = template('$registry.unregister($object);');
/** Its holder gives it back to the guest. */
const GIVEN_BACK = template(`
  $registry.unregister($object);
  $object[symbolDispose] = emptyFunc;
  $object[symbolRscHandle] = undefined;
`);
const GIVEN_BACK_OWN = template(`
  $registry.unregister($object);
  $object[symbolDispose] = emptyFunc;
  _fastHandBack($table, $object[symbolRscHandle]);
  $object[symbolRscHandle] = undefined;
`);

/** What its holder forgets is dropped when it is collected: not while the guest runs, and never with an error that nobody catches. */
const FORGOTTEN = template(`
  const $registry = finalizationRegistryCreate(handle => {
    const { rep } = rscTableRemove($table, handle);
    $$destroy;
  });
`);
const FORGOTTEN_OWN = template(`
  const $registry = finalizationRegistryCreate(handle => {
    if (_fastRunning || _fastTrapped) return;
    try {
      _fastDestroy(() => {
        _fastHandBack($table, handle);
        const { rep } = rscTableRemove($table, handle);
        $$destroy;
      });
    } catch (err) {
      _fastTrap(err);
    }
  });
`);

/** Returns why the tables of numbers are not understood; `undefined` where they are, or where there are none. */
export function useOwnNumbers(helpers: Statement[], body: Statement[]): string | undefined {
  for (const pattern of TABLE_CODE) {
    const [declared] = pattern;
    const name = declared?.type === 'FunctionDeclaration' ? declared.id.name : '';
    const times = helpers.filter((item) => item.type === 'FunctionDeclaration' && item.id.name === name).length;
    if (replaceAll(helpers, pattern, () => []) !== times) return `the helper ${name} is another one`;
  }
  const tables = new Map<string, AnyNode>();
  replaceAll(body, FORGOTTEN, (found) => {
    tables.set(heldName(found, 'registry') ?? '', held(found, 'table'));
    return FORGOTTEN_OWN;
  });
  const tableOf = (found: Held): AnyNode | undefined => tables.get(heldName(found, 'registry') ?? '');
  let [passed, known] = [0, 0];
  eachStatementList(body, (list) => {
    passed += list.filter((item) => matchAt(REGISTERS, [item], 0) ?? matchAt(UNREGISTERS, [item], 0)).length;
    known += replaceAll(list, GIVEN_BACK, (found) => {
      const table = tableOf(found);
      if (table) found.set('table', table);
      return table && GIVEN_BACK_OWN;
    });
    // Registered, and no longer when it is dropped.
    known += 2 * replaceAll(list, HANDED_OUT, (found) => (isSame(tableOf(found), found) ? HANDED_OUT_OWN : undefined));
  });
  return passed === known ? undefined : 'a resource that is handed out in another way';
}

function isSame(table: AnyNode | undefined, found: Held): boolean {
  return table !== undefined && equal(table, held(found, 'table'));
}
