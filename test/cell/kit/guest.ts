/**
 * Small components from WebAssembly text, made in memory: `wasi:http` handlers that do exactly what a test wants, the
 * wrong things included. The imports that a body mentions are the imports that it has.
 */
import { readFile } from 'node:fs/promises';
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';

const VERSION = '0.2.12';
const PACKAGES = ['io', 'clocks', 'random', 'cli', 'filesystem', 'sockets', 'http'];

const BUILTIN_WIT = new URL('../../../node_modules/@bytecodealliance/jco/lib/wit/builtin/', import.meta.url);
const HTTP = `wasi:http/types@${VERSION}`;
const STREAMS = `wasi:io/streams@${VERSION}`;

/** `$name` → module, name, parameters, result. */
const IMPORTS: Readonly<Record<string, readonly [string, string, string, string?]>> = {
  fields: [HTTP, '[constructor]fields', '', 'i32'],
  fields_append: [HTTP, '[method]fields.append', 'i32 i32 i32 i32 i32 i32'],
  fields_get: [HTTP, '[method]fields.get', 'i32 i32 i32 i32'],
  fields_drop: [HTTP, '[resource-drop]fields', 'i32'],
  response: [HTTP, '[constructor]outgoing-response', 'i32', 'i32'],
  response_drop: [HTTP, '[resource-drop]outgoing-response', 'i32'],
  response_headers: [HTTP, '[method]outgoing-response.headers', 'i32', 'i32'],
  set_status: [HTTP, '[method]outgoing-response.set-status-code', 'i32 i32', 'i32'],
  response_body: [HTTP, '[method]outgoing-response.body', 'i32 i32'],
  body_write: [HTTP, '[method]outgoing-body.write', 'i32 i32'],
  body_finish: [HTTP, '[static]outgoing-body.finish', 'i32 i32 i32 i32'],
  body_drop: [HTTP, '[resource-drop]outgoing-body', 'i32'],
  outparam_set: [HTTP, '[static]response-outparam.set', 'i32 i32 i32 i32 i64 i32 i32 i32 i32'],
  request_method: [HTTP, '[method]incoming-request.method', 'i32 i32'],
  request_consume: [HTTP, '[method]incoming-request.consume', 'i32 i32'],
  request_headers: [HTTP, '[method]incoming-request.headers', 'i32', 'i32'],
  path: [HTTP, '[method]incoming-request.path-with-query', 'i32 i32'],
  request_drop: [HTTP, '[resource-drop]incoming-request', 'i32'],
  incoming_stream: [HTTP, '[method]incoming-body.stream', 'i32 i32'],
  incoming_finish: [HTTP, '[static]incoming-body.finish', 'i32', 'i32'],
  trailers_subscribe: [HTTP, '[method]future-trailers.subscribe', 'i32', 'i32'],
  trailers_get: [HTTP, '[method]future-trailers.get', 'i32 i32'],
  future_drop: [HTTP, '[resource-drop]future-trailers', 'i32'],
  outgoing_request: [HTTP, '[constructor]outgoing-request', 'i32', 'i32'],
  send: [`wasi:http/outgoing-handler@${VERSION}`, 'handle', 'i32 i32 i32 i32'],
  check_write: [STREAMS, '[method]output-stream.check-write', 'i32 i32'],
  write: [STREAMS, '[method]output-stream.write', 'i32 i32 i32 i32'],
  write_zeroes: [STREAMS, '[method]output-stream.write-zeroes', 'i32 i64 i32'],
  blocking_write: [STREAMS, '[method]output-stream.blocking-write-and-flush', 'i32 i32 i32 i32'],
  blocking_splice: [STREAMS, '[method]output-stream.blocking-splice', 'i32 i32 i64 i32'],
  out_subscribe: [STREAMS, '[method]output-stream.subscribe', 'i32', 'i32'],
  out_drop: [STREAMS, '[resource-drop]output-stream', 'i32'],
  read: [STREAMS, '[method]input-stream.read', 'i32 i64 i32'],
  skip: [STREAMS, '[method]input-stream.skip', 'i32 i64 i32'],
  blocking_read: [STREAMS, '[method]input-stream.blocking-read', 'i32 i64 i32'],
  in_drop: [STREAMS, '[resource-drop]input-stream', 'i32'],
  poll: [`wasi:io/poll@${VERSION}`, 'poll', 'i32 i32 i32'],
  block: [`wasi:io/poll@${VERSION}`, '[method]pollable.block', 'i32'],
  pollable_drop: [`wasi:io/poll@${VERSION}`, '[resource-drop]pollable', 'i32'],
  sleep: [`wasi:clocks/monotonic-clock@${VERSION}`, 'subscribe-duration', 'i64', 'i32'],
  random: [`wasi:random/random@${VERSION}`, 'get-random-bytes', 'i64 i32'],
  preopens: [`wasi:filesystem/preopens@${VERSION}`, 'get-directories', 'i32'],
  tcp_socket: [`wasi:sockets/tcp-create-socket@${VERSION}`, 'create-tcp-socket', 'i32 i32'],
  network: [`wasi:sockets/instance-network@${VERSION}`, 'instance-network', '', 'i32'],
  kv_open: ['wasi:keyvalue/store@0.2.0-draft', 'open', 'i32 i32 i32'],
  kv_list: ['wasi:keyvalue/store@0.2.0-draft', '[method]bucket.list-keys', 'i32 i32 i64 i32'],
  kv_increment: ['wasi:keyvalue/atomics@0.2.0-draft', 'increment', 'i32 i32 i32 i64 i32'],
  lookup: [`wasi:sockets/ip-name-lookup@${VERSION}`, 'resolve-addresses', 'i32 i32 i32 i32'],
};

