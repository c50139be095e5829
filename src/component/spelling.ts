/** Names of functions as the transpiler spells them. What it spells the same is the same function to its bindings. */
import { camelCase } from '../model/typed/names.ts';

/** An imported function: `wasi:io/poll@0.2.3#[method]pollable.block` → `wasi:io/poll#block`. */
export function hostName(name: string): string {
  const [interfaceName = '', functionName = ''] = name.split('#');
  const plain = functionName.replace(/^\[[a-z]+\][^.]*\./, '');
  const spelled = plain.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
  return `${interfaceName.replace(/@.*/, '')}#${spelled}`;
}

/**
 * An exported function, by where it is in what `instantiate` returns: `a:b/c#[method]some-thing.get-it` →
 * `a:b/c#SomeThing.getIt`, and of the world itself `get-it` → `#getIt`.
 */
export function exportName(name: string): string {
  const at = name.indexOf('#');
  const functionName = name.slice(at + 1);
  const [, resource, method = ''] = /^\[method\]([^.]*)\.(.*)$/.exec(functionName) ?? [];
  const spelled = resource === undefined ? camelCase(functionName) : `${pascalCase(resource)}.${camelCase(method)}`;
  return `${at < 0 ? '' : name.slice(0, at)}#${spelled}`;
}

function pascalCase(name: string): string {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}
