/**
 * Members of one cell from WebAssembly text: an entry with `headway:http` that calls `shop:tax/rates`, and providers of it.
 * The entry answers with the decimal digits of what came back.
 */
import { readFile } from 'node:fs/promises';
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { packages } from './guest.ts';

export const RATES = 'shop:tax/rates@0.2.0';

/** `rate` is plain; `check` returns a `result`; `odd` a variant whose cases are named as those of a result. */
export const RATES_WIT = `interface rates {
  variant outcome { ok(u32), err(u32) }
  record row { id: u64, name: string, tags: list<string>, weight: option<f64> }
  rate: func(region: u32) -> u32;
  check: func(region: u32) -> result<u32, string>;
  odd: func(region: u32) -> outcome;
  odd-result: func(region: u32) -> result<outcome, outcome>;
  echo: func(rows: list<row>) -> list<row>;
}`;

const REALLOC = `(global $top (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.get $top) (global.set $top (i32.add (global.get $top) (local.get 3))))`;

async function component(wat: string, witSource: string, world = 'w'): Promise<Uint8Array> {
  return componentNew(await componentEmbed({ binary: await parse(wat), witSource, world }), []);
}

export interface ProviderParts {
  readonly version?: string;
  /** Of `rate`: one parameter `$region`, one result. */
  readonly rate?: string;
  /** Of `check`: the address of its result; 64 holds `err("no rate")`, `ok(region)` is written to 80 by the default. */
  readonly check?: string;
  readonly functions?: string;
  /** More imports of the module, and of the world. */
  readonly imports?: string;
  readonly world?: string;
  /** More packages of WIT, for what it imports. */
  readonly packages?: string;
  readonly memory?: string;
}

/** A component that exports `shop:tax/rates`. */
export async function provider(parts: ProviderParts = {}): Promise<Uint8Array> {
  const { version = '0.2.0', rate = '(i32.add (local.get $region) (i32.const 100))', functions = '' } = parts;
  const { imports = '', world = '', memory = '1' } = parts;
  const check =
    parts.check ??
    `(if (i32.eqz (local.get $region)) (then (return (i32.const 64))))
     (i32.store8 (i32.const 80) (i32.const 0)) (i32.store (i32.const 84) (local.get $region)) (i32.const 80)`;
  const name = `shop:tax/rates@${version}`;
  const wat = `(module ${imports} (memory (export "memory") ${memory})
    (data (i32.const 64) "\\01\\00\\00\\00\\30\\00\\00\\00\\07\\00\\00\\00") (data (i32.const 48) "no rate")
    (global $calls (mut i32) (i32.const 0)) ${REALLOC}
    (func (export "${name}#rate") (param $region i32) (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1))) ${rate})
    (func (export "${name}#check") (param $region i32) (result i32) ${check})
    (func (export "${name}#odd") (param $region i32) (result i32)
      (i32.store8 (i32.const 96) (i32.and (local.get $region) (i32.const 1))) (i32.store (i32.const 100) (local.get $region))
      (i32.const 96))
    (func (export "${name}#odd-result") (param $region i32) (result i32)
      (i32.store8 (i32.const 112) (i32.and (local.get $region) (i32.const 1)))
      (i32.store8 (i32.const 116) (i32.and (i32.shr_u (local.get $region) (i32.const 1)) (i32.const 1)))
      (i32.store (i32.const 120) (local.get $region)) (i32.const 112))
    (func (export "${name}#echo") (param i32 i32) (result i32)
      (i32.store (i32.const 128) (local.get 0)) (i32.store (i32.const 132) (local.get 1)) (i32.const 128))
    ${functions})`;
  const wit = `package shop:tax@${version}; ${RATES_WIT} world w { ${world} export rates; }\n${await packages()}\n${parts.packages ?? ''}`;
  return component(wat, wit);
}

export interface EntryParts {
  /** What a request answers with, as a number: an expression over `$path`, its first digit. */
  readonly answer: string;
  readonly version?: string;
  readonly functions?: string;
  readonly start?: string;
}

/** A `headway:http` handler that imports `shop:tax/rates` and says a number. */
export async function entry({ answer, version = '0.2.0', functions = '', start }: EntryParts): Promise<Uint8Array> {
  const name = `shop:tax/rates@${version}`;
  const all: readonly (readonly [string, string])[] = [
    ['rate', '(param i32) (result i32)'],
    ['check', '(param i32 i32)'],
    ['odd', '(param i32 i32)'],
    ['odd-result', '(param i32 i32)'],
  ];
  const text = [answer, functions, start].join(' ');
  const imports = all
    .filter(([field]) => new RegExp(`\\$${field}[ )]`).test(text))
    .map(([field, type]) => `(import "${name}" "${field}" (func $${field} ${type}))`);
  const wat = `(module ${imports.join('\n')} (memory (export "memory") 1) ${REALLOC}
    (func $said (param $n i32) (result i32) (local $at i32)
      (local.set $at (i32.const 1040))
      (loop $digits
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
        (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
        (br_if $digits (local.get $n)))
      (i32.store8 (i32.const 512) (i32.const 0)) (i32.store16 (i32.const 516) (i32.const 200))
      (i32.store (i32.const 520) (i32.const 0)) (i32.store (i32.const 524) (i32.const 0))
      (i32.store (i32.const 528) (local.get $at)) (i32.store (i32.const 532) (i32.sub (i32.const 1040) (local.get $at)))
      (i32.const 512))
    ${functions}
    (func (export "headway:http/handler@0.1.0#handle") (param i32 i32) (param $path i32)
      (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (global.set $top (i32.const 4096))
      (local.set $path (i32.sub (i32.load8_u offset=1 (local.get $path)) (i32.const 48)))
      (call $said ${answer}))
    ${start === undefined ? '' : `(func $start ${start}) (start $start)`})`;
  const http = await readFile(new URL('../../../wit/http/package.wit', import.meta.url), 'utf8');
  const nested = http.replace(/^package ([^;]+);/m, 'package $1 {') + '\n}\n';
  const rates = `package shop:tax@${version} { ${RATES_WIT} }`;
  const used = imports.length === 0 ? '' : `import ${name};`;
  const wit = `package test:entry; world w { ${used} export headway:http/handler@0.1.0; }\n${nested}\n${rates}`;
  return component(wat, wit);
}
