/** Guests that do on demand what a test wants to see. */
import { fromCore, wasi } from '../support.ts';

const PLAIN_WIT = `package test:t;
  interface host {
    plain: func(value: u32) -> u32;
    nothing: func();
    fallible: func(value: u32) -> result<u32, string>;
    narrow: func(a: u8, b: s8, c: u16, d: s16, e: bool);
  }
  interface guest {
    plain: func(value: u32) -> u32;
    nothing: func();
    fallible: func(value: u32) -> result<u32, string>;
    traps: func();
    takes-text: func(text: string) -> u32;
    gives-text: func(address: u32, length: u32) -> string;
    gives-choice: func(choice: u32) -> result<u32>;
    catches: func(value: u32) -> u32;
    calls-from-post-return: func() -> string;
    passes-wide: func(value: u32);
    as-bool: func(value: u32) -> bool;
    as-u8: func(value: u32) -> u8;
    as-s8: func(value: u32) -> s8;
    as-u16: func(value: u32) -> u16;
    as-s16: func(value: u32) -> s16;
    bool-in-memory: func(value: u32) -> list<bool>;
  }
  world w { import host; export guest; }`;

/**
 * Address and length of texts that share a slot in `fast`: they begin and end alike, or (the last two) are the same characters in UTF-8 and
 * in Latin-1, as many as it takes.
 */
export const TEXTS = {
  abc: [200, 3],
  notUtf8: [208, 3],
  abbc: [216, 4],
  aec: [224, 4],
  accents: [232, 21],
  latin1: [256, 11],
} as const;

/** `gives-text` gives any piece of its memory; at 16 lies `ok`, at 20 what is no UTF-8, and from 200 on what `TEXTS` says. */
const PLAIN_WAT = `(module
  (import "test:t/host" "plain" (func $plain (param i32) (result i32)))
  (import "test:t/host" "nothing" (func $nothing))
  (import "test:t/host" "fallible" (func $fallible (param i32 i32)))
  (import "test:t/host" "narrow" (func $narrow (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "ok") (data (i32.const 20) "a\\ff") (data (i32.const 24) "\\ef\\bb\\bfa")
  (data (i32.const 200) "abc") (data (i32.const 208) "a\\ffc") (data (i32.const 216) "abbc") (data (i32.const 224) "a\\c3\\a9c")
  (data (i32.const 232) "${'\\c3\\a9'.repeat(10)}a") (data (i32.const 256) "${'\\e9'.repeat(10)}a")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (if (i32.eq (local.get 3) (i32.const 13)) (then unreachable)) (i32.const 1024))
  (func (export "test:t/guest#plain") (param i32) (result i32) (call $plain (local.get 0)))
  (func (export "test:t/guest#nothing") (call $nothing))
  (func (export "test:t/guest#fallible") (param i32) (result i32)
    (call $fallible (local.get 0) (i32.const 64)) (i32.const 64))
  (func (export "test:t/guest#traps") (drop (i32.div_u (i32.const 1) (i32.const 0))))
  (func (export "test:t/guest#takes-text") (param i32 i32) (result i32) (local.get 1))
  (func (export "test:t/guest#gives-text") (param i32 i32) (result i32)
    (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64))
  (func (export "cabi_post_test:t/guest#gives-text") (param i32)
    (if (i32.eq (i32.load (i32.const 68)) (i32.const 1)) (then unreachable)))
  (func (export "test:t/guest#gives-choice") (param i32) (result i32)
    (i32.store8 (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (i32.const 9)) (i32.const 64))
  (func (export "test:t/guest#catches") (param i32) (result i32)
    (block $caught (try_table (catch_all $caught) (return (call $plain (local.get 0))))) (i32.const 77))
  (func (export "test:t/guest#passes-wide") (param i32)
    (call $narrow (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)))
  ${['bool', 'u8', 's8', 'u16', 's16']
    .map((type) => `(func (export "test:t/guest#as-${type}") (param i32) (result i32) (local.get 0))`)
    .join('\n')}
  (func (export "test:t/guest#bool-in-memory") (param i32) (result i32) (i32.store8 (i32.const 96) (local.get 0))
    (i32.store (i32.const 64) (i32.const 96)) (i32.store (i32.const 68) (i32.const 1)) (i32.const 64))
  (func (export "test:t/guest#calls-from-post-return") (result i32)
    (i32.store (i32.const 64) (i32.const 16)) (i32.store (i32.const 68) (i32.const 2)) (i32.const 64))
  (func (export "cabi_post_test:t/guest#calls-from-post-return") (param i32) (call $nothing)))`;

