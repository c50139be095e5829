/** Types of WIT as JSON Schema 2020-12, which OpenAPI 3.1 is made of: the mapping of docs/typed-exports.md once more. */
import type { ComponentShape, WitCase, WitField, WitPrimitive, WitType, WitTypeRef } from '../../model/wit.ts';

export type Schema = { readonly [keyword: string]: unknown };

const integer = (minimum: number, maximum: number): Schema => ({ type: 'integer', minimum, maximum });

/** Both forms are taken; a decimal string is what is given. */
const wide = (format: string, pattern: string, minimum: number): Schema => ({
  type: ['string', 'integer'],
  format,
  pattern,
  minimum,
  maximum: Number.MAX_SAFE_INTEGER,
});

const float = (format: string): Schema => ({
  anyOf: [{ type: 'number', format }, { enum: ['NaN', 'Infinity', '-Infinity'] }],
});

const PRIMITIVES: Readonly<Record<WitPrimitive, Schema>> = {
  bool: { type: 'boolean' },
  s8: integer(-0x80, 0x7f),
  u8: integer(0, 0xff),
  s16: integer(-0x8000, 0x7fff),
  u16: integer(0, 0xffff),
  s32: integer(-0x8000_0000, 0x7fff_ffff),
  u32: integer(0, 0xffff_ffff),
  s64: wide('int64', '^(?:0|-?[1-9][0-9]{0,18})$', Number.MIN_SAFE_INTEGER),
  u64: wide('uint64', '^(?:0|[1-9][0-9]{0,19})$', 0),
  f32: float('float'),
  f64: float('double'),
  char: { type: 'string', minLength: 1, maxLength: 1 },
  string: { type: 'string' },
};

const NOTHING: Schema = { type: 'null' };

/** Schemas of one component. Types that an interface names stand in `components.schemas` and are referred to. */
export class Schemas {
  /** By name, in the order of the first mention. */
  readonly named: Record<string, Schema> = {};
  readonly #shape: Pick<ComponentShape, 'types' | 'exports'>;
  readonly #names = new Map<number, string>();

  constructor(shape: Pick<ComponentShape, 'types' | 'exports'>) {
    this.#shape = shape;
    for (const { name, types } of shape.exports.interfaces) {
      for (const item of types) {
        if (typeof item.type !== 'number' || this.#names.has(item.type)) continue;
        this.#names.set(item.type, `${componentNameOf(name)}.${item.name}`);
      }
    }
  }

  of(ref: WitTypeRef): Schema {
    if (typeof ref === 'string') return PRIMITIVES[ref];
    const name = this.#names.get(ref);
    const type = this.#shape.types[ref]!;
    if (name === undefined) return this.#schema(type);
    // The name is taken before the type is written out: two mentions, one schema.
    if (!(name in this.named)) {
      this.named[name] = {};
      this.named[name] = this.#schema(type);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  type(ref: number): WitType {
    return this.#shape.types[ref]!;
  }

  /** An object of all fields; those of an option may be left out. */
  object(fields: readonly WitField[]): Schema {
    const required = fields.filter(({ type }) => !this.#isOption(type)).map(({ name }) => name);
    return {
      type: 'object',
      properties: Object.fromEntries(fields.map(({ name, type }) => [name, this.of(type)])),
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
    };
  }

  #schema(type: WitType): Schema {
    switch (type.kind) {
      case 'record':
        return this.object(type.fields);
      case 'variant':
        return this.#oneOf(type.cases);
      case 'result':
        return this.#oneOf([caseOf('ok', type.ok), caseOf('err', type.err)]);
      case 'list':
        return type.element === 'u8'
          ? { type: 'string', contentEncoding: 'base64' }
          : { type: 'array', items: this.of(type.element) };
      case 'tuple':
        return {
          type: 'array',
          prefixItems: type.types.map((item) => this.of(item)),
          items: false,
          minItems: type.types.length,
        };
      case 'option':
        return this.#option(type.some);
      case 'enum':
        return { type: 'string', enum: type.names };
      case 'flags':
        return { type: 'array', items: { type: 'string', enum: type.names }, uniqueItems: true };
      default:
        throw new TypeError('a resource has no JSON');
    }
  }

  #option(some: WitTypeRef): Schema {
    const schema = this.of(some);
    return { anyOf: [this.#isOption(some) ? only('some', schema) : schema, NOTHING] };
  }

  #oneOf(cases: readonly WitCase[]): Schema {
    return { oneOf: cases.map(({ name, type }) => only(name, type === undefined ? NOTHING : this.of(type))) };
  }

  #isOption(ref: WitTypeRef): boolean {
    return typeof ref === 'number' && this.#shape.types[ref]!.kind === 'option';
  }
}

function caseOf(name: string, type: WitTypeRef | undefined): WitCase {
  return type === undefined ? { name } : { name, type };
}

function only(name: string, schema: Schema): Schema {
  return { type: 'object', properties: { [name]: schema }, required: [name], additionalProperties: false };
}

/** `shop:cart/pricing@1.0.0` as a key of `components` may be spelled: `shop.cart.pricing-1.0.0`. */
export function componentNameOf(interfaceName: string): string {
  return interfaceName
    .replaceAll(/[:/]/g, '.')
    .replaceAll('@', '-')
    .replaceAll(/[^A-Za-z0-9._-]/g, '_');
}
