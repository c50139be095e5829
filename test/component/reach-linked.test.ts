/** Which exports can wait where several modules and components are put together; each is called to see. */
import { describe, expect, test } from 'vitest';
import { FORM_LIMITS } from '../../src/component/binary/limits.ts';
import { exportsReaching } from '../../src/component/reach/reach.ts';
import { suspensionOf } from '../../src/component/reach/waiting.ts';
import { cpuMs } from '../support/processor-time.ts';
import { fromText } from './support.ts';
import {
  admittedOf,
  componentOf,
  GIVEN,
  expectedOf,
  GONE,
  IMPORTED,
  LOWERED,
  outcomesOf,
  preparedOf,
  WAITED,
  type Exported,
} from './waits.ts';

interface Row extends Exported {
  readonly text: string;
  readonly waits: readonly string[];
}

const T = '(type $t (func (result i32)))';
const HOST_TYPE = '(instance (export "wait" (func (result u32))) (export "go" (func (result u32))))';

/** How `wit-component` gives a module imports that need its memory: functions of a table, which is filled afterwards. */
const SHIM_AND_FIXUP = `
  (core module $shim ${T} (table (export "$imports") 2 2 funcref)
    (func (export "0") (result i32) (call_indirect (type $t) (i32.const 0)))
    (func (export "1") (result i32) (call_indirect (type $t) (i32.const 1))))
  (core module $m ${IMPORTED} (memory (export "memory") 1)
    (func (export "w") (result i32) (call $wait)) (func (export "g") (result i32) (call $go)))
  (core module $fixup (import "" "0" (func $0 (result i32))) (import "" "1" (func $1 (result i32)))
    (import "" "$imports" (table 2 2 funcref)) (elem (i32.const 0) func $0 $1))
  (core instance $s (instantiate $shim))
  (core instance $main (instantiate $m (with "host" (instance
    (export "wait" (func $s "0")) (export "go" (func $s "1"))))))
  (core instance (instantiate $fixup (with "" (instance
    (export "$imports" (table $s "$imports")) (export "0" (func $wait)) (export "1" (func $go))))))`;

/** An adapter, as of WASI preview 1: it calls the host, and the module that it serves for its memory. */
const ADAPTER = `
  (core module $adapter ${IMPORTED} (import "main" "allocate" (func $allocate (result i32)))
    (func (export "read") (result i32) (drop (call $allocate)) (call $wait))
    (func (export "random") (result i32) (drop (call $allocate)) (call $go)))
  (core module $shim ${T} (table (export "t") 2 2 funcref)
    (func (export "read") (result i32) (call_indirect (type $t) (i32.const 0)))
    (func (export "random") (result i32) (call_indirect (type $t) (i32.const 1))))
  (core module $m (import "preview1" "read" (func $read (result i32))) (import "preview1" "random" (func $random (result i32)))
    (func (export "allocate") (result i32) (i32.const 8))
    (func (export "w") (result i32) (call $read)) (func (export "g") (result i32) (call $random)))
  (core module $fixup (import "" "read" (func $read (result i32))) (import "" "random" (func $random (result i32)))
    (import "" "t" (table 2 2 funcref)) (elem (i32.const 0) func $read $random))
  (core instance $s (instantiate $shim))
  (core instance $main (instantiate $m (with "preview1" (instance $s))))
  (core instance $a (instantiate $adapter ${GIVEN} (with "main" (instance $main))))
  (core instance (instantiate $fixup (with "" (instance
    (export "t" (table $s "t")) (export "read" (func $a "read")) (export "random" (func $a "random"))))))`;

/** Exports `w` and `g`, which call what it imports. */
const CALLER = `(component $Caller (import "host" (instance $h ${HOST_TYPE.slice('(instance'.length, -1)}))
  (core func $wait (canon lower (func $h "wait"))) (core func $go (canon lower (func $h "go")))
  (core module $m ${IMPORTED} (func (export "w") (result i32) (call $wait)) (func (export "g") (result i32) (call $go)))
  (core instance $main (instantiate $m ${GIVEN}))
  (func (export "w") (result u32) (canon lift (core func $main "w")))
  (func (export "g") (result u32) (canon lift (core func $main "g"))))`;

