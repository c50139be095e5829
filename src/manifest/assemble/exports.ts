import { entryKey, type EntryKey, type ExportRef } from '../../model/component.ts';
import { callName, exporters, uncallable } from '../../model/callable.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { exportMeant, isCommand } from '../../model/schedule.ts';
import { Decoders } from '../../model/typed/decode.ts';
import { Mismatch } from '../../model/typed/mismatch.ts';
import { splitVersion, type ComponentShape, type ShapeOf, type WitField } from '../../model/wit.ts';
import type { ParsedDocument } from '../parsed.ts';
import { nearest } from '../suggest.ts';
import { atValue } from './assembly.ts';
import type { Types } from './cell.ts';
import { calledBy, exportOf } from './called.ts';

/** A mismatch is shown in a few words; a type of many cases would fill a page. */
export const MAX_WORDS = 500;
/** Names that are shown where one was not found. */
const MAX_SHOWN_NAMES = 5;

/**
 * What is wrong with the functions that a Route calls, as far as the types of their components are known. Where they are
 * not known yet, the release is refused when it is prepared.
 */
export function exportProblems(document: ParsedDocument<'Route'>, { members, shapeOf }: Types): readonly Diagnostic[] {
  return document.value.spec.rules.flatMap(({ backendRef }, index): readonly Diagnostic[] => {
    const member = members.get(entryKey(document.namespace, backendRef.name));
    const shape = backendRef.export && member ? shapeOf(member.artifact) : undefined;
    if (!backendRef.export || !member || !shape) return [];
    const at = `/spec/rules/${index}/backendRef/export`;
    return problemsAt(document, at, member.key, shape, (value) => exportProblem(value, exportOf(backendRef.export!)));
  });
}

/**
 * What is wrong with the function that a Schedule calls: it has to be there, in this release line of its interface, and
 * take what is given.
 */
export function calledProblems(
  document: ParsedDocument<'Schedule'>,
  { members, shapeOf }: Types,
): readonly Diagnostic[] {
  const { backendRef } = document.value.spec;
  const member = members.get(entryKey(document.namespace, backendRef.name));
  const shape = member && shapeOf(member.artifact);
  if (!shape) return [];
  const called = calledBy(backendRef);
  const at = backendRef.export ? '/spec/backendRef/export' : '/spec/backendRef/name';
  const wrong = problemsAt(document, at, member.key, shape, (value) => {
    const found = meantProblem(value, called).wrong;
    return found?.code !== 'HW1090' && isCommand(called) ? undefined : found;
  });
  if (wrong.length > 0 || !shape.ok || isCommand(called)) return wrong;
  return parameterProblems(document, member.key, shape.value, called);
}

/** Whether the parameters that are written fit the function, by the rule of calls with JSON. */
function parameterProblems(
  document: ParsedDocument<'Schedule'>,
  key: EntryKey,
  shape: ComponentShape,
  called: ExportRef,
): readonly Diagnostic[] {
  const { parameters: given } = document.value.spec.backendRef;
  const { meant, parameters } = meantProblem(shape, called);
  try {
    new Decoders(shape.types).record(parameters, 'an object')(given ?? {});
    return [];
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const { expected, found, pointer } = error;
    const at = given === undefined ? '/spec/backendRef/export/function' : `/spec/backendRef/parameters${pointer}`;
    const where = pointer === '' ? '' : ` at ${pointer}`;
    const message = `${key} exports ${callName(meant, called.function)}, whose parameters do not fit: expected ${expected.slice(0, MAX_WORDS)}, found ${found}${where}`;
    return [atValue(document, at, 'HW1083', message)];
  }
}

/** What the runtime itself calls is found by the release line of its interface. */
export function meantProblem(
  shape: ComponentShape,
  called: ExportRef,
  why: typeof uncallable = uncallable,
): { readonly wrong: Wrong | undefined; readonly meant: string; readonly parameters: readonly WitField[] } {
  const all = exporters(shape);
  const names = all.map(({ name }) => name);
  const meant = exportMeant(names, called.interface) ?? called.interface;
  const found = all.find(({ name }) => name === meant);
  const parameters = found?.functions.find(({ name }) => name === called.function)?.params ?? [];
  return { wrong: exportProblem(shape, { ...called, interface: meant }, why), meant, parameters };
}

/** A finding where the types cannot be read, or at the field that is wrong. */
export function problemsAt(
  document: ParsedDocument,
  at: string,
  key: EntryKey,
  shape: NonNullable<ReturnType<ShapeOf>>,
  wrongIn: (shape: ComponentShape) => Wrong | undefined,
): readonly Diagnostic[] {
  if (!shape.ok) {
    const message = `the exports of ${key} cannot be read: ${shape.error.message} (${shape.error.code})`;
    return [atValue(document, at, 'HW1092', message, shape.error.remedy)];
  }
  const wrong = wrongIn(shape.value);
  if (!wrong) return [];
  const pointer = at.endsWith('/export') ? `${at}/${wrong.field}` : at;
  return [atValue(document, pointer, wrong.code, `${key} ${wrong.message}`, wrong.remedy)];
}

export interface Wrong {
  readonly field: 'interface' | 'function';
  readonly code: 'HW1090' | 'HW1091';
  readonly message: string;
  readonly remedy: string;
}

export function exportProblem(
  shape: ComponentShape,
  { interface: interfaceName, function: functionName }: ExportRef,
  why: typeof uncallable = uncallable,
): Wrong | undefined {
  const { interfaces } = shape.exports;
  const found = exporters(shape).find((candidate) => candidate.name === interfaceName);
  if (!found && interfaceName === '') {
    return {
      field: 'function',
      code: 'HW1090',
      message: `exports no function ${functionName} outside of its interfaces`,
      remedy: choices(
        'interface',
        functionName,
        interfaces.map(({ name }) => name),
      ),
    };
  }
  if (!found) {
    const versions = interfaces.filter(({ name }) => splitVersion(name)[0] === splitVersion(interfaceName)[0]);
    const names = (versions.length > 0 ? versions : interfaces).map(({ name }) => name);
    return {
      field: 'interface',
      code: 'HW1090',
      message: `exports no interface ${interfaceName}`,
      remedy: choices('interface', interfaceName, names),
    };
  }
  const exported = found.functions.find((candidate) => candidate.name === functionName);
  if (!exported) {
    const names = found.functions.filter((candidate) => why(shape, interfaceName, candidate) === undefined);
    return {
      field: 'function',
      code: 'HW1090',
      message: `exports no function ${functionName} ${interfaceName === '' ? 'outside of its interfaces' : `in ${interfaceName}`}`,
      remedy: choices(
        'function',
        functionName,
        names.map(({ name }) => name),
      ),
    };
  }
  const reason = why(shape, interfaceName, exported);
  if (reason === undefined) return undefined;
  return {
    field: 'function',
    code: 'HW1091',
    message: `exports ${callName(interfaceName, functionName)}, but it cannot be called with JSON: ${reason}`,
    remedy: 'export a function whose parameters and result are values, or answer HTTP in the component',
  };
}

function choices(what: string, wanted: string, names: readonly string[]): string {
  if (names.length === 0) return `the component exports no ${what} that can be called; build it with one`;
  const shown = nearest(wanted, names).slice(0, MAX_SHOWN_NAMES);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return `it exports ${shown.join(', ')}${more}`;
}
