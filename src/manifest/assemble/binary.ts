import type { Code } from '../../model/codes.ts';
import type { Member } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { missingFunction } from '../../model/host-functions.ts';
import { importsOf, refusalOf, rowOf } from '../../model/imports.ts';
import type { ComponentShape, ShapeOf } from '../../model/wit.ts';
import { nameOfSource } from './source.ts';
import type { ParsedDocument } from '../parsed.ts';
import { isCapabilityImplemented } from '../unimplemented.ts';
import { atKey, atValue } from './assembly.ts';
import { migrateProblems } from './state.ts';

type ComponentDocument = ParsedDocument<'Component'>;

const KIBIBYTE = 1024;
const MEBIBYTE = KIBIBYTE * KIBIBYTE;

/** A line of `spec.capabilities` for each capability that an import may ask for: the names in it are the reader's to choose. */
const LINES: Readonly<Record<string, string>> = {
  outboundHttp: '- {name: web, outboundHttp: {hosts: [api.example.com]}}',
  sockets: '- {name: peer, sockets: {hosts: [peer.example.com], ports: [5432]}}',
  nameLookup: '- {name: names, nameLookup: {hosts: [peer.example.com]}}',
  keyValue: '- {name: data, keyValue: {store: data}}',
};

/**
 * What the binary of a component says against its document, where it is known: it is none, it imports what it was not
 * given, its memories start with more than they may have. Preparation would refuse each of them.
 */
export function binaryProblems(document: ComponentDocument, member: Member, shapeOf: ShapeOf): readonly Diagnostic[] {
  const shape = shapeOf(member.artifact);
  if (!shape) return [];
  if (!shape.ok) {
    const { source } = document.value.spec;
    const message = `${source.path ?? nameOfSource(source)} is not admitted: ${shape.error.message} (${shape.error.code})`;
    return [atSource(document, 'HW1100', message, shape.error.remedy)];
  }
  const missing = missingFunction(shape.value, member.links);
  return [
    ...importProblems(document, member, shape.value),
    ...(missing ? [atSource(document, 'HW1101', `${missing.message} (${missing.code})`, missing.remedy)] : []),
    ...memoryProblems(document, member, shape.value),
    ...migrateProblems(document, member, shape.value),
  ];
}

/** One for each line that is missing: what one grant would let in is said together. */
function importProblems(document: ComponentDocument, member: Member, shape: ComponentShape): readonly Diagnostic[] {
  const refused = importsOf(shape).flatMap((name) => {
    const why = refusalOf(name, member);
    return why ? [{ name, why, row: rowOf(name) }] : [];
  });
  const missing = Map.groupBy(refused, ({ name, why, row }) =>
    why.code === 'HW2111' && row?.rule === 'Granted' ? row.capabilities.join(' ') : name,
  );
  return [...missing.values()].map(([first, ...others]) => {
    const { name, why } = first!;
    const more = others.length === 0 ? '' : `, nor for ${others.map((other) => other.name).join(', ')}`;
    const message = `${why.message}${more} (${why.code})`;
    if (why.code === 'HW2112') return atSource(document, 'HW1101', message, remedyOfUnknown(name) ?? why.remedy);
    const remedy = remedyOfUngranted(name) ?? why.remedy;
    return document.value.spec.capabilities
      ? atKey(document, '/spec/capabilities', 'HW1101', message, remedy)
      : atSource(document, 'HW1101', message, remedy);
  });
}

function remedyOfUngranted(name: string): string | undefined {
  const row = rowOf(name);
  if (row?.rule !== 'Granted') return undefined;
  const possible = row.capabilities.filter(isCapabilityImplemented);
  if (possible.length === 0) {
    const names = row.capabilities.join(' and ');
    return `build the component without that import: no version of Headway up to this one grants ${names}`;
  }
  const lines = possible.flatMap((capability) => LINES[capability] ?? []).map((line) => `\`${line}\``);
  if (lines.length === 0) return undefined;
  return `add to spec.capabilities ${lines.join(' or ')}, or build the component without that import`;
}

/** No host interface has that name: another component may. */
function remedyOfUnknown(name: string): string | undefined {
  if (rowOf(name)) return undefined;
  return `add to spec.links \`- {import: "${name}", componentRef: {name: …}}\` with the component that exports it`;
}

function memoryProblems(document: ComponentDocument, member: Member, shape: ComponentShape): readonly Diagnostic[] {
  const { initialMemoryBytes = 0 } = shape;
  const { memoryBytes } = member.limits;
  // It starts with whole pages: what the limit has beyond its last whole one makes no difference.
  if (initialMemoryBytes <= memoryBytes) return [];
  const message = `a memory of the component starts with ${initialMemoryBytes} bytes; limits.memory is ${memoryBytes}`;
  const remedy = `write \`memory: ${sizeOf(initialMemoryBytes)}\` or more`;
  return document.value.spec.limits?.memory === undefined
    ? [atSource(document, 'HW1102', message, `${remedy} in spec.limits`)]
    : [atValue(document, '/spec/limits/memory', 'HW1102', message, remedy)];
}

/** Of whole pages, so that it is a whole number of KiB. */
function sizeOf(bytes: number): string {
  return bytes % MEBIBYTE === 0 ? `${bytes / MEBIBYTE}Mi` : `${bytes / KIBIBYTE}Ki`;
}

function atSource(document: ComponentDocument, code: Code, message: string, remedy: string): Diagnostic {
  return document.value.spec.source.path === undefined
    ? atKey(document, '/spec/source', code, message, remedy)
    : atValue(document, '/spec/source/path', code, message, remedy);
}
