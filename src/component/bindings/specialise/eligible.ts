import type { FunctionDeclaration, Pattern, Statement } from 'acorn';
import { isIdentifier, visit } from '../syntax.ts';
import { SCOPE_CODE } from './fused.ts';
import { INTEGER_CODE } from './integers.ts';
import { NUMBER_CODE } from './numbers.ts';
import { RESOURCE_CODE } from './resources.ts';
import { SUPPORT_CODE, TEXT_CODE } from './support-code.ts';

/**
 * What may be declared beside the generator once the pass is done: jco's helpers whose meaning does not hang on a task. A
 * file with any other, of a feature that nobody has looked at, is not `fast`.
 */
export const HELPERS: ReadonlySet<string> = new Set([
  'CORE_TRAP_MESSAGES',
  'HANDLE_TABLES',
  'RESOURCE_SCOPE_TASKS',
  'TEXT_DECODER_UTF8',
  'TEXT_ENCODER_UTF8',
  'T_FLAG',
  'WebAssemblyRuntimeError',
  '_isValidNumericPrimitive',
  '_normalizeCoreTrap',
  '_requireValidNumericPrimitive',
  '_utf8AllocateAndEncode',
  'dataView',
  'dv',
  'emptyFunc',
  'finalizationRegistryCreate',
  'gen',
  'getErrorPayload',
  'hasOwnProperty',
  'f32ToI32',
  'f64ToI64',
  'i32ToF32',
  'i32ToF32F',
  'i32ToF32I',
  'i64ToF64',
  'i64ToF64F',
  'i64ToF64I',
  'isLE',
  'maybeSyncReturn',
  'normalizeInstantiationError',
  'promise',
  'reject',
  'resolve',
  'rscTableCreateBorrow',
  'runNext',
  'symbolDispose',
  'symbolRscHandle',
  'toInt16',
  'toInt32',
  'toInt64',
  'toInt8',
  'toUint16',
  'toUint32',
  'toUint64',
  'toUint8',
  'validateGuestChar',
  'validateHostChar',
]);

/** What must be gone wherever it was: a task that is still looked at means that its meaning was not understood. */
const TASKS: ReadonlySet<string> = new Set([
  'createTask',
  'createNewCurrentTask',
  'cstate',
  'getCurrentTask',
  'getOrCreateAsyncState',
  'parentTask',
  'subtask',
  'task',
]);

const MODULE = /^module[0-9]+$/;

/** Why a file that the pass went through is not `fast` all the same; `undefined` where it is. */
export function whyIneligible(instantiate: FunctionDeclaration): string | undefined {
  const own = declaredBy([
    ...SUPPORT_CODE,
    ...NUMBER_CODE,
    ...INTEGER_CODE,
    ...TEXT_CODE,
    ...RESOURCE_CODE,
    ...SCOPE_CODE,
  ]);
  for (const statement of instantiate.body.body) {
    if (isImport(statement)) continue;
    for (const name of declaredBy([statement])) {
      if (!HELPERS.has(name) && !own.has(name) && !MODULE.test(name)) return `the helper ${name} is not known`;
    }
  }
  let left: string | undefined;
  visit(instantiate, (node) => {
    if (isIdentifier(node) && TASKS.has(node.name)) left ??= `${node.name} is left`;
  });
  return left;
}

/** `const { poll, Pollable: Pollable$1 } = imports['wasi:io/poll'];` */
function isImport(statement: Statement): boolean {
  if (statement.type !== 'VariableDeclaration') return false;
  return statement.declarations.every(
    ({ id, init }) =>
      id.type === 'ObjectPattern' && init?.type === 'MemberExpression' && isIdentifier(init.object, 'imports'),
  );
}

function declaredBy(statements: readonly Statement[]): Set<string> {
  const names = new Set<string>();
  for (const statement of statements) {
    if (statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration') names.add(statement.id.name);
    if (statement.type !== 'VariableDeclaration') continue;
    for (const { id } of statement.declarations) names.add(nameOf(id));
  }
  return names;
}

/** Of anything but a plain name, what no list has. */
function nameOf(pattern: Pattern): string {
  return pattern.type === 'Identifier' ? pattern.name : pattern.type;
}
