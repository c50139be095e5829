/**
 * The OpenAPI 3.1 document of one entry, from the types of its component and the routes that reach it: what can be called,
 * where, with what, and what comes back. Pure: the same inputs, the same document.
 */
import { callName, exporters, uncallable } from '../../model/callable.ts';
import type { ExportRef } from '../../model/component.ts';
import type { RouteRule } from '../../model/route.ts';
import type { ComponentShape, WitFunction, WitTypeRef } from '../../model/wit.ts';
import { Schemas, type Schema } from './schema.ts';

export interface OpenApiInputs {
  /** `namespace/name`. */
  readonly key: string;
  readonly release: string;
  readonly rules: readonly RouteRule[];
  readonly shape: ComponentShape;
}

type Document = { readonly [field: string]: unknown };

export function openApiOf({ key, release, rules, shape }: OpenApiInputs): Document {
  const schemas = new Schemas(shape);
  const paths: Record<string, Record<string, unknown>> = {};
  const http: string[] = [];
  const ids = new Map<string, number>();
  for (const rule of rules) {
    const called = rule.export && functionOf(shape, rule.export);
    if (!rule.export || !called) {
      http.push(`${rule.match.hostname ?? '*'} ${rule.match.path.type} ${rule.match.path.value}`);
      continue;
    }
    const operations = (paths[pathOf(rule.match.path.value)] ??= {});
    for (const method of methodsOf(called, rule.match.method)) {
      const present = operations[method] as { servers?: unknown[]; readonly operationId: string } | undefined;
      const server = serverOf(rule.match.hostname);
      const operation = operationOf(rule, called, method, schemas, ids);
      // Two hosts, one path: one operation at two servers; of two functions, the rule that takes precedence stands here.
      if (present && server) present.servers?.push(server);
      else if (!present) operations[method] = { ...operation, ...(server ? { servers: [server] } : {}) };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: key,
      version: release.slice(0, 12),
      description: `Exported functions of ${key}, called with JSON. Made from the types of release ${release.slice(0, 12)} and the routes that reach it.`,
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    paths,
    components: { schemas: { ...schemas.named, 'headway.error': ERROR } },
    ...(http.length > 0 ? { 'x-headway-http': http } : {}),
  };
}

function functionOf(shape: ComponentShape, { interface: interfaceName, function: name }: ExportRef) {
  const found = exporters(shape)
    .find((candidate) => candidate.name === interfaceName)
    ?.functions.find((candidate) => candidate.name === name);
  return found && uncallable(shape, interfaceName, found) === undefined ? found : undefined;
}

/** Braces would be templates; a path of a Route has none that mean anything. */
function pathOf(value: string): string {
  return value.replaceAll('{', '%7B').replaceAll('}', '%7D');
}

function methodsOf({ params }: WitFunction, method: string | undefined): readonly ('get' | 'post')[] {
  const all = params.length === 0 ? (['get', 'post'] as const) : (['post'] as const);
  return method === undefined ? all : all.filter((item) => item === method.toLowerCase());
}

/** The scheme and the port are those under which the reader came here: Headway may stand behind something that ends TLS. */
function serverOf(hostname: string | undefined): Document | undefined {
  if (hostname === undefined) return undefined;
  if (!hostname.startsWith('*.')) return { url: `//${hostname}` };
  return {
    url: `//{subdomain}${hostname.slice(1)}`,
    variables: { subdomain: { default: 'www', description: 'any labels' } },
  };
}

function operationOf(
  rule: RouteRule,
  called: WitFunction,
  method: 'get' | 'post',
  schemas: Schemas,
  ids: Map<string, number>,
): Document {
  const { interface: interfaceName } = rule.export!;
  const { path, headers } = rule.match;
  return {
    operationId: idOf(`${method}-${called.name}`, ids),
    summary: callName(interfaceName, called.name),
    ...(path.type === 'PathPrefix' ? { description: `Any path below ${path.value} is answered alike.` } : {}),
    tags: [rule.route],
    ...(headers.length > 0
      ? {
          parameters: headers.map(({ name, value }) => ({
            in: 'header',
            name,
            required: true,
            schema: { type: 'string', const: value },
          })),
        }
      : {}),
    ...(method === 'post' ? { requestBody: bodyOf(called, schemas) } : {}),
    responses: responsesOf(called, schemas),
  };
}

function bodyOf({ params }: WitFunction, schemas: Schemas): Document {
  return { required: params.length > 0, content: json(schemas.object(params)) };
}

function responsesOf({ result }: WitFunction, schemas: Schemas): Document {
  const { good, bad } = outcomesOf(result, schemas);
  return {
    ...(good ? { 200: { description: 'What the function returned', content: json(good) } } : {}),
    ...(good ? {} : { 204: { description: 'The function has returned, and nothing to say' } }),
    ...(bad ? { 422: { description: 'The error that the function returned', content: json(bad) } } : {}),
    400: { description: 'The body is not JSON or does not fit the types', content: json(ERROR_REF) },
    default: { description: 'The call came to nothing', content: json(ERROR_REF) },
  };
}

function outcomesOf(
  result: WitTypeRef | undefined,
  schemas: Schemas,
): { readonly good?: Schema | undefined; readonly bad?: Schema } {
  const type = typeof result === 'number' ? schemas.type(result) : undefined;
  if (type?.kind !== 'result') return { good: result === undefined ? undefined : schemas.of(result) };
  const error = type.err === undefined ? { type: 'null' } : schemas.of(type.err);
  return {
    good: type.ok === undefined ? undefined : schemas.of(type.ok),
    bad: { type: 'object', properties: { error }, required: ['error'] },
  };
}

function json(schema: Schema): Document {
  return { 'application/json': { schema } };
}

/** Unique within the document. */
function idOf(wanted: string, ids: Map<string, number>): string {
  const count = (ids.get(wanted) ?? 0) + 1;
  ids.set(wanted, count);
  return count === 1 ? wanted : `${wanted}-${count}`;
}

const ERROR_REF: Schema = { $ref: '#/components/schemas/headway.error' };

const ERROR: Schema = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        status: { type: 'integer' },
        code: { type: 'string', pattern: '^HW[0-9]{4}$' },
        reason: { type: 'string' },
        message: { type: 'string' },
        pointer: { type: 'string', description: 'JSON pointer to what does not fit' },
        expected: { type: 'string' },
        found: { type: 'string' },
      },
      required: ['status', 'code', 'reason', 'message'],
    },
  },
  required: ['error'],
};