/**
 * Pieces of text that bodies are built from. Locals: `$req`, `$out`, `$fields`, `$response`, `$body`, `$stream`, `$n`.
 * Results land at address 64; the text `hello` lies at 16, `x-a` at 24, `content-length` at 32, `12` at 48.
 */
export const TEXT = {
  respond: `(local.set $fields (call $fields)) (local.set $response (call $response (local.get $fields)))`,
  openBody: `(call $response_body (local.get $response) (i32.const 64)) (local.set $body (i32.load (i32.const 68)))
    (call $body_write (local.get $body) (i32.const 64)) (local.set $stream (i32.load (i32.const 68)))`,
  hello: `(call $check_write (local.get $stream) (i32.const 64))
    (call $write (local.get $stream) (i32.const 16) (i32.const 5) (i32.const 64))`,
  closeBody: `(call $out_drop (local.get $stream))
    (call $body_finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64))`,
  set: `(call $outparam_set (local.get $out) (i32.const 0) (local.get $response) (i32.const 0) (i64.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0))`,
  /** Waits for the trailers behind a body that was not read; what `get` says lands at 64. */
  askTrailers: `(call $in_drop (local.get $stream)) (local.set $fields (call $incoming_finish (local.get $n)))
    (local.set $n (call $trailers_subscribe (local.get $fields))) (call $block (local.get $n)) (call $pollable_drop (local.get $n))
    (call $trailers_get (local.get $fields) (i32.const 64))`,
  /** The list of what they have as `x-a`, into `$n`. */
  takeTrailer: `(call $fields_get (i32.load (i32.const 92)) (i32.const 24) (i32.const 3) (i32.const 64))
    (local.set $n (i32.load (i32.const 64)))`,
  /** The first of that list. */
  tellTrailer: `(call $check_write (local.get $stream) (i32.const 64))
    (call $write (local.get $stream) (i32.load (local.get $n)) (i32.load offset=4 (local.get $n)) (i32.const 64))`,
  openRequest: `(call $request_consume (local.get $req) (i32.const 64)) (local.set $n (i32.load (i32.const 68)))
    (call $incoming_stream (local.get $n) (i32.const 64)) (local.set $stream (i32.load (i32.const 68)))`,
} as const;

/** A whole good answer, `hello`. */
export const ANSWER = `${TEXT.respond} ${TEXT.openBody} ${TEXT.hello} ${TEXT.closeBody} ${TEXT.set}`;

export interface GuestParts {
  /** Of `handle`, in WebAssembly text. */
  readonly handle: string;
  /** Of `lifecycle.init` (returns the address of its result) and `shutdown`. */
  readonly init?: string;
  readonly shutdown?: string;
  /** More functions of the module. */
  readonly functions?: string;
  /** Of the core start function. */
  readonly start?: string;
  readonly memory?: string;
  /** Of every WASI interface that it names. */
  readonly version?: string;
}

const LOCALS = '(local $fields i32) (local $response i32) (local $body i32) (local $stream i32) (local $n i32)';

