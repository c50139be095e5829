/** Guests of the section `bindings`, and hosts that do next to nothing for them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { componentize } from 'componentize-qjs';
import { fromCore, wasi } from '../component/support.ts';

const HTTP = 'wasi:http/types@0.2.12';
const STREAMS = 'wasi:io/streams@0.2.12';
export const HANDLER = 'wasi:http/incoming-handler@0.2.12';
export const TEXTS = 'bench:text/texts';

const HANDLER_WAT = `(module
  (import "${HTTP}" "[constructor]fields" (func $fields (result i32)))
  (import "${HTTP}" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "${HTTP}" "[method]outgoing-response.body" (func $body (param i32 i32)))
  (import "${HTTP}" "[method]outgoing-body.write" (func $stream (param i32 i32)))
  (import "${STREAMS}" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  (import "${STREAMS}" "[resource-drop]output-stream" (func $drop-stream (param i32)))
  (import "${HTTP}" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
  (import "${HTTP}" "[static]response-outparam.set" (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "${HTTP}" "[resource-drop]incoming-request" (func $drop-request (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "hello world")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048))
  (func (export "${HANDLER}#handle") (param $request i32) (param $out i32)
    (local $answer i32) (local $sink i32) (local $to i32)
    (call $drop-request (local.get $request))
    (local.set $answer (call $response (call $fields)))
    (call $body (local.get $answer) (i32.const 0))
    (local.set $sink (i32.load (i32.const 4)))
    (call $stream (local.get $sink) (i32.const 0))
    (local.set $to (i32.load (i32.const 4)))
    (call $write (local.get $to) (i32.const 1024) (i32.const 11) (i32.const 0))
    (call $drop-stream (local.get $to))
    (call $finish (local.get $sink) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $set (local.get $out) (i32.const 0) (local.get $answer)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))`;

/** `wasi:http` with eight imported functions beside the two drops: \`hello world\` to every request. */
export function httpGuest(): Promise<Uint8Array> {
  const wit = `package test:t; world w { import ${HTTP}; import ${STREAMS}; export ${HANDLER}; } ${wasi()}`;
  return fromCore(HANDLER_WAT, wit);
}

const TEXTS_WIT = `package bench:text; interface texts { echo: func(text: string) -> string; } world w { export texts; }`;

/** What a compiler of C makes of a function that copies its text: allocate, copy, answer, free all. */
const TEXTS_WAT = `(module
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 4096))
  (func $allocate (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $top) (i32.sub (local.get 2) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get 2))))
    (global.set $top (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "${TEXTS}#echo") (param $at i32) (param $length i32) (result i32) (local $copy i32)
    (local.set $copy (call $allocate (i32.const 0) (i32.const 0) (i32.const 1) (local.get $length)))
    (memory.copy (local.get $copy) (local.get $at) (local.get $length))
    (i32.store (i32.const 1024) (local.get $copy))
    (i32.store (i32.const 1028) (local.get $length))
    (i32.const 1024))
  (func (export "cabi_post_${TEXTS}#echo") (param i32) (global.set $top (i32.const 4096))))`;

/** `echo` in linear memory, as from C. */
export function compiledTexts(): Promise<Uint8Array> {
  return fromCore(TEXTS_WAT, TEXTS_WIT);
}

/** `echo` in JavaScript, as componentize-qjs builds it. */
export async function quickJsTexts(): Promise<Uint8Array> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'headway-bench-'));
  try {
    const [jsPath, witPath] = [path.join(folder, 'texts.js'), path.join(folder, 'texts.wit')];
    const jsSource = 'export const texts = { echo(text) { return text; } };\n';
    await writeFile(jsPath, jsSource);
    await writeFile(witPath, TEXTS_WIT);
    const { component } = await componentize({
      jsPath,
      jsSource,
      witPath,
      world: 'w',
      sync: true,
      optSize: true,
      stubWasi: true,
    });
    return component;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface HttpHost {
  readonly imports: Record<string, Record<string, unknown>>;
  /** Arguments for one call of `handle`. */
  readonly call: () => [request: object, outparam: object];
  /** Bytes of bodies, over all calls. */
  readonly written: () => number;
}

/** @param answer what a write returns: nothing, or a promise. */
export function httpHost(answer: () => undefined | Promise<undefined>): HttpHost {
  let written = 0;
  class Fields {
    readonly entries: readonly unknown[] = [];
  }
  class OutputStream {
    blockingWriteAndFlush(bytes: Uint8Array): undefined | Promise<undefined> {
      written += bytes.length;
      return answer();
    }
  }
  class OutgoingBody {
    static finish(): void {}
    write(): OutputStream {
      return new OutputStream();
    }
  }
  class OutgoingResponse {
    body(): OutgoingBody {
      return new OutgoingBody();
    }
  }
  class ResponseOutparam {
    isSet = false;
    static set(outparam: ResponseOutparam): void {
      outparam.isSet = true;
    }
  }
  class IncomingRequest {
    readonly method = 'get';
  }
  /** Of resources that are only named. */
  function Unused(): void {}
  return {
    imports: {
      'wasi:io/error': { Error: Unused },
      'wasi:io/streams': { InputStream: Unused, OutputStream },
      'wasi:http/types': {
        Fields,
        OutgoingBody,
        OutgoingResponse,
        ResponseOutparam,
        IncomingRequest,
        IncomingBody: Unused,
      },
    },
    call: () => [new IncomingRequest(), new ResponseOutparam()],
    written: () => written,
  };
}
