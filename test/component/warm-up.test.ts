import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { fromCore, wasi } from './support.ts';

const FILE = path.resolve(import.meta.dirname, '../../src/component/child/warm-up.wasm');

/** A handler in the shape of real ones: resources, a variant of forty cases, a list, a call that suspends. It is never run. */
const CORE = `(module
  (import "wasi:http/types@0.2.12" "[constructor]fields" (func (result i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-response" (func (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-response.body" (func (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish" (func (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[static]response-outparam.set" (func (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]incoming-request" (func (param i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func (param i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "wasi:http/incoming-handler@0.2.12#handle") (param i32 i32) unreachable))`;
const WORLD = `package test:t; world w { import wasi:http/types@0.2.12; export wasi:http/incoming-handler@0.2.12; } ${wasi()}`;

test('the component that children are warmed with is built from this text (WRITE_WARM_UP=1 writes it)', async () => {
  const built = await fromCore(CORE, WORLD);
  if (process.env['WRITE_WARM_UP']) writeFileSync(FILE, built);
  expect(Buffer.from(built).equals(readFileSync(FILE))).toBe(true);
});