const lifted = (instance: string, names: readonly string[]): string =>
  names
    .map((name) => `(alias export ${instance} "${name}" (func $${name})) (export "${name}" (func $${name}))`)
    .join(' ');

const ROWS: Readonly<Record<string, Row>> = {
  'imports behind a table that is filled later': {
    text: componentOf(SHIM_AND_FIXUP, ['w', 'g']),
    waits: ['w'],
    goes: ['g'],
  },
  'an adapter between the module and the host': { text: componentOf(ADAPTER, ['w', 'g']), waits: ['w'], goes: ['g'] },
  'a table that another module changes': {
    text: componentOf(
      `(core module $m ${IMPORTED} ${T} (table (export "t") 2 2 funcref) (elem (i32.const 0) func $go $go)
         (table $own 1 1 funcref) (elem (table $own) (i32.const 0) func $go)
         (func (export "w") (result i32) (call_indirect (type $t) (i32.const 0)))
         (func (export "m") (result i32) (call_indirect (type $t) (i32.const 1)))
         (func (export "g") (result i32) (call_indirect $own (type $t) (i32.const 0))))
       (core module $other ${IMPORTED} (import "m" "t" (table 2 2 funcref)) (elem declare func $wait)
         (func $start (table.set (i32.const 0) (ref.func $wait))) (start $start))
       (core instance $main (instantiate $m ${GIVEN}))
       (core instance (instantiate $other ${GIVEN} (with "m" (instance $main))))`,
      ['w', 'm', 'g'],
    ),
    waits: ['w'],
    might: ['m'],
    goes: ['g'],
  },
  'a module that is instantiated twice, with other imports': {
    text: `(component ${LOWERED}
      (core module $m (import "host" "do" (func $do (result i32))) (func (export "f") (result i32) (call $do))
        (func (export "g") (result i32) (i32.const ${GONE})))
      (core instance $one (instantiate $m (with "host" (instance (export "do" (func $wait))))))
      (core instance $two (instantiate $m (with "host" (instance (export "do" (func $go))))))
      (func (export "w") (result u32) (canon lift (core func $one "f")))
      (func (export "m") (result u32) (canon lift (core func $two "f")))
      (func (export "g") (result u32) (canon lift (core func $two "g"))))`,
    waits: ['w'],
    might: ['m'],
    goes: ['g'],
  },
  'a component in a component, given an instance': {
    text: `(component ${LOWERED} ${CALLER} (instance $c (instantiate $Caller (with "host" (instance $host))))
      ${lifted('$c', ['w', 'g'])})`,
    waits: ['w'],
    goes: ['g'],
  },
  'a component in a component, given functions the other way round': {
    text: `(component ${LOWERED} ${CALLER}
      (alias export $host "wait" (func $wait_)) (alias export $host "go" (func $go_))
      (instance $turned (export "wait" (func $go_)) (export "go" (func $wait_)))
      (instance $c (instantiate $Caller (with "host" (instance $turned))))
      (alias export $c "w" (func $w)) (export "g" (func $w)) (alias export $c "g" (func $g)) (export "w" (func $g)))`,
    waits: ['w'],
    goes: ['g'],
  },
  'two guests that call each other, and an instance that is exported': {
    text: `(component ${LOWERED} ${CALLER}
      (component $Between (import "host" (instance $h ${HOST_TYPE.slice('(instance'.length, -1)}))
        ${CALLER}
        (instance $c (instantiate $Caller (with "host" (instance $h))))
        (alias export $c "w" (func $w)) (alias export $c "g" (func $g))
        (export "wait" (func $w)) (export "go" (func $g)))
      (instance $b (instantiate $Between (with "host" (instance $host))))
      (instance $c (instantiate $Caller (with "host" (instance $b))))
      (export "test:t/guest" (instance $c)))`,
    waits: ['test:t/guest#w'],
    goes: ['test:t/guest#g'],
  },
  'a component that is defined outside of where it is used': {
    text: `(component ${LOWERED} ${CALLER}
      (component $Inner (import "host" (instance $h ${HOST_TYPE.slice('(instance'.length, -1)}))
        (alias outer 1 $Caller (component $Outer))
        (instance $c (instantiate $Outer (with "host" (instance $h))))
        (alias export $c "w" (func $w)) (alias export $c "g" (func $g)) (export "w" (func $w)) (export "g" (func $g)))
      (instance $i (instantiate $Inner (with "host" (instance $host)))) ${lifted('$i', ['w', 'g'])})`,
    waits: ['w'],
    goes: ['g'],
  },
  'an instance that a component exports as it was given it': {
    text: `(component ${LOWERED}
      (component $Passes (import "host" (instance $h ${HOST_TYPE.slice('(instance'.length, -1)}))
        (export "passed" (instance $h)))
      (instance $p (instantiate $Passes (with "host" (instance $host))))
      (alias export $p "passed" (instance $passed)) ${CALLER}
      (instance $c (instantiate $Caller (with "host" (instance $passed)))) ${lifted('$c', ['w', 'g'])})`,
    waits: ['w'],
    goes: ['g'],
  },
  'a component that is given as an argument: nobody knows of any': {
    text: `(component ${LOWERED}
      (component $Simple (core module $m (func (export "f") (result i32) (i32.const ${GONE}))) (core instance $i (instantiate $m))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))
      (component $Maker (import "made" (component $Made (export "f" (func (result u32)))))
        (instance $s (instantiate $Made)) (alias export $s "f" (func $f)) (export "f" (func $f)))
      (instance $made (instantiate $Maker (with "made" (component $Simple))))
      (alias export $made "f" (func $f)) (export "m" (func $f))
      (core module $m ${IMPORTED} (func (export "w") (result i32) (call $wait)))
      (core instance $main (instantiate $m ${GIVEN})) (func (export "w") (result u32) (canon lift (core func $main "w"))))`,
    waits: ['w'],
    might: ['m'],
  },
};