/** Calls its host, traps, allocates, returns what it should not: one function for each. */
export function plainGuest(): Promise<Uint8Array> {
  return fromCore(PLAIN_WAT, PLAIN_WIT);
}

const WAITING_WIT = `package test:t;
  interface guest {
    use wasi:io/poll@0.2.12.{pollable};
    use wasi:io/streams@0.2.12.{output-stream};
    block: func(one: borrow<pollable>) -> u32;
    poll: func(one: borrow<pollable>) -> u32;
    flush: func(out: borrow<output-stream>) -> u32;
    twice: func(one: borrow<pollable>, out: borrow<output-stream>) -> u32;
    nothing: func() -> u32;
    resource job { constructor(one: borrow<pollable>); wait: func(one: borrow<pollable>) -> u32; }
  }
  world w { import wasi:io/poll@0.2.12; import wasi:io/streams@0.2.12; export guest; }
  ${wasi()}`;

const WAITING_WAT = `(module
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop-pollable (param i32)))
  (import "wasi:io/poll@0.2.12" "poll" (func $poll (param i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-flush" (func $flush (param i32 i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop-stream (param i32)))
  (import "[export]test:t/guest" "[resource-new]job" (func $new-job (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "test:t/guest#block") (param i32) (result i32)
    (call $block (local.get 0)) (call $drop-pollable (local.get 0)) (i32.const 7))
  (func (export "test:t/guest#poll") (param i32) (result i32)
    (i32.store (i32.const 16) (local.get 0))
    (call $poll (i32.const 16) (i32.const 1) (i32.const 32))
    (call $drop-pollable (local.get 0))
    (i32.load (i32.const 36)))
  (func $do-flush (param i32) (result i32)
    (call $flush (local.get 0) (i32.const 64)) (call $drop-stream (local.get 0)) (i32.load8_u (i32.const 64)))
  (func (export "test:t/guest#flush") (param i32) (result i32) (call $do-flush (local.get 0)))
  (func (export "test:t/guest#twice") (param i32 i32) (result i32)
    (call $block (local.get 0)) (call $block (local.get 0)) (call $drop-pollable (local.get 0))
    (call $do-flush (local.get 1)))
  (func (export "test:t/guest#nothing") (result i32) (i32.const 5))
  (func (export "test:t/guest#[constructor]job") (param i32) (result i32)
    (call $block (local.get 0)) (call $drop-pollable (local.get 0)) (call $new-job (i32.const 1)))
  (func (export "test:t/guest#[method]job.wait") (param i32 i32) (result i32)
    (call $block (local.get 1)) (call $drop-pollable (local.get 1)) (i32.const 8)))`;

/** Waits for pollables and streams that it is lent, in functions, a method and a constructor. */
export function waitingGuest(): Promise<Uint8Array> {
  return fromCore(WAITING_WAT, WAITING_WIT);
}

const HOLDING_WIT = `package test:t;
  interface host {
    resource thing {
      constructor(size: u32);
      size: func() -> u32;
      merge: static func(one: thing, two: thing) -> thing;
    }
    see: func(one: borrow<thing>) -> u32;
    take: func(one: thing);
    all: func() -> list<thing>;
    see-all: func(them: list<borrow<thing>>) -> u32;
  }
  interface guest {
    use host.{thing};
    make: func(size: u32) -> u32;
    size-of: func(handle: u32) -> u32;
    see: func(handle: u32) -> u32;
    take: func(handle: u32);
    drop: func(handle: u32);
    merge: func(one: u32, two: u32) -> u32;
    all: func() -> u32;
    keep: func(given: thing) -> u32;
    give: func(handle: u32) -> thing;
    lent: func(given: borrow<thing>, what: u32) -> u32;
    lent-all: func(given: list<borrow<thing>>) -> u32;
    resource job { constructor(number: u32); number: func() -> u32; join: static func(one: job, two: borrow<job>) -> u32; }
    job-of: func(number: u32) -> job;
    job-at: func(handle: u32) -> job;
    job-number-at: func(handle: u32) -> u32;
    job-drop: func(handle: u32);
    job-made: func(number: u32) -> u32;
    job-see: func(handle: u32, job: borrow<job>) -> u32;
  }
  world w { import host; export guest; }`;