/** One guest for many handlers: `GET /07` runs the eighth. */
export async function guestOfMany(handles: readonly string[]): Promise<Uint8Array> {
  const digit = (at: number): string => `(i32.sub (i32.load8_u offset=${at} (i32.load (i32.const 68))) (i32.const 48))`;
  const functions = handles.map(
    (handle, index) => `(func $rule${index} (param $req i32) (param $out i32) ${LOCALS} ${handle})`,
  );
  const choose = handles.map(
    (_handle, index) =>
      `(if (i32.eq (local.get $n) (i32.const ${index})) (then (call $rule${index} (local.get $req) (local.get $out)) (return)))`,
  );
  const handle = `(call $path (local.get $req) (i32.const 64))
    (local.set $n (i32.add (i32.mul ${digit(1)} (i32.const 10)) ${digit(2)})) ${choose.join(' ')} unreachable`;
  return guest({ handle, functions: functions.join('\n') });
}

export async function guest({
  handle,
  functions = '',
  init,
  shutdown,
  start,
  memory = '2',
  version = VERSION,
}: GuestParts): Promise<Uint8Array> {
  const text = [handle, functions, init, shutdown, start].join(' ');
  const used = Object.entries(IMPORTS).filter(([name]) =>
    new RegExp(`\\$${name}(?![a-z_])`).test(text.replaceAll(/local\.(get|set|tee) \$\w+/g, '')),
  );
  const imports = used.map(([name, [module, field, parameters, result]]) => {
    const signature = `${parameters ? `(param ${parameters})` : ''} ${result ? `(result ${result})` : ''}`;
    return `(import "${module}" "${field}" (func $${name} ${signature}))`;
  });
  const lifecycle =
    init === undefined && shutdown === undefined
      ? ''
      : `(func (export "headway:component/lifecycle@0.1.0#init") (result i32) ${init ?? '(i32.const 512)'})
         (func (export "cabi_post_headway:component/lifecycle@0.1.0#init") (param i32))
         (func (export "headway:component/lifecycle@0.1.0#shutdown") ${shutdown ?? ''})`;
  const wat = `(module ${imports.join('\n')}
    (memory (export "memory") ${memory})
    (data (i32.const 16) "hello") (data (i32.const 24) "x-a") (data (i32.const 32) "content-length") (data (i32.const 48) "12")
    (global $top (mut i32) (i32.const 1024)) (global $calls (mut i32) (i32.const 0))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.gt_u (i32.add (global.get $top) (local.get 3)) (i32.const 60000)) (then (global.set $top (i32.const 1024))))
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.get $top) (global.set $top (i32.add (global.get $top) (local.get 3))))
    (func (export "wasi:http/incoming-handler@${VERSION}#handle") (param $req i32) (param $out i32)
      ${LOCALS}
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      ${handle})
    ${functions}
    ${lifecycle}
    ${start === undefined ? '' : `(func $start ${start}) (start $start)`})`;
  const worlds = new Set(used.map(([, [module]]) => `import ${module};`));
  if (lifecycle !== '') worlds.add('export headway:component/lifecycle@0.1.0;');
  const witSource = `package test:guest;\nworld w { ${[...worlds].join(' ')} export wasi:http/incoming-handler@${VERSION}; }\n${await packages()}`;
  return componentNew(
    await componentEmbed({
      binary: await parse(wat.replaceAll(VERSION, version)),
      witSource: witSource.replaceAll(VERSION, version),
      world: 'w',
    }),
    [],
  );
}

export async function packages(): Promise<string> {
  const nest = (text: string): string => `${text.replace(/^package ([^;]+);/m, 'package $1 {')}\n}\n`;
  const wasi = PACKAGES.map((name) => readFile(new URL(`${VERSION}/wasi-${name}/package.wit`, BUILTIN_WIT), 'utf8'));
  const lifecycle = readFile(new URL('../../../wit/component/package.wit', import.meta.url), 'utf8');
  return [...(await Promise.all([...wasi, lifecycle])).map(nest), KEY_VALUE_DRAFT_1].join('\n');
}

/** What draft 1 has otherwise than draft 2, which the examples are built for: cursors and deltas. */
const KEY_VALUE_DRAFT_1 = `package wasi:keyvalue@0.2.0-draft {
  interface store {
    variant error { no-such-store, access-denied, other(string) }
    record key-response { keys: list<string>, cursor: option<u64> }
    open: func(identifier: string) -> result<bucket, error>;
    resource bucket {
      list-keys: func(cursor: option<u64>) -> result<key-response, error>;
    }
  }
  interface atomics {
    use store.{bucket, error};
    increment: func(bucket: borrow<bucket>, key: string, delta: u64) -> result<u64, error>;
  }
}`;
