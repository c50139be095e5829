import { dummyOf, example, wasi } from './support.ts';

const NUMBERS = ['u8', 's8', 'u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64'];

/** Every kind of type that WIT 0.2 has, functions over them, and a resource. */
export const KINDS = `interface kinds {
  record all { a: bool, b: u8, c: s8, d: u16, e: s16, f: u32, g: s32, h: u64, i: s64, j: f32, k: f64, l: char, m: string }
  variant choice { none, number(u32), text(string), everything(all), several(list<all>) }
  enum colour { red, green-ish, blue }
  flags few { x, y, z }
  flags many { ${Array.from({ length: 32 }, (_, index) => `f${index}`).join(', ')} }
  resource thing {
    constructor(size: u32);
    size: func() -> u32;
    make: static func(name: string) -> result<thing, colour>;
  }
  plain: func(a: all, b: choice, c: colour, d: few, e: many) -> all;
  nested: func(a: list<choice>, b: option<option<string>>, c: tuple<u8, s8, u16, s64>) -> result<choice, colour>;
  handles: func(borrowed: borrow<thing>, owned: thing) -> list<thing>;
  lists: func(texts: list<list<string>>, ${NUMBERS.map((type) => `of-${type}: list<${type}>`).join(', ')}) -> result<_, string>;
  nothing: func() -> result;
  pairs: func(pairs: list<tuple<string, all>>) -> option<thing>;
}`;

/**
 * Components over which the golden lists of the gate were taken, by name. Together they use every interface of WASI 0.2, every
 * type, resources on both sides, nested components and suspension.
 */
export async function corpus(): Promise<[string, Uint8Array][]> {
  const worlds: [string, string][] = [
    [
      'types both ways',
      `${KINDS} world w { import kinds; export kinds; export init: func(a: string) -> result<_, string>; }`,
    ],
    ['types exported', `${KINDS} world w { export kinds; }`],
    ['types imported', `${KINDS} world w { import kinds; import wasi:io/poll@0.2.12; export run: func(); } ${wasi()}`],
    ['all of WASI', `world w { include wasi:cli/command@0.2.12; include wasi:http/proxy@0.2.12; } ${wasi()}`],
  ];
  const dummies = worlds.map(async ([name, wit]): Promise<[string, Uint8Array]> => [
    name,
    await dummyOf(`package test:t; ${wit}`),
  ]);
  const examples = ['greeting-v1', 'greeting-js', 'testbed', 'testbed-managed', 'testbed-records'];
  return [...(await Promise.all(dummies)), ...examples.map((name): [string, Uint8Array] => [name, example(name)])];
}
