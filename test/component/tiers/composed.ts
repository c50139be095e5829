/** Three guests in one component: one makes jobs, one holds what it is lent, and one uses both, and things of the host's. */
import { fromText } from '../support.ts';

/** Makes jobs, whose rep is a number of the caller's; a job of its own that is lent to it arrives as that number. */
const MAKER = `(component $Maker
  (core module $destructor (func (export "gone") (param i32) (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable))))
  (core instance $d (instantiate $destructor))
  (type $job (resource (rep i32) (dtor (core func $d "gone"))))
  (core func $new (canon resource.new $job))
  (core func $drop (canon resource.drop $job))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "look") (param i32) (result i32)
      (if (i32.eq (local.get 0) (i32.const 99)) (then unreachable)) (local.get 0))
    (func (export "take") (param i32) (call $drop (local.get 0)))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64)))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (export $exported "job" (type $job))
  (func (export "make") (param "n" u32) (result (own $exported)) (canon lift (core func $i "make")))
  (func (export "look") (param "j" (borrow $exported)) (result u32) (canon lift (core func $i "look")))
  (func (export "take") (param "j" (own $exported)) (canon lift (core func $i "take")))
  (func (export "echo") (param "s" string) (result string)
    (canon lift (core func $i "echo") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))`;

const MADE = `(import "maker" (instance $maker
    (export "job" (type $job (sub resource)))
    (export "make" (func (param "n" u32) (result (own $job))))
    (export "look" (func (param "j" (borrow $job)) (result u32)))
    (export "take" (func (param "j" (own $job))))
    (export "echo" (func (param "s" string) (result string)))))
  (alias export $maker "job" (type $job))`;
const HOSTED = `(import "host" (instance $host
    (export "thing" (type $thing (sub resource)))
    (export "[constructor]thing" (func (param "size" u32) (result (own $thing))))
    (export "[method]thing.size" (func (param "self" (borrow $thing)) (result u32)))))
  (alias export $host "thing" (type $thing))`;

/** What it does with a job that is lent to it: 0 drops it, 1 leaves it, 2 lends it on and drops it, 3 drops it twice. */
const KEEPER = `(component $Keeper ${MADE} ${HOSTED}
  (core func $drop-job (canon resource.drop $job))
  (core func $drop-thing (canon resource.drop $thing))
  (core func $look (canon lower (func $maker "look")))
  (core func $size (canon lower (func $host "[method]thing.size")))
  (core module $m
    (import "" "drop-job" (func $drop-job (param i32)))
    (import "" "drop-thing" (func $drop-thing (param i32)))
    (import "" "look" (func $look (param i32) (result i32)))
    (import "" "size" (func $size (param i32) (result i32)))
    (func (export "hold") (param i32 i32) (result i32) (local $seen i32)
      (if (i32.eq (local.get 1) (i32.const 1)) (then (return (i32.const 1))))
      (if (i32.eq (local.get 1) (i32.const 2)) (then (local.set $seen (call $look (local.get 0)))))
      (call $drop-job (local.get 0))
      (if (i32.eq (local.get 1) (i32.const 3)) (then (call $drop-job (local.get 0))))
      (local.get $seen))
    (func (export "size-of") (param i32 i32) (result i32) (local $size i32)
      (local.set $size (call $size (local.get 0)))
      (if (i32.eqz (local.get 1)) (then (call $drop-thing (local.get 0))))
      (local.get $size))
    (func (export "keep") (param i32) (result i32) (local $size i32)
      (local.set $size (call $size (local.get 0))) (call $drop-thing (local.get 0)) (local.get $size)))
  (core instance $i (instantiate $m (with "" (instance
    (export "drop-job" (func $drop-job)) (export "drop-thing" (func $drop-thing))
    (export "look" (func $look)) (export "size" (func $size))))))
  (func (export "hold") (param "j" (borrow $job)) (param "how" u32) (result u32) (canon lift (core func $i "hold")))
  (func (export "size-of") (param "t" (borrow $thing)) (param "how" u32) (result u32)
    (canon lift (core func $i "size-of")))
  (func (export "keep") (param "t" (own $thing)) (result u32) (canon lift (core func $i "keep"))))`;

