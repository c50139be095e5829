/** WAVE against the JSON form: whatever a type can hold is the same value in both. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decoders } from '../../src/model/typed/decode.ts';
import { jsonOfWave, WaveError } from '../../src/model/typed/wave.ts';
import type { WitType, WitTypeRef } from '../../src/model/wit.ts';

const TYPES: readonly WitType[] = [
  { kind: 'list', element: 'u8' },
  { kind: 'option', some: 'string' },
  { kind: 'option', some: 1 },
  { kind: 'enum', names: ['ok', 'dark-green', 'none'] },
  { kind: 'flags', names: ['read', 'write'] },
  { kind: 'tuple', types: ['char', 'f64', 's64'] },
  { kind: 'result', ok: 3, err: 'bool' },
  { kind: 'variant', cases: [{ name: 'dot' }, { name: 'line', type: 5 }] },
  {
    kind: 'record',
    fields: [
      { name: 'a', type: 7 },
      { name: 'b-c', type: 2 },
      { name: 'd', type: 6 },
    ],
  },
  { kind: 'list', element: 8 },
  { kind: 'result' },
];

interface Both {
  readonly json: unknown;
  readonly wave: string;
}

const text = fc.string({ unit: 'grapheme' });
const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll("'", "\\'").replaceAll('\n', '\\n');

function both(ref: WitTypeRef): fc.Arbitrary<Both> {
  switch (ref) {
    case 'bool':
      return fc.boolean().map((value) => ({ json: value, wave: String(value) }));
    case 'u8':
      return fc.integer({ min: 0, max: 255 }).map((value) => ({ json: value, wave: String(value) }));
    case 's64':
      return fc
        .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
        .map((value) => ({ json: String(value), wave: String(value) }));
    case 'f64':
      return fc.double({ noNaN: false }).map((value) => {
        const json = Number.isFinite(value) ? value : String(value);
        return {
          json,
          wave: Object.is(value, -0) ? '-0' : String(value).replace('Infinity', 'inf').replace('NaN', 'nan'),
        };
      });
    case 'char':
      return fc
        .string({ unit: 'binary', minLength: 1, maxLength: 1 })
        .map((value) => ({ json: value, wave: `'${escaped(value)}'` }));
    case 'string':
      return text.map((value) => ({ json: value, wave: `"${escaped(value)}"` }));
    default:
      return ofType(TYPES[ref as number]!);
  }
}

function ofType(type: WitType): fc.Arbitrary<Both> {
  const join = (items: readonly Both[]) => items.map(({ wave }) => wave).join(' , ');
  switch (type.kind) {
    case 'list':
      return fc.array(both(type.element), { maxLength: 4 }).map((items) => {
        const json = items.map((item) => item.json);
        return {
          json: type.element === 'u8' ? Buffer.from(json as number[]).toString('base64') : json,
          wave: `[${join(items)}]`,
        };
      });
    case 'tuple':
      return fc
        .tuple(...type.types.map(both))
        .map((items) => ({ json: items.map(({ json }) => json), wave: `(${join(items)},)` }));
    case 'record':
      return fc.tuple(...type.fields.map((field) => both(field.type))).map((items) => ({
        json: Object.fromEntries(items.map(({ json }, index) => [type.fields[index]!.name, json])),
        wave: `{${items.map(({ wave }, index) => `${type.fields[index]!.name}: ${wave}`).join(', // and\n')}}`,
      }));
    case 'flags':
      return fc.subarray([...type.names]).map((names) => ({ json: names, wave: `{${names.join(', ')}}` }));
    case 'enum':
      return fc.constantFrom(...type.names).map((name) => ({ json: name, wave: `%${name}` }));
    case 'option': {
      const nested = typeof type.some === 'number' && TYPES[type.some]!.kind === 'option';
      const some = both(type.some).map(({ json, wave }) => ({
        json: nested ? { some: json } : json,
        wave: `some(${wave})`,
      }));
      return fc.oneof(fc.constant({ json: null, wave: 'none' }), some);
    }
    case 'variant':
      return fc.oneof(...type.cases.map((item) => caseOf(item.name, item.type)));
    case 'result':
      return fc.oneof(caseOf('ok', type.ok), caseOf('err', type.err));
    default:
      throw new TypeError('not here');
  }
}

function caseOf(name: string, type: WitTypeRef | undefined): fc.Arbitrary<Both> {
  if (type === undefined) return fc.constant({ json: { [name]: null }, wave: name });
  return both(type).map(({ json, wave }) => ({ json: { [name]: json }, wave: `${name}(${wave})` }));
}

describe('WAVE', () => {
  it('says the same as JSON', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(9, 10, 8, 6, 2, 0).chain((ref) => both(ref).map((value) => [ref, value] as const)),
        ([ref, { json, wave }]) => {
          const decode = new Decoders(TYPES).of(ref);
          expect(decode(jsonOfWave(TYPES, ref, wave))).toEqual(decode(json));
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each<[string, WitTypeRef, unknown]>([
    ['"a"', 1, 'a'],
    [' [ 1, 2, ] // bytes', 0, 'AQI='],
    ["('\\u{1F600}', 1e3, -5)", 5, ['😀', 1000, '-5']],
    ['{a: dot, d: err(true)}', 8, { a: { dot: null }, d: { err: true } }],
    ['"\\u{002603}"', 'string', '☃'],
    ['"""\n"""', 'string', ''],
    ['"""\n    the last line\r\n  says how \\"far\n\n  """', 'string', '  the last line\nsays how "far\n'],
  ])('%s is of the type', (wave, ref, json) => {
    expect(jsonOfWave(TYPES, ref, wave)).toEqual(json);
  });

  it.each<[string, WitTypeRef, number]>([
    ['{a: dot, d: err(maybe)}', 8, 16],
    ['{a: dot}', 8, 7],
    ['{a: dot, a: dot}', 8, 9],
    ['[1, 256]', 0, 4],
    ['"a', 'string', 2],
    ['"\\q"', 'string', 1],
    ['"\\u{d800}"', 'string', 1],
    ['1.5', 's64', 0],
    ['01', 'u8', 0],
    ["('a', 1)", 5, 7],
    ['true false', 'bool', 5],
    ['{read, fly}', 4, 7],
    ['', 'bool', 0],
    ['"""a\n"""', 'string', 3],
    ['"""\na"""', 'string', 5],
    ['"""\n a\n  """', 'string', 4],
    ['"""\na', 'string', 5],
    ['"\\u{1100000}"', 'string', 1],
    ['{:}', 8, 2],
  ])('%s is not, at its place', (wave, ref, at) => {
    const found = () => jsonOfWave(TYPES, ref, wave);
    expect(found).toThrow(WaveError);
    try {
      found();
    } catch (error) {
      expect((error as WaveError).at).toBe(at);
    }
  });

  describe('a case that is called like a word of WAVE', () => {
    const types: readonly WitType[] = [
      { kind: 'enum', names: ['some', 'none', 'ok', 'err', 'true', 'nan', 'blue'] },
      {
        kind: 'variant',
        cases: [{ name: 'some', type: 'u8' }, { name: 'none' }, { name: 'ok', type: 'u8' }, { name: 'err' }],
      },
      { kind: 'option', some: 0 },
      { kind: 'option', some: 1 },
      { kind: 'result', ok: 0, err: 0 },
      { kind: 'result', ok: 1, err: 1 },
      { kind: 'option', some: 2 },
    ];
    const [ENUM, , OF_ENUM, OF_VARIANT, ENUM_OR, VARIANT_OR, TWICE] = [0, 1, 2, 3, 4, 5, 6] as const;

    it.each<[string, WitTypeRef, unknown]>([
      ['none', OF_ENUM, null],
      ['%none', OF_ENUM, 'none'],
      ['some(none)', OF_ENUM, 'none'],
      ['%some', OF_ENUM, 'some'],
      ['blue', OF_ENUM, 'blue'],
      ['%true', ENUM, 'true'],
      ['%nan', OF_ENUM, 'nan'],
      ['none', OF_VARIANT, null],
      ['%none', OF_VARIANT, { none: null }],
      ['%some(1)', OF_VARIANT, { some: 1 }],
      ['some(%some(1))', OF_VARIANT, { some: 1 }],
      ['some(some(1))', OF_VARIANT, { some: 1 }],
      ['ok(1)', OF_VARIANT, { ok: 1 }],
      ['ok(ok)', ENUM_OR, { ok: 'ok' }],
      ['%ok', ENUM_OR, { ok: 'ok' }],
      ['%err', ENUM_OR, { ok: 'err' }],
      ['err(err)', ENUM_OR, { err: 'err' }],
      ['none', ENUM_OR, { ok: 'none' }],
      ['%ok(1)', VARIANT_OR, { ok: { ok: 1 } }],
      ['ok(ok(1))', VARIANT_OR, { ok: { ok: 1 } }],
      ['some(none)', TWICE, { some: null }],
      ['some(%none)', TWICE, { some: 'none' }],
    ])('%s of type %s', (wave, ref, json) => {
      expect(jsonOfWave(types, ref, wave)).toEqual(json);
    });

    it.each<[string, WitTypeRef]>([
      ['some', OF_ENUM],
      ['some(1)', OF_VARIANT],
      ['ok', ENUM_OR],
      ['ok(1)', VARIANT_OR],
      ['err', VARIANT_OR],
      ['%none', TWICE],
      ['%some(blue)', TWICE],
    ])('%s of type %s is never guessed', (wave, ref) => {
      expect(() => jsonOfWave(types, ref, wave)).toThrow(WaveError);
    });
  });
});
