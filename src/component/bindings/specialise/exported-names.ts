/** What the bindings return, by the names of what they declare. */
import type { AnyNode, FunctionDeclaration, FunctionExpression, ObjectExpression, Statement } from 'acorn';

/** The name of a function or class in the bindings → where it is in what they return: `wait` → `test:t/guest#wait`. */
export type ExportedNames = ReadonlyMap<string, readonly string[]>;

export function exportedNames(body: readonly Statement[]): ExportedNames {
  const names = new Map<string, string[]>();
  const objects = objectsIn(body);
  const add = (declared: string, name: string): void => {
    names.set(declared, [...(names.get(declared) ?? []), name]);
  };
  for (const [key, value] of returnedBy(body)) {
    const object = objects.get(value);
    if (!object) add(value, `#${key}`);
    else for (const [member, declared] of membersOf(object)) add(declared, `${key}#${member}`);
  }
  return names;
}

/** Under which names an export's wrapper is called; none where nobody can say. */
export function namesOf(
  wrapper: FunctionDeclaration | FunctionExpression,
  parent: AnyNode | undefined,
  names: ExportedNames,
): readonly string[] {
  if (wrapper.type === 'FunctionDeclaration') return names.get(wrapper.id.name) ?? [];
  const [className, method] = methodOf(parent) ?? [];
  return className === undefined ? [] : (names.get(className) ?? []).map((name) => `${name}.${method}`);
}

/** `Thing.prototype.size = …` is `['Thing', 'size']`. */
export function methodOf(node: AnyNode | undefined): readonly [className: string, method: string] | undefined {
  if (node?.type !== 'AssignmentExpression' || node.left.type !== 'MemberExpression') return undefined;
  const { object, property } = node.left;
  if (node.left.computed || object.type !== 'MemberExpression' || object.object.type !== 'Identifier') return undefined;
  const isPrototype = object.property.type === 'Identifier' && object.property.name === 'prototype';
  return isPrototype && property.type === 'Identifier' ? [object.object.name, property.name] : undefined;
}

function objectsIn(body: readonly Statement[]): ReadonlyMap<string, ObjectExpression> {
  const objects = new Map<string, ObjectExpression>();
  for (const statement of body) {
    const declarator = statement.type === 'VariableDeclaration' ? statement.declarations[0] : undefined;
    if (declarator?.id.type === 'Identifier' && declarator.init?.type === 'ObjectExpression') {
      objects.set(declarator.id.name, declarator.init);
    }
  }
  return objects;
}

function returnedBy(body: readonly Statement[]): readonly (readonly [key: string, value: string])[] {
  const last = body.at(-1);
  return last?.type === 'ReturnStatement' && last.argument?.type === 'ObjectExpression' ? membersOf(last.argument) : [];
}

/** Those that are names. */
function membersOf({ properties }: ObjectExpression): readonly (readonly [key: string, value: string])[] {
  return properties.flatMap((property) => {
    if (property.type !== 'Property' || property.computed || property.value.type !== 'Identifier') return [];
    const { key, value } = property;
    if (key.type === 'Identifier') return [[key.name, value.name] as const];
    return key.type === 'Literal' && typeof key.value === 'string' ? [[key.value, value.name] as const] : [];
  });
}
