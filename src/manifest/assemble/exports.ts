import { entryKey } from '../../model/component.ts';
import { callableFunctions, uncallable } from '../../model/callable.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { splitVersion, type ComponentShape, type ShapeOf } from '../../model/wit.ts';
import type { ParsedDocument } from '../parsed.ts';
import { nearest } from '../suggest.ts';
import { atValue } from './assembly.ts';
import type { Members } from './cell.ts';

/** What the references to exported functions are held against. */
export interface Types {
  readonly members: Members;
  readonly shapeOf: ShapeOf;
}

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
    if (!shape.ok) {
      const message = `the exports of ${member.key} cannot be read: ${shape.error.message} (${shape.error.code})`;
      return [atValue(document, at, 'HW1092', message, shape.error.remedy)];
    }
    const { interface: interfaceName, function: functionName } = backendRef.export;
    const wrong = exportProblem(shape.value, interfaceName, functionName);
    if (!wrong) return [];
    return [atValue(document, `${at}/${wrong.field}`, wrong.code, `${member.key} ${wrong.message}`, wrong.remedy)];
  });
}

interface Wrong {
  readonly field: 'interface' | 'function';
  readonly code: 'HW1090' | 'HW1091';
  readonly message: string;
  readonly remedy: string;
}

function exportProblem(shape: ComponentShape, interfaceName: string, functionName: string): Wrong | undefined {
  const { interfaces } = shape.exports;
  const found = interfaces.find((candidate) => candidate.name === interfaceName);
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
    const names = callableFunctions({ types: shape.types, exports: { interfaces: [found], functions: [] } });
    return {
      field: 'function',
      code: 'HW1090',
      message: `exports no function ${functionName} in ${interfaceName}`,
      remedy: choices(
        'function',
        functionName,
        names.map((item) => item.function.name),
      ),
    };
  }
  const why = uncallable(shape, interfaceName, exported);
  if (why === undefined) return undefined;
  return {
    field: 'function',
    code: 'HW1091',
    message: `exports ${interfaceName}#${functionName}, but it cannot be called with JSON: ${why}`,
    remedy: 'export a function whose parameters and result are values, or answer HTTP in the component',
  };
}

function choices(what: string, wanted: string, names: readonly string[]): string {
  if (names.length === 0) return `the component exports no ${what} that can be called; build it with one`;
  const shown = nearest(wanted, names).slice(0, MAX_SHOWN_NAMES);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return `it exports ${shown.join(', ')}${more}`;
}
