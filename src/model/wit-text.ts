/** Types and functions as WIT spells them, for messages: cut where they are deep or long. */
import type { WitFunction, WitType, WitTypeRef } from './wit.ts';

const MAX_DEPTH = 4;
export const MAX_TYPE_TEXT_CHARACTERS = 240;

/** `lookup(region: string) -> result<rate, string>`, without the names that an interface gives to types. */
export function functionText({ name, params, result }: WitFunction, types: readonly WitType[]): string {
  const taken = params.map((param) => `${param.name}: ${spell(param.type, types, 0)}`).join(', ');
  return cut(`${name}(${taken})${result === undefined ? '' : ` -> ${spell(result, types, 0)}`}`);
}

export function typeText(ref: WitTypeRef, types: readonly WitType[]): string {
  return cut(spell(ref, types, 0));
}

function cut(text: string): string {
  return text.length <= MAX_TYPE_TEXT_CHARACTERS ? text : `${text.slice(0, MAX_TYPE_TEXT_CHARACTERS - 1)}…`;
}

function spell(ref: WitTypeRef, types: readonly WitType[], depth: number): string {
  if (typeof ref === 'string') return ref;
  const type = types[ref];
  if (!type || depth >= MAX_DEPTH) return '…';
  const inner = (part: WitTypeRef | undefined): string => (part === undefined ? '_' : spell(part, types, depth + 1));
  switch (type.kind) {
    case 'record':
      return `record { ${limited(type.fields, (field) => `${field.name}: ${inner(field.type)}`)} }`;
    case 'variant':
      return `variant { ${limited(type.cases, (item) => (item.type === undefined ? item.name : `${item.name}(${inner(item.type)})`))} }`;
    case 'enum':
    case 'flags':
      return `${type.kind} { ${limited(type.names, (name) => name)} }`;
    case 'tuple':
      return `tuple<${limited(type.types, inner)}>`;
    case 'list':
      return `list<${inner(type.element)}>`;
    case 'option':
      return `option<${inner(type.some)}>`;
    case 'result':
      return `result<${inner(type.ok)}, ${inner(type.err)}>`;
    default:
      return `${type.kind}<resource>`;
  }
}

/** Wide types are cut here already: each level could be as wide as the table is long. */
function limited<T>(items: readonly T[], text: (item: T) => string): string {
  const shown = items.slice(0, 6).map(text);
  return [...shown, ...(items.length > shown.length ? ['…'] : [])].join(', ');
}
