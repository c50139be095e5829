import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { LINT_SCHEMA, RUNTIME_SCHEMA, SCHEMAS, type Kind } from './kinds.ts';
import { withinQuantity, type Quantity } from './quantity.ts';

/** Checks a value against the schema of a kind; the errors carry the schema around them and the data (`verbose`). */
export type Validate = (value: unknown) => readonly ErrorObject[];

export type Validators = Readonly<Record<Kind, Validate>>;

/** Compiles the schemas of all kinds: some 100 ms, once per process that parses. */
export function createValidators(): Validators {
  const ajv = createAjv();
  const compiled = Object.entries(SCHEMAS).map(([kind, schema]) => [kind, run(ajv.compile(schema))] as const);
  return Object.fromEntries(compiled) as Record<Kind, Validate>;
}

export function createRuntimeValidator(): Validate {
  return run(createAjv().compile(RUNTIME_SCHEMA));
}

export function createLintValidator(): Validate {
  return run(createAjv().compile(LINT_SCHEMA));
}

function createAjv(): Ajv {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, strictRequired: false, validateFormats: false });
  ajv.addVocabulary(['x-secret']);
  ajv.addKeyword({
    keyword: 'x-quantity',
    type: 'string',
    schemaType: 'object',
    errors: false,
    compile: (quantity: Quantity) => (text: string) => withinQuantity(quantity, text),
  });
  return ajv;
}

function run(validate: ValidateFunction): Validate {
  return (value) => (validate(value) ? [] : (validate.errors ?? []));
}
