/** One component that imports two patches of the same interfaces: both are there, by the same classes. */
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assignmentOf, bundleOf } from '../cell/kit/bundle.ts';
import { packages } from '../cell/kit/guest.ts';
import { Peer } from '../cell/kit/peer.ts';
import { VERSION } from './kit/functions.ts';

const OLD = '0.2.11';
/** Tools merge imports of one release line into one: built as another, of as many letters, and renamed in the binary. */
const BUILT_AS = '0.3.11';
const STREAM = '[method]output-stream.blocking-write-and-flush';

/** `/0` writes to the log through the old patch, `/1` through the new one, `/2` a stream of the new one through the old one. */
const WAT = `(module
  (import "wasi:cli/stdout@${OLD}" "get-stdout" (func $old_stdout (result i32)))
  (import "wasi:cli/stdout@${VERSION}" "get-stdout" (func $new_stdout (result i32)))
  (import "wasi:io/streams@${OLD}" "${STREAM}" (func $old_write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@${VERSION}" "${STREAM}" (func $new_write (param i32 i32 i32 i32)))
  (import "wasi:http/types@${VERSION}" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
  (import "wasi:http/types@${VERSION}" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@${VERSION}" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@${VERSION}" "[static]response-outparam.set" (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (memory (export "memory") 1) (data (i32.const 16) "old\\0anew\\0a") (global $top (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $top) (global.set $top (i32.add (global.get $top) (i32.add (local.get 3) (i32.const 8)))))
  (func (export "wasi:http/incoming-handler@${VERSION}#handle") (param $req i32) (param $out i32) (local $n i32)
    (call $path (local.get $req) (i32.const 64))
    (local.set $n (i32.load8_u offset=1 (i32.load (i32.const 68))))
    (if (i32.eq (local.get $n) (i32.const 48)) (then (call $old_write (call $old_stdout) (i32.const 16) (i32.const 4) (i32.const 64))))
    (if (i32.eq (local.get $n) (i32.const 49)) (then (call $new_write (call $new_stdout) (i32.const 20) (i32.const 4) (i32.const 64))))
    (if (i32.eq (local.get $n) (i32.const 50)) (then (call $old_write (call $new_stdout) (i32.const 20) (i32.const 4) (i32.const 64))))
    (if (i32.load8_u (i32.const 64)) (then unreachable))
    (call $set (local.get $out) (i32.const 0) (call $response (call $fields)) (i32.const 0) (i64.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))`;

async function cellOf(builtAs: string): Promise<{ readonly cell: Peer; readonly imports: readonly string[] }> {
  const all = await packages();
  // The lifecycle and the draft are in it once.
  const older = all.slice(0, all.indexOf('package headway:')).replaceAll(VERSION, builtAs);
  const imports = ['cli/stdout', 'io/streams'].flatMap((name) =>
    [builtAs, VERSION].map((version) => `import wasi:${name}@${version};`),
  );
  const handler = `import wasi:http/types@${VERSION}; export wasi:http/incoming-handler@${VERSION};`;
  const witSource = `package test:guest;\nworld w { ${imports.join(' ')} ${handler} }\n${all}\n${older}`;
  const binary = await parse(WAT.replaceAll(OLD, builtAs));
  const component = await componentNew(await componentEmbed({ binary, witSource, world: 'w' }), []);
  const renamed = Buffer.from(component).toString('latin1').replaceAll(builtAs, OLD);
  const bundle = await bundleOf(Buffer.from(renamed, 'latin1'));
  const cell = await Peer.start();
  await cell.load(assignmentOf(bundle, { instancePolicy: 'PerRequest' }), bundle);
  return { cell, imports: bundle.imports };
}

const FINE = { outcome: 'Ok', status: 200 };

describe.each([
  { kind: 'two patches imported side by side', builtAs: BUILT_AS, across: { outcome: 'Trap', status: undefined } },
  { kind: 'two patches that the toolchain made one', builtAs: OLD, across: FINE },
])('$kind', ({ builtAs, across }) => {
  let cell: Peer;
  let imports: readonly string[];

  beforeAll(async () => {
    ({ cell, imports } = await cellOf(builtAs));
  });
  afterAll(() => cell.close());

  test('are what the component imports', () => {
    expect(imports.includes(`wasi:io/streams@${OLD}`)).toBe(builtAs === BUILT_AS);
    expect(imports).toContain(`wasi:io/streams@${VERSION}`);
  });

  test('write to the same log', async () => {
    expect(await cell.ask(1, { path: '/0' })).toMatchObject(FINE);
    expect(await cell.ask(1, { path: '/1' })).toMatchObject(FINE);
    await cell.until(() => cell.log(1).includes('new'), 'the log');
    expect(cell.log(1)).toBe('old\nnew\n');
  });

  // Side by side they are two types, by the component model: whoever forges a handle of the one from the other traps.
  test('a stream of the one, used through the other', async () => {
    expect(await cell.ask(1, { path: '/2' })).toMatchObject(across);
    expect(await cell.ask(1, { path: '/1' })).toMatchObject(FINE);
  });
});
