/** One component of many handlers: `GET /12` runs the thirteenth. It imports what they call, and nothing else. */
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { VERSION, witOfImports, type CoreImport } from './functions.ts';
import { dataSegments, HEAP_ADDRESS } from './wat.ts';

const LOCALS = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `(local $${name} i32)`).join(' ') + ' (local $long i64)';

const SAME = `(func $same (param $p i32) (param $n i32) (param $q i32) (param $m i32) (result i32)
  (if (i32.ne (local.get $n) (local.get $m)) (then (return (i32.const 0))))
  (loop $next
    (if (i32.eqz (local.get $n)) (then (return (i32.const 1))))
    (if (i32.ne (i32.load8_u (local.get $p)) (i32.load8_u (local.get $q))) (then (return (i32.const 0))))
    (local.set $p (i32.add (local.get $p) (i32.const 1)))
    (local.set $q (i32.add (local.get $q) (i32.const 1)))
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (br $next))
  (unreachable))`;

/** The number behind the first `/` of a path, up to what is no digit. */
const NUMBER = `(func $number (param $p i32) (param $n i32) (result i32) (local $sum i32) (local $digit i32)
  (loop $next
    (local.set $p (i32.add (local.get $p) (i32.const 1)))
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (if (i32.eqz (local.get $n)) (then (return (local.get $sum))))
    (local.set $digit (i32.sub (i32.load8_u (local.get $p)) (i32.const 48)))
    (if (i32.gt_u (local.get $digit) (i32.const 9)) (then (return (local.get $sum))))
    (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 10)) (local.get $digit)))
    (br $next))
  (unreachable))`;

export async function guestOf(handles: readonly string[], all: readonly CoreImport[]): Promise<Uint8Array> {
  const text = handles.join(' ');
  const called = new Set([...text.matchAll(/\(call \$([a-z0-9.-]+)/g)].map((match) => match[1]!));
  called.add('incoming-request.path-with-query');
  const used = all.filter(({ short }) => called.has(short));
  const imports = used.map(
    ({ interface: from, field, short, type }) => `(import "${from}@${VERSION}" "${field}" (func $${short} ${type}))`,
  );
  const functions = handles.map(
    (handle, index) => `(func $row${index} (param $req i32) (param $out i32) ${LOCALS} ${handle})`,
  );
  const choose = handles.map(
    (_, index) =>
      `(if (i32.eq (local.get $row) (i32.const ${index})) (then (call $row${index} (local.get $req) (local.get $out)) (return)))`,
  );
  const wat = `(module ${imports.join('\n')}
    (memory (export "memory") 8) (global $top (mut i32) (i32.const ${HEAP_ADDRESS}))
    ${dataSegments()}
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.get $top) (global.set $top (i32.add (global.get $top) (local.get 3))))
    ${SAME} ${NUMBER} ${functions.join('\n')}
    (func (export "wasi:http/incoming-handler@${VERSION}#handle") (param $req i32) (param $out i32) (local $row i32)
      (call $incoming-request.path-with-query (local.get $req) (i32.const 64))
      (local.set $row (call $number (i32.load (i32.const 68)) (i32.load (i32.const 72))))
      ${choose.join('\n')} unreachable))`;
  const names = new Set(['wasi:http/types', ...used.map((one) => one.interface)]);
  const witSource = await witOfImports([...names]);
  const features = { tag: 'all' } as const;
  return componentNew(await componentEmbed({ binary: await parse(wat), witSource, world: 'w', features }), []);
}