/** Handles are numbers to its callers, so that they may be any. `lent`: 0 leaves the loan, 1 drops it, 2 takes it for its own. */
const HOLDING_WAT = `(module
  (import "test:t/host" "[constructor]thing" (func $make (param i32) (result i32)))
  (import "test:t/host" "[method]thing.size" (func $size (param i32) (result i32)))
  (import "test:t/host" "[static]thing.merge" (func $merge (param i32 i32) (result i32)))
  (import "test:t/host" "[resource-drop]thing" (func $drop (param i32)))
  (import "test:t/host" "see" (func $see (param i32) (result i32)))
  (import "test:t/host" "take" (func $take (param i32)))
  (import "test:t/host" "all" (func $all (param i32)))
  (import "test:t/host" "see-all" (func $see-all (param i32 i32) (result i32)))
  (import "[export]test:t/guest" "[resource-new]job" (func $new-job (param i32) (result i32)))
  (import "[export]test:t/guest" "[resource-rep]job" (func $rep-job (param i32) (result i32)))
  (import "[export]test:t/guest" "[resource-drop]job" (func $drop-job (param i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "test:t/guest#make") (param i32) (result i32) (call $make (local.get 0)))
  (func (export "test:t/guest#size-of") (param i32) (result i32) (call $size (local.get 0)))
  (func (export "test:t/guest#see") (param i32) (result i32) (call $see (local.get 0)))
  (func (export "test:t/guest#take") (param i32) (call $take (local.get 0)))
  (func (export "test:t/guest#drop") (param i32) (call $drop (local.get 0)))
  (func (export "test:t/guest#merge") (param i32 i32) (result i32) (call $merge (local.get 0) (local.get 1)))
  (func (export "test:t/guest#all") (result i32) (call $all (i32.const 64)) (i32.load (i32.const 68)))
  (func (export "test:t/guest#keep") (param i32) (result i32) (local.get 0))
  (func (export "test:t/guest#give") (param i32) (result i32) (local.get 0))
  (func (export "test:t/guest#lent") (param i32 i32) (result i32)
    (if (i32.eq (local.get 1) (i32.const 1)) (then (call $drop (local.get 0))))
    (if (i32.eq (local.get 1) (i32.const 2)) (then (call $take (local.get 0))))
    (local.get 0))
  (func (export "test:t/guest#lent-all") (param i32 i32) (result i32) (local $sum i32)
    (local.set $sum (call $see-all (local.get 0) (local.get 1)))
    (loop $more (if (local.get 1) (then
      (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
      (call $drop (i32.load (i32.add (local.get 0) (i32.mul (local.get 1) (i32.const 4)))))
      (br $more))))
    (local.get $sum))
  (func (export "test:t/guest#[constructor]job") (param i32) (result i32) (call $new-job (local.get 0)))
  (func (export "test:t/guest#job-of") (param i32) (result i32) (call $new-job (local.get 0)))
  (func (export "test:t/guest#job-at") (param i32) (result i32) (local.get 0))
  (func (export "test:t/guest#job-number-at") (param i32) (result i32) (call $rep-job (local.get 0)))
  (func (export "test:t/guest#job-drop") (param i32) (call $drop-job (local.get 0)))
  (func (export "test:t/guest#job-made") (param i32) (result i32) (call $new-job (local.get 0)))
  (func (export "test:t/guest#job-see") (param i32 i32) (result i32) (call $see (local.get 0)))
  (func (export "test:t/guest#[method]job.number") (param i32) (result i32) (local.get 0))
  (func (export "test:t/guest#[static]job.join") (param i32 i32) (result i32)
    (i32.add (call $rep-job (local.get 0)) (local.get 1)) (call $drop-job (local.get 0)))
  (func (export "test:t/guest#[dtor]job") (param i32)
    (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable))))`;

/** Holds the host's resources, and has one of its own, whose destructor traps for the number 13. */
export function holdingGuest(): Promise<Uint8Array> {
  return fromCore(HOLDING_WAT, HOLDING_WIT);
}
