/** Components that pass one value from their export to their import and the answer back, whatever its type. */
import { fromCore } from '../support.ts';
import type { Core, Type } from './types.ts';

const MAX_FLAT_PARAMETERS = 16;

/**
 * `echo: func(value: T) -> T`, exported by `test:t/outer` and imported from `test:t/inner`. Its memory grows at every
 * allocation, as long as it may: views of it do not stay.
 */
export function echoOf(type: Type): Promise<Uint8Array> {
  const parameters: readonly Core[] = type.flat.length > MAX_FLAT_PARAMETERS ? ['i32'] : type.flat;
  const [single] = type.flat.length <= 1 ? type.flat : [];
  const pass = parameters.map((_, index) => `(local.get ${index})`).join(' ');
  const list = parameters.length > 0 ? `(param ${parameters.join(' ')})` : '';
  const wat = `(module
    (import "test:t/inner" "echo" (func $echo ${list} ${single ? `(result ${single})` : '(param i32)'}))
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get 3) (i32.const 16)))))
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3))))
    (func (export "test:t/outer#echo") ${list} (result ${single ?? 'i32'})
      ${single ? `(call $echo ${pass})` : `(call $echo ${pass} (i32.const 1024)) (i32.const 1024)`})
    (func (export "cabi_post_test:t/outer#echo") (param ${single ?? 'i32'}) (global.set $top (i32.const 65536))))`;
  const definitions = definitionsOf(type);
  const uses = definitions.length > 0 ? `use types.{${definitions.map(({ name }) => name).join(', ')}};` : '';
  const wit = `package test:t;
    interface types { ${definitions.map((item) => item.definition).join('\n')} }
    interface inner { ${uses} echo: func(value: ${type.name}) -> ${type.name}; }
    interface outer { ${uses} echo: func(value: ${type.name}) -> ${type.name}; }
    world w { import inner; export outer; }`;
  return fromCore(wat, wit);
}

/** The named types that a type is made of, each after those that it uses. */
function definitionsOf(type: Type, found = new Map<string, Type>()): Type[] {
  for (const item of type.uses ?? []) definitionsOf(item, found);
  if (type.definition) found.set(type.name, type);
  return [...found.values()];
}
