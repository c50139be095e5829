import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { inspect } from '../../src/component/inspect.ts';
import type { RouteRule } from '../../src/model/route.ts';
import type { ComponentShape } from '../../src/model/wit.ts';
import { openApiOf } from '../../src/report/openapi/document.ts';
import { Schemas } from '../../src/report/openapi/schema.ts';
import { echoOf, everyKind } from '../cell/kit/json-types.ts';
import { example } from '../component/support.ts';

const INTERFACE = 'shop:cart/pricing@1.0.0';

function shapeOf(bytes: Uint8Array): ComponentShape {
  const shape = inspect(bytes);
  if (!shape.ok) throw new Error(shape.error.message);
  return shape.value;
}

function rule(path: string, called: string | undefined, more: Partial<RouteRule['match']> = {}): RouteRule {
  return {
    route: 'shop/pricing',
    match: { path: { type: 'Exact', value: path }, headers: [], ...more },
    backend: 'shop/pricing',
    ...(called === undefined ? {} : { export: { interface: INTERFACE, function: called } }),
  };
}

/** As a reader gets it. */
function documentOf(rules: readonly RouteRule[], shape = shapeOf(example('pricing-v1'))) {
  const document = openApiOf({ key: 'shop/pricing', release: 'abcdef012345'.repeat(5), rules, shape });
  return JSON.parse(JSON.stringify(document)) as {
    readonly openapi: string;
    readonly paths: Record<
      string,
      Record<string, { operationId: string; servers?: { url: string }[]; responses: object }>
    >;
    readonly components: { readonly schemas: Record<string, object> };
    readonly 'x-headway-http'?: readonly string[];
  };
}

async function faultsOf(document: object): Promise<unknown> {
  const { valid, errors } = await new Validator().validate({ ...document });
  return valid ? [] : errors;
}

describe('the OpenAPI document', () => {
  const RULES = [
    rule('/quote', 'quote'),
    rule('/currencies', 'currencies'),
    rule('/braces/{x}', 'currencies', { path: { type: 'PathPrefix', value: '/braces/{x}' } }),
    rule('/hosted', 'currencies', { hostname: 'shop.example.com' }),
    rule('/hosted', 'currencies', { hostname: '*.example.org' }),
    rule('/only-get', 'currencies', { method: 'GET', headers: [{ name: 'x-region', type: 'Exact', value: 'eu' }] }),
    rule('/http', undefined),
    rule('/gone', 'gone'),
  ];

  it('is valid by the schema of OpenAPI 3.1', async () => {
    const document = documentOf(RULES);
    expect(document.openapi).toBe('3.1.0');
    expect(await faultsOf(document)).toEqual([]);
    // The validator is one: a document without paths and components is none.
    expect(await faultsOf({ openapi: '3.1.0', info: { title: 'x' } })).not.toEqual([]);
  });

  it('names each function where it is called, by the methods that call it', () => {
    const { paths, ...document } = documentOf(RULES);
    const methods = Object.entries(paths).map(([path, operations]) => [path, Object.keys(operations)]);
    expect(Object.fromEntries(methods)).toEqual({
      '/quote': ['post'],
      '/currencies': ['get', 'post'],
      '/braces/%7Bx%7D': ['get', 'post'],
      '/hosted': ['get', 'post'],
      '/only-get': ['get'],
    });
    expect(paths['/hosted']!['get']!.servers!.map(({ url }) => url)).toEqual([
      '//shop.example.com',
      '//{subdomain}.example.org',
    ]);
    expect(document['x-headway-http']).toEqual(['* Exact /http', '* Exact /gone']);
    const ids = Object.values(paths).flatMap((operations) =>
      Object.values(operations).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('says what comes back: the value, the error of a result, and answers of the runtime', () => {
    const { paths, components } = documentOf(RULES);
    expect(Object.keys(paths['/quote']!['post']!.responses)).toEqual(['200', '400', '422', 'default']);
    expect(Object.keys(paths['/currencies']!['get']!.responses)).toEqual(['200', '400', 'default']);
    expect(components.schemas['shop.cart.pricing-1.0.0.price']).toEqual({
      type: 'object',
      properties: {
        'total-cents': expect.objectContaining({ type: ['string', 'integer'], format: 'uint64' }),
        currency: { $ref: '#/components/schemas/shop.cart.pricing-1.0.0.currency' },
        discount: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      },
      required: ['total-cents', 'currency'],
      additionalProperties: false,
    });
  });
});

describe('schemas', () => {
  const SEED = 20_261_128;
  const types = everyKind();
  let shape: ComponentShape;
  beforeAll(async () => {
    shape = shapeOf(await echoOf(types));
  });

  it('admit every value that a call takes, and a document of every type is valid', async () => {
    const functions = shape.exports.interfaces[0]!.functions;
    const schemas = new Schemas(shape);
    const of = functions.map(({ result }) => schemas.of(result!));
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'all', components: { schemas: schemas.named } });
    for (const [index, type] of types.entries()) {
      const schema = JSON.parse(JSON.stringify(of[index]).replaceAll('"#/components', '"all#/components')) as object;
      const validate = ajv.compile(schema);
      const asList = (values: unknown[]): unknown =>
        type.name === 'u8' ? Buffer.from(values as number[]).toString('base64') : values;
      fc.assert(
        fc.property(fc.array(type.json, { maxLength: 4 }), (values) => {
          const value = JSON.parse(JSON.stringify(asList(values))) as unknown;
          expect(validate(value), `${type.name} ${JSON.stringify(value)} ${JSON.stringify(validate.errors)}`).toBe(
            true,
          );
        }),
        { numRuns: 20, seed: SEED },
      );
    }
    const rules = functions.map(({ name }, index): RouteRule => ({
      ...rule(`/${index}`, undefined),
      export: { interface: 'test:t/api', function: name },
    }));
    expect(await faultsOf(documentOf(rules, shape))).toEqual([]);
  });

  it.each([
    ['u8', 256],
    ['bool', 1],
    ['char', 'ab'],
    ['u64', '-1'],
    ['s64', '9e3'],
    ['f64', 'inf'],
  ])('refuse what a call refuses: %s %j', (name, value) => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    expect(ajv.validate(new Schemas(shape).of(name as 'u8'), value)).toBe(false);
  });
});
