/**
 * Links by type, held against the toolchain's own validator: both components in one that instantiates the consumer with the
 * provider's export, which validates where the export is a subtype of the import and nowhere else.
 */
import { generate } from '@bytecodealliance/jco-transpile/component';
import { beforeAll, describe, expect, it } from 'vitest';
import { admit } from '../../src/component/admission/admit.ts';
import { loadTranspiler } from '../../src/component/transpile.ts';
import { linkFault } from '../../src/model/link-fault.ts';
import { fitOf, type Fit } from '../../src/model/wit-fit.ts';
import type { ComponentShape } from '../../src/model/wit.ts';
import { dummyOf } from './support.ts';

const NAME = 'shop:tax/rates@0.2.0';

beforeAll(loadTranspiler);

function world(side: 'import' | 'export', body: string, version = '0.2.0', extra = ''): Promise<Uint8Array> {
  return dummyOf(`package test:t; world w { ${side} shop:tax/rates@${version}; }
    package shop:tax@${version} { interface rates { ${body} } ${extra} }`);
}

function shape(bytes: Uint8Array): ComponentShape {
  const admitted = admit(bytes, 2 ** 26);
  if (!admitted.ok || !admitted.value.shape.ok) throw new Error('not admitted');
  return admitted.value.shape.value;
}

const u32 = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...u32(value >>> 7)]);
const text = (value: string): number[] => [...u32(value.length), ...Buffer.from(value)];
const section = (id: number, body: readonly number[] | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([id, ...u32(body.length)]), Buffer.from(body)]);

/** Whether the validator takes consumer over provider. */
function composes(consumer: Uint8Array, provider: Uint8Array): boolean {
  const composed = Buffer.concat([
    consumer.subarray(0, 8),
    section(4, consumer),
    section(4, provider),
    section(5, [1, 0x00, 1, 0]),
    section(6, [1, 0x05, 0x00, 0, ...text(NAME)]),
    section(5, [1, 0x00, 0, 1, ...text(NAME), 0x05, 1]),
  ]);
  try {
    generate(composed, { name: 'c', noTypescript: true, instantiation: { tag: 'async' } } as never);
    return true;
  } catch (error) {
    const said = JSON.stringify(error) + String(error);
    if (/type mismatch|expected|missing/.test(said)) return false;
    throw error;
  }
}

/** One interface each; every ordered pair of them is judged by both. */
const BODIES: readonly string[] = [
  'f: func(a: u32) -> u32;',
  'f: func(a: u32) -> u64;',
  'f: func(a: s32) -> u32;',
  'f: func(b: u32) -> u32;',
  'f: func(a: u32);',
  'f: func(a: u32, b: u32) -> u32;',
  'f: func(a: u32) -> u32; g: func();',
  'g: func(); f: func(a: u32) -> u32;',
  'g: func();',
  'f: func(a: list<u32>) -> u32;',
  'f: func(a: option<u32>) -> u32;',
  'f: func(a: tuple<u32, u32>) -> u32;',
  'f: func(a: tuple<u32>) -> u32;',
  'record r { x: u32, y: string } f: func(a: r) -> u32;',
  'record r { y: string, x: u32 } f: func(a: r) -> u32;',
  'record r { x: u32 } f: func(a: r) -> u32;',
  'record r { x: u32, y: string, z: u8 } f: func(a: r) -> u32;',
  'record s { x: u32, y: string } f: func(a: s) -> u32;',
  'record r { x: u32, y: string } record s { x: u32, y: string } f: func(a: r) -> u32; g: func(a: s);',
  'variant v { a, b(u32) } f: func(a: v) -> u32;',
  'variant v { a, b(u32), c } f: func(a: v) -> u32;',
  'variant v { b(u32), a } f: func(a: v) -> u32;',
  'variant v { a, b } f: func(a: v) -> u32;',
  'enum v { a, b } f: func(a: v) -> u32;',
  'enum v { a, b, c } f: func(a: v) -> u32;',
  'flags v { a, b } f: func(a: v) -> u32;',
  'flags v { b, a } f: func(a: v) -> u32;',
  'f: func(a: u32) -> result<u32, string>;',
  'f: func(a: u32) -> result<u32>;',
  'f: func(a: u32) -> result<_, string>;',
  'f: func(a: u32) -> result;',
  'type t = u32; f: func(a: t) -> t;',
  'type t = list<string>; f: func(a: t) -> u32;',
  'record deep { x: list<option<tuple<string, result<u8, char>>>> } f: func(a: list<deep>) -> deep;',
  'record deep { x: list<option<tuple<string, result<u8, string>>>> } f: func(a: list<deep>) -> deep;',
  'f: func(a: bool, b: u8, c: s8, d: u16, e: s16, g: u64, h: s64, i: f32, j: f64, k: char, l: string);',
  'f: func(a: bool, b: u8, c: s8, d: u16, e: s16, g: u64, h: s64, i: f64, j: f64, k: char, l: string);',
];

