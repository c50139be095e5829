/** The demo's repository, as `npm start` seeds it, hangs together: every document is valid, every path leads somewhere. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { EXAMPLES } from '../../examples/catalogue.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Manifest {
  readonly file: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly source?: { readonly path: string };
    readonly rollout?: { readonly policyRef: { readonly name: string } };
    readonly rules?: readonly { readonly backendRef: { readonly name: string } }[];
  };
}

const manifests = await readManifests();
const seed = JSON.parse(await readFile(join(ROOT, 'manifests/seed.json'), 'utf8')) as {
  artifacts: { from: string; to: string }[];
};
const named = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const ajv = new Ajv({ strict: false });

async function readManifests(): Promise<Manifest[]> {
  const folder = join(ROOT, 'manifests');
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.yaml')).sort();
  const parsed = files.map(async (file) =>
    parseAllDocuments(await readFile(join(folder, file), 'utf8'), { strict: true, uniqueKeys: true }).map(
      (document) => ({ ...(document.toJS() as Omit<Manifest, 'file'>), file }),
    ),
  );
  return (await Promise.all(parsed)).flat();
}

describe.each(manifests)('$file: $kind $metadata.name', ({ file, ...document }) => {
  test('fits its schema', async () => {
    const schema = join(ROOT, `schemas/headway.dev/${document.kind.toLowerCase()}_v1alpha1.json`);
    const validate = ajv.compile({
      ...(JSON.parse(await readFile(schema, 'utf8')) as object),
      $id: `${file}#${document.kind}${document.metadata.name}`,
    });
    validate(document);
    expect(validate.errors).toBeNull();
  });
});

test('every component runs a seeded file, by a policy that exists, behind a route', () => {
  const seeded = seed.artifacts.map(({ to }) => to);
  const policies = named('RolloutPolicy').map(({ metadata }) => metadata.name);
  const routed = named('Route').flatMap(({ spec }) => spec.rules!.map((rule) => rule.backendRef.name));
  const components = named('Component');
  expect(components.map(({ metadata }) => metadata.name).sort()).toEqual(['greeting', 'greeting-js']);
  for (const { metadata, spec } of components) {
    expect(seeded).toContain(spec.source!.path);
    expect(policies).toContain(spec.rollout!.policyRef.name);
    expect(routed).toContain(metadata.name);
  }
});

test('every greeting of the catalogue is seeded, under its name', () => {
  const greetings = EXAMPLES.map(({ name }) => name).filter((name) => name.startsWith('greeting-'));
  expect(seed.artifacts.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(
    greetings.map((name) => `examples/wasm/${name}.wasm demo/components/${name}.wasm`).sort(),
  );
});