test.each(Object.entries(ROWS))('%s', async (_name, { text, waits, goes = [], might = [] }) => {
  const prepared = await preparedOf(text);
  expect(prepared.tier).toBe('fast');
  expect([...prepared.blockingExports].sort()).toEqual([...waits, ...might].sort());
  expect(await outcomesOf(prepared, [...waits, ...goes, ...might])).toEqual(expectedOf({ waits, goes, might }));
});

test('an interface that is exported as it is imported can wait, whatever is in it', async () => {
  const { bytes } = await admittedOf(`(component ${LOWERED} (export "test:t/passed" (instance $host)))`);
  const found = (functions: readonly string[]): unknown =>
    exportsReaching(bytes, ['test:t/host#wait'], functions, FORM_LIMITS);
  expect(found(['test:t/passed#*'])).toEqual(['test:t/passed#*']);
  expect(found(['test:t/passed#wait', 'test:t/passed#go'])).toEqual(['test:t/passed#wait']);
});

describe('bounded', () => {
  const HOST_ARGUMENTS = HOST_TYPE.slice('(instance'.length, -1);

  test('components that double: each is read once', async () => {
    // 2¹² instances, were they made.
    let inner = CALLER;
    for (let depth = 0; depth < 12; depth += 1) {
      inner = `(component $Caller (import "host" (instance $h ${HOST_ARGUMENTS})) ${inner}
        (instance $one (instantiate $Caller (with "host" (instance $h))))
        (instance $two (instantiate $Caller (with "host" (instance $h)))) ${lifted('$two', ['w', 'g'])})`;
    }
    const admitted = await admittedOf(`(component ${LOWERED} ${inner}
      (instance $c (instantiate $Caller (with "host" (instance $host)))) ${lifted('$c', ['w', 'g'])})`);
    expect(suspensionOf(admitted).exports).toEqual(['w']);
  });

  test('an instance that is passed on ten thousand times', async () => {
    const passing = `(component $Passes (import "host" (instance $h ${HOST_ARGUMENTS})) (export "passed" (instance $h)))`;
    const steps = Array.from({ length: 10_000 }, (_, at) => {
      const from = at === 0 ? '$host' : `$passed${at - 1}`;
      return `(component $P${at} (import "host" (instance $h ${HOST_ARGUMENTS})) (export "passed" (instance $h)))
        (instance $p${at} (instantiate $P${at} (with "host" (instance ${from}))))
        (alias export $p${at} "passed" (instance $passed${at}))`;
    });
    const text = (some: readonly string[]): string => `(component ${LOWERED} ${passing} ${some.join('\n')} ${CALLER}
      (instance $c (instantiate $Caller (with "host" (instance $passed${some.length - 1})))) ${lifted('$c', ['w', 'g'])})`;
    expect(suspensionOf(await admittedOf(text(steps.slice(0, 900)))).exports).toEqual(['w']);
    expect(suspensionOf(await admittedOf(text(steps))).exports).toEqual(['w']);
  });

  test('instances of a module with many imports: beyond the limit, every export can wait', async () => {
    const imports = Array.from({ length: 1_000 }, (_, at) => `(import "host" "i${at}" (func))`).join(' ');
    const given = Array.from({ length: 1_000 }, (_, at) => `(export "i${at}" (func $n "n"))`).join(' ');
    const text = (instances: number): string =>
      componentOf(
        `(core module $nothing (func (export "n"))) (core instance $n (instantiate $nothing))
         (core module $many ${imports}) (core instance $given ${given})
         ${Array.from({ length: instances }, () => '(core instance (instantiate $many (with "host" (instance $given))))').join(' ')}
         (core module $m ${IMPORTED} (func (export "w") (result i32) (call $wait)) (func (export "g") (result i32) (call $go)))
         (core instance $main (instantiate $m ${GIVEN}))`,
        ['w', 'g'],
      );
    expect(suspensionOf(await admittedOf(text(10))).exports).toEqual(['w']);
    const admitted = await admittedOf(text(5_000));
    const beginMs = cpuMs();
    expect(suspensionOf(admitted).exports).toEqual(['w', 'g']);
    expect(cpuMs() - beginMs).toBeLessThan(3_000);
  });
});