describe('an import and an export', () => {
  it('fit exactly where the validator composes them', async () => {
    const consumers = await Promise.all(BODIES.map((body) => world('import', body)));
    const providers = await Promise.all(BODIES.map((body) => world('export', body)));
    const [taken, offered] = [consumers.map(shape), providers.map(shape)];
    const verdicts: string[] = [];
    let fits = 0;
    for (const [one, consumer] of taken.entries()) {
      for (const [other, provider] of offered.entries()) {
        const fit = fitOf(NAME, consumer, provider);
        const ours = fit.type === 'Fits';
        if (ours) fits += 1;
        if (ours !== composes(consumers[one]!, providers[other]!)) {
          verdicts.push(`${BODIES[one]} over ${BODIES[other]}: we say ${JSON.stringify(fit)}`);
        }
      }
    }
    expect(verdicts).toEqual([]);
    // Each with itself, and more than that.
    expect(fits).toBeGreaterThan(BODIES.length);
  });

  it('say how they differ, in one line', async () => {
    const faultOf = async (one: string, other: string) =>
      linkFault(
        { import: NAME, component: 'shop/tax' },
        shape(await world('import', one)),
        shape(await world('export', other)),
      );
    expect(await faultOf(BODIES[0]!, BODIES[1]!)).toMatchObject({
      code: 'HW2355',
      message: `shop/tax does not fit ${NAME}: it calls f(a: u32) -> u32; there is f(a: u32) -> u64`,
    });
    expect(await faultOf(BODIES[6]!, BODIES[0]!)).toMatchObject({
      message: `shop/tax does not fit ${NAME}: it calls g(), which is not there`,
    });
    const wide = `record wide { ${Array.from({ length: 200 }, (_, at) => `field-number-${at}: u32`).join(', ')} }`;
    const fault = await faultOf(`${wide} f: func(a: wide);`, 'f: func(a: u32);');
    expect(fault!.message.length).toBeLessThan(600);
  });
});

describe('a link', () => {
  const body = 'f: func(a: u32) -> u32;';
  const fit = async (consumer: Promise<Uint8Array>, provider: Promise<Uint8Array>, name = NAME): Promise<Fit['type']> =>
    fitOf(name, shape(await consumer), shape(await provider)).type;

  it.each([
    ['0.2.0', 'Fits'],
    ['0.2.7', 'Fits'],
    ['0.3.0', 'OtherVersion'],
    ['0.1.0', 'OtherVersion'],
    ['1.0.0', 'OtherVersion'],
  ])('of 0.2.0 over %s: %s', async (version, expected) => {
    expect(await fit(world('import', body), world('export', body, version))).toBe(expected);
  });

  it('of an older version is refused, though its types would fit', async () => {
    const name = 'shop:tax/rates@0.2.7';
    expect(await fit(world('import', body, '0.2.7'), world('export', body, '0.2.6'), name)).toBe('OtherVersion');
  });

  it('names what is imported and what is exported', async () => {
    const [consumer, provider] = [world('import', body), world('export', body)];
    expect(await fit(consumer, provider, 'shop:tax/other@0.2.0')).toBe('NotImported');
    expect(await fit(consumer, provider, 'shop:tax/rates@0.2.1')).toBe('NotImported');
    expect(await fit(consumer, dummyOf('package test:t; world w { }'))).toBe('NotExported');
  });

  it('takes one of two versions of an interface for neither', async () => {
    const both = dummyOf(`package test:t; world w { import shop:tax/rates@0.2.0; import shop:tax/rates@0.3.0; }
      package shop:tax@0.2.0 { interface rates { ${body} } } package shop:tax@0.3.0 { interface rates { ${body} } }`);
    expect(await fit(both, world('export', body))).toBe('Ambiguous');
  });

  it.each([
    ['a resource', 'resource r { constructor(); } f: func(a: u32) -> u32;'],
    ['a handle', 'resource r; f: func(a: borrow<r>) -> u32;'],
    ['a handle deep in a value', 'resource r; record held { x: list<option<r>> } f: func(a: u32) -> held;'],
  ])('with %s is refused: resources do not cross', async (_what, withResource) => {
    expect(await fit(world('import', withResource), world('export', withResource))).toBe('Resources');
  });

  it('ignores a resource that only the provider has, beside what is called', async () => {
    expect(await fit(world('import', body), world('export', `resource r; ${body} g: func(a: borrow<r>);`))).toBe(
      'Fits',
    );
  });

  it('sees through types that other interfaces name, which nobody has to serve', async () => {
    const types = 'interface types { record row { id: u32 } }';
    const using = 'use types.{row}; f: func(a: row) -> list<row>;';
    const consumer = await world('import', using, '0.2.0', types);
    expect(await fit(Promise.resolve(consumer), world('export', using, '0.2.0', types))).toBe('Fits');
    const admitted = admit(consumer, 2 ** 26);
    expect(admitted.ok && admitted.value.imports).toEqual([NAME]);
    const other = 'interface types { record row { id: u64 } }';
    expect(await fit(Promise.resolve(consumer), world('export', using, '0.2.0', other))).toBe('Differs');
  });
});