const USER = `(component $User ${MADE} ${HOSTED}
  (import "keeper" (instance $keeper
    (export "hold" (func (param "j" (borrow $job)) (param "how" u32) (result u32)))
    (export "size-of" (func (param "t" (borrow $thing)) (param "how" u32) (result u32)))
    (export "keep" (func (param "t" (own $thing)) (result u32)))))
  (core func $make (canon lower (func $maker "make")))
  (core func $look (canon lower (func $maker "look")))
  (core func $take (canon lower (func $maker "take")))
  (core func $hold (canon lower (func $keeper "hold")))
  (core func $thing (canon lower (func $host "[constructor]thing")))
  (core func $size-of (canon lower (func $keeper "size-of")))
  (core func $keep (canon lower (func $keeper "keep")))
  (core func $drop-thing (canon resource.drop $thing))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048)))
  (core instance $mem (instantiate $memory))
  (core func $echo (canon lower (func $maker "echo") (memory (core memory $mem "memory")) (realloc (core func $mem "realloc"))))
  (core module $m
    (import "mem" "memory" (memory 1))
    (import "" "make" (func $make (param i32) (result i32)))
    (import "" "look" (func $look (param i32) (result i32)))
    (import "" "take" (func $take (param i32)))
    (import "" "hold" (func $hold (param i32 i32) (result i32)))
    (import "" "thing" (func $thing (param i32) (result i32)))
    (import "" "size-of" (func $size-of (param i32 i32) (result i32)))
    (import "" "keep" (func $keep (param i32) (result i32)))
    (import "" "drop-thing" (func $drop-thing (param i32)))
    (import "" "echo" (func $echo (param i32 i32 i32)))
    (func (export "job") (param i32) (result i32) (call $make (local.get 0)))
    (func (export "look") (param i32) (result i32) (call $look (local.get 0)))
    (func (export "hold") (param i32 i32) (result i32) (call $hold (local.get 0) (local.get 1)))
    (func (export "take") (param i32) (call $take (local.get 0)))
    (func (export "thing") (param i32) (result i32) (call $thing (local.get 0)))
    (func (export "size-of") (param i32 i32) (result i32) (call $size-of (local.get 0) (local.get 1)))
    (func (export "keep") (param i32) (result i32) (call $keep (local.get 0)))
    (func (export "drop-thing") (param i32) (call $drop-thing (local.get 0)))
    (func (export "echo") (param i32 i32) (result i32)
      (call $echo (local.get 0) (local.get 1) (i32.const 64)) (i32.const 64)))
  (core instance $i (instantiate $m (with "mem" (instance $mem)) (with "" (instance
    (export "make" (func $make)) (export "look" (func $look)) (export "take" (func $take)) (export "hold" (func $hold))
    (export "thing" (func $thing)) (export "size-of" (func $size-of)) (export "keep" (func $keep))
    (export "drop-thing" (func $drop-thing)) (export "echo" (func $echo))))))
  (func (export "job") (param "n" u32) (result u32) (canon lift (core func $i "job")))
  (func (export "look") (param "h" u32) (result u32) (canon lift (core func $i "look")))
  (func (export "hold") (param "h" u32) (param "how" u32) (result u32) (canon lift (core func $i "hold")))
  (func (export "take") (param "h" u32) (canon lift (core func $i "take")))
  (func (export "thing") (param "n" u32) (result u32) (canon lift (core func $i "thing")))
  (func (export "size-of") (param "h" u32) (param "how" u32) (result u32) (canon lift (core func $i "size-of")))
  (func (export "keep") (param "h" u32) (result u32) (canon lift (core func $i "keep")))
  (func (export "drop-thing") (param "h" u32) (canon lift (core func $i "drop-thing")))
  (func (export "echo") (param "s" string) (result string)
    (canon lift (core func $i "echo") (memory (core memory $mem "memory")) (realloc (core func $mem "realloc")))))`;

const COMPOSED = `(component
  (import "test:t/host" (instance $host
    (export "thing" (type $thing (sub resource)))
    (export "[constructor]thing" (func (param "size" u32) (result (own $thing))))
    (export "[method]thing.size" (func (param "self" (borrow $thing)) (result u32)))))
  ${MAKER} ${KEEPER} ${USER}
  (instance $maker (instantiate $Maker))
  (instance $keeper (instantiate $Keeper (with "maker" (instance $maker)) (with "host" (instance $host))))
  (instance $user (instantiate $User
    (with "maker" (instance $maker)) (with "host" (instance $host)) (with "keeper" (instance $keeper))))
  (export "test:t/guest" (instance $user)))`;

/** Handles are numbers to its callers, so that they may be any. */
export function composedGuest(): Promise<Uint8Array> {
  return fromText(COMPOSED);
}