describe('what is called around a call', () => {
  /** A guest whose allocation and clean-up wait, and one that passes it a text. */
  const TEXTS = `
    (component $Taker (import "host" (instance $h ${HOST_TYPE.slice('(instance'.length, -1)}))
      (core func $wait (canon lower (func $h "wait"))) (core func $go (canon lower (func $h "go")))
      (core module $m ${IMPORTED} (memory (export "memory") 1)
        (func (export "allocate") (param i32 i32 i32 i32) (result i32) (drop (call $wait)) (i32.const 64))
        (func (export "clean") (param i32) (drop (call $wait)))
        (func (export "take") (param i32 i32) (result i32) (i32.const ${GONE}))
        (func (export "count") (result i32) (i32.const ${GONE}))
        (func (export "plain") (result i32) (i32.const ${GONE})))
      (core instance $i (instantiate $m ${GIVEN}))
      (func (export "take") (param "text" string) (result u32)
        (canon lift (core func $i "take") (memory (core memory $i "memory")) (realloc (core func $i "allocate"))))
      (func (export "count") (result u32) (canon lift (core func $i "count") (post-return (core func $i "clean"))))
      (func (export "plain") (result u32) (canon lift (core func $i "plain"))))`;

  test('between guests it is called by guests, and can wait', async () => {
    const prepared = await preparedOf(`(component ${LOWERED} ${TEXTS}
      (instance $taker (instantiate $Taker (with "host" (instance $host))))
      (core module $memory (memory (export "memory") 1)) (core instance $mem (instantiate $memory))
      (core func $take (canon lower (func $taker "take") (memory (core memory $mem "memory"))))
      (core func $count (canon lower (func $taker "count"))) (core func $plain (canon lower (func $taker "plain")))
      (core module $m (import "t" "take" (func $take (param i32 i32) (result i32)))
        (import "t" "count" (func $count (result i32))) (import "t" "plain" (func $plain (result i32)))
        (func (export "allocates") (result i32) (call $take (i32.const 8) (i32.const 3)))
        (func (export "cleans") (result i32) (call $count)) (func (export "plain") (result i32) (call $plain)))
      (core instance $main (instantiate $m (with "t" (instance
        (export "take" (func $take)) (export "count" (func $count)) (export "plain" (func $plain))))))
      (func (export "allocates") (result u32) (canon lift (core func $main "allocates")))
      (func (export "cleans") (result u32) (canon lift (core func $main "cleans")))
      (func (export "plain") (result u32) (canon lift (core func $main "plain"))))`);
    expect(prepared.tier).toBe('fast');
    expect([...prepared.blockingExports].sort()).toEqual(['allocates', 'cleans']);
    expect(await outcomesOf(prepared, ['plain', 'cleans', 'allocates'])).toEqual({
      plain: GONE,
      cleans: { later: GONE },
      // A guest that allocates for another may call nothing outside.
      allocates: { thrown: 'RuntimeError' },
    });
  });

  test('a guest that allocates for what another returns', async () => {
    const prepared = await preparedOf(`(component ${LOWERED}
      (component $Teller (core module $m (memory (export "memory") 1) (data (i32.const 8) "\\10\\00\\00\\00\\01\\00\\00\\00x")
          (func (export "tell") (result i32) (i32.const 8)))
        (core instance $i (instantiate $m))
        (func (export "tell") (result string) (canon lift (core func $i "tell") (memory (core memory $i "memory")))))
      (instance $teller (instantiate $Teller))
      (core module $memory ${IMPORTED} (memory (export "memory") 1)
        (func (export "allocate") (param i32 i32 i32 i32) (result i32) (drop (call $wait)) (i32.const 64)))
      (core instance $mem (instantiate $memory ${GIVEN}))
      (core func $tell (canon lower (func $teller "tell") (memory (core memory $mem "memory"))
        (realloc (core func $mem "allocate"))))
      (core module $m (import "t" "tell" (func $tell (param i32)))
        (func (export "receives") (result i32) (call $tell (i32.const 8)) (i32.const ${GONE}))
        (func (export "g") (result i32) (i32.const ${GONE})))
      (core instance $main (instantiate $m (with "t" (instance (export "tell" (func $tell))))))
      (func (export "receives") (result u32) (canon lift (core func $main "receives")))
      (func (export "g") (result u32) (canon lift (core func $main "g"))))`);
    expect(prepared.tier).toBe('fast');
    expect(prepared.blockingExports).toEqual(['receives']);
    expect(await outcomesOf(prepared, ['g', 'receives'])).toEqual({ g: GONE, receives: { thrown: 'RuntimeError' } });
  });

  test('the host cleans up by a call of its own, which cannot wait: the export is not one that can', async () => {
    const prepared = await preparedOf(`(component ${LOWERED}
      (core module $m ${IMPORTED} (func (export "w") (result i32) (call $wait)) (func (export "g") (result i32) (call $go))
        (func (export "clean") (param i32) (drop (call $wait))))
      (core instance $main (instantiate $m ${GIVEN}))
      (func (export "w") (result u32) (canon lift (core func $main "w")))
      (func (export "g") (result u32) (canon lift (core func $main "g")))
      (func (export "cleans") (result u32) (canon lift (core func $main "g") (post-return (core func $main "clean")))))`);
    expect(prepared.tier).toBe('fast');
    expect(prepared.blockingExports).toEqual(['w']);
    expect(await outcomesOf(prepared, ['g', 'w', 'cleans'])).toMatchObject({
      g: GONE,
      w: { later: WAITED },
      cleans: { thrown: expect.any(String) },
    });
  });

  /** What the host calls of a guest in the midst of a call of it: what allocates for an answer. */
  test('by the host it cannot wait, with a promise as without one', async () => {
    const suspending = WebAssembly as unknown as {
      Suspending: new (run: () => unknown) => () => unknown;
      promising(run: unknown): () => Promise<unknown>;
    };
    const text = `(module (import "h" "wait" (func $wait (result i32))) (import "h" "host" (func $host (result i32)))
      (func (export "call") (result i32) (call $host)) (func (export "wait") (result i32) (call $wait)))`;
    const module = new WebAssembly.Module(Uint8Array.from(await fromText(text)));
    for (const answer of [() => 1, () => Promise.resolve(1)]) {
      const made: WebAssembly.Instance = new WebAssembly.Instance(module, {
        h: { wait: new suspending.Suspending(answer), host: () => (made.exports['wait'] as () => unknown)() },
      });
      expect(await suspending.promising(made.exports['wait'])()).toBe(1);
      await expect(suspending.promising(made.exports['call'])()).rejects.toThrow('suspend JS frames');
      expect(made.exports['call'] as () => unknown).toThrow('without WebAssembly.promising');
    }
  });
});
