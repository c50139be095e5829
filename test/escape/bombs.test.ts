/** Components made to cost: each ends in a problem, in a process that can be thrown away, and the next component is prepared. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { example, memberOf, openWorkshop, type Workshop } from '../component/support.ts';

const MIB = 1024 * 1024;
const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
const section = (id: number, body: readonly number[]): number[] => [id, ...leb(body.length), ...body];
const vector = (count: number, items: readonly number[]): number[] => [...leb(count), ...items];
const repeat = (count: number, bytes: readonly number[]): number[] => Array.from({ length: count }, () => bytes).flat();
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const COMPONENT_HEADER = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
const TYPE = section(1, vector(1, [0x60, 0, 0]));
const FUNCTION = section(3, vector(1, [0]));
const code = (body: readonly number[]): number[] => section(10, vector(1, [...leb(body.length), ...body]));
/** A component around one core module. */
const around = (module: readonly number[]): Uint8Array =>
  Uint8Array.from([...COMPONENT_HEADER, ...section(1, [...HEADER, ...module])]);

const BOMBS: Readonly<Record<string, () => Uint8Array>> = {
  'four thousand million locals': () => around([...TYPE, ...FUNCTION, ...code([1, ...leb(0xffff_ffff), 0x7f, 0x0b])]),
  'a hundred thousand blocks in each other': () =>
    around([...TYPE, ...FUNCTION, ...code([0, ...repeat(100_000, [0x02, 0x40]), ...repeat(100_000, [0x0b]), 0x0b])]),
  'a branch table of four thousand million': () =>
    around([...TYPE, ...FUNCTION, ...code([0, 0x41, 0, 0x0e, ...leb(0xffff_ffff), 0, 0x0b])]),
  'more functions than it has': () => around([...TYPE, ...section(3, leb(0xffff_ffff))]),
  'more types than it has': () => around(section(1, leb(0xffff_ffff))),
  'a table of four thousand million': () => around(section(4, [1, 0x70, 0, ...leb(0xffff_ffff)])),
  'a memory of four gigabytes': () => around(section(5, [1, 0, ...leb(65_536)])),
  'a hundred memories of sixty megabytes': () => around(section(5, vector(100, repeat(100, [0, ...leb(1_000)])))),
  'data that says it is longer than the file': () => around(section(11, [1, 1, ...leb(0xffff_ffff), 0])),
  'a section that says it is longer than the file': () => around([10, ...leb(0xffff_ffff)]),
  'a name of four thousand million letters': () => around(section(7, [1, ...leb(0xffff_ffff), 0x61])),
  'components in components, ten thousand deep': () => {
    let inner: Uint8Array = Uint8Array.from(COMPONENT_HEADER);
    for (let depth = 0; depth < 10_000 && inner.length < 8 * MIB; depth++) {
      inner = Buffer.concat([Uint8Array.from([...COMPONENT_HEADER, 4, ...leb(inner.length)]), inner]);
    }
    return inner;
  },
};

/** Valid: what bounds it is the process that prepares it. */
const WELL_FORMED = ['a hundred thousand blocks in each other'];

let workshop: Workshop;
beforeAll(() => {
  workshop = openWorkshop();
});
afterAll(() => workshop.close());

it.each(Object.keys(BOMBS))('%s ends in a problem', async (name) => {
  const result = await workshop.components.prepare(memberOf(await workshop.put(BOMBS[name]!())));
  const ends = WELL_FORMED.includes(name) ? /^(?:prepared$|HW2[12])/ : /^HW2[12]/;
  expect(result.ok ? 'prepared' : result.error.code).toMatch(ends);
});

it('a whole component is prepared after all of them', async () => {
  const whole = await workshop.components.prepare(memberOf(await workshop.put(example('testbed-records'))));
  expect(whole).toMatchObject({ ok: true });
});
