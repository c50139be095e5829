import type { AnyNode, Program } from 'acorn';
import type { BindingTier } from '../../model/engine.ts';
import { ALLOWED_FORMS, ALLOWED_GLOBALS, FORBIDDEN_PROPERTIES, NOT_OF_FAST, UNRESOLVED_IN_JCO } from './allowed.ts';
import { shapeOf } from './shape.ts';
import { freeIdentifiers } from './scope.ts';
import { isIdentifier, visit } from './syntax.ts';

const PARAMETERS = ['getCoreModule', 'imports', 'instantiateCore'];

/**
 * The last look at the text that a cell will run, parsed anew from what was printed: one export and nothing imported,
 * only known forms, nothing taken from the realm but what the list has, no way to a constructor of code.
 * Returns what is wrong, or `undefined`.
 *
 * It is a fence and not the wall: names that reach the generator are admitted by a list long before, and whatever got past
 * both runs in a process without authority and without code generation from strings.
 */
export function gate(program: Program, tier: BindingTier): string | undefined {
  return wrongModule(program) ?? wrongForm(program) ?? wrongGlobal(program, tier);
}

function wrongModule(program: Program): string | undefined {
  const instantiate = shapeOf(program)?.instantiate;
  if (!instantiate || program.body.length !== 1) return 'the module is more or less than one function `instantiate`';
  if (instantiate.async || instantiate.generator) return '`instantiate` is not a plain function';
  const isKnown = instantiate.params.every((item, index) => isIdentifier(item, PARAMETERS[index]));
  return isKnown && instantiate.params.length === PARAMETERS.length ? undefined : '`instantiate` has other parameters';
}

function wrongForm(program: Program): string | undefined {
  let wrong: string | undefined;
  visit(program, (node) => {
    wrong ??= ALLOWED_FORMS.has(node.type) ? wrongProperty(node) : `the form ${node.type} is not allowed`;
  });
  return wrong;
}

function wrongProperty(node: AnyNode): string | undefined {
  switch (node.type) {
    case 'MetaProperty':
      return isIdentifier(node.meta, 'new') ? undefined : 'import.meta is not allowed';
    case 'MemberExpression':
      if (!node.computed) return forbiddenName(node.property as AnyNode);
      return forbiddenName(node.property as AnyNode, true) ?? assembledName(node.property as AnyNode);
    case 'Property':
    case 'PropertyDefinition':
      return forbiddenName(node.key as AnyNode, node.computed);
    case 'MethodDefinition':
      return node.kind === 'constructor' ? undefined : forbiddenName(node.key as AnyNode, node.computed);
    default:
      return undefined;
  }
}

/** A name as an identifier (not computed) or as a string. */
function forbiddenName(key: AnyNode, computed = false): string | undefined {
  const name = key.type === 'Identifier' && !computed ? key.name : key.type === 'Literal' ? key.value : undefined;
  if (typeof name !== 'string' || !FORBIDDEN_PROPERTIES.has(name)) return undefined;
  return `the property ${name} is not allowed`;
}

/** `object['a' + b]`: jco computes indices, never names. */
function assembledName(property: AnyNode): string | undefined {
  if (property.type === 'Literal' || property.type === 'Identifier') return undefined;
  let assembled = false;
  visit(property, (node) => {
    if (node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string'))
      assembled = true;
  });
  return assembled ? 'a property name that is put together from strings is not allowed' : undefined;
}

function wrongGlobal(program: Program, tier: BindingTier): string | undefined {
  for (const name of freeIdentifiers(program).keys()) {
    if (!mayTake(name, tier)) return `the global ${name} is not allowed`;
  }
  return undefined;
}

function mayTake(name: string, tier: BindingTier): boolean {
  if (tier === 'fast') return ALLOWED_GLOBALS.has(name) && !NOT_OF_FAST.has(name);
  return ALLOWED_GLOBALS.has(name) || UNRESOLVED_IN_JCO.has(name);
}
