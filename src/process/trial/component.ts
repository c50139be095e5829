/** A single .wasm file with a folder of Checks, as a source like any other: what is missing around it is added. */
import { readFile } from 'node:fs/promises';
import type { LintSource } from '../../check/lint/source.ts';
import { isKind } from '../../check/trial/stand-ins.ts';
import { digestOfBytes } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import type { ParsedDocument } from '../../manifest/parsed.ts';
import { API_VERSION } from '../../manifest/kinds.ts';
import { writeDocuments } from '../../manifest/write.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { Readers } from './subject.ts';

const ADDED_FILE = 'headway-test.yaml';
const ARTIFACT = 'headway-test.wasm';

/**
 * `checks` with the file as the artifact of the one component that its Checks call. A Component document of that name is
 * kept, for its grants and limits, and gets the file as its source; without one it is written, and so is an Environment.
 */
export async function componentSource(
  checks: LintSource,
  file: string,
  { manifest }: Readers,
): Promise<Result<LintSource, Problem>> {
  const bytes = await readFile(file).catch((error: Error) => error);
  if (bytes instanceof Error) return err(problem('HW5013', `${file} cannot be read: ${bytes.message}`));
  const files = await checks.manifests(() => false);
  if (!files.ok) return files;
  const read = await manifest.parse(files.value);
  if (!read.ok) return read;
  const { documents } = read.value.parsed;
  const called = calledComponents(documents);
  const [one] = called;
  if (one === undefined || called.length > 1) {
    const what =
      one === undefined ? 'no component' : called.map(({ namespace, name }) => `${namespace}/${name}`).join(' and ');
    return err(
      problem('HW5112', `the Checks in ${checks.label} call ${what}; with a file they have to call one`, {
        remedy: 'call an export of the component, or test an environment: headway test <dir>',
      }),
    );
  }
  const own = documents.find(
    (document) => document.kind === 'Component' && document.namespace === one.namespace && document.name === one.name,
  );
  const kept = own && isKind(own, 'Component') ? own : undefined;
  const head = { apiVersion: API_VERSION, metadata: one };
  const component = kept
    ? { ...kept.value, spec: { ...kept.value.spec, source: { path: ARTIFACT } } }
    : { ...head, kind: 'Component', spec: { source: { path: ARTIFACT } } };
  const added = [
    component,
    ...(documents.some(({ kind }) => kind === 'Environment')
      ? []
      : [{ ...head, kind: 'Environment', metadata: { name: 'test' }, spec: {} }]),
  ];
  const others = kept ? documents.filter((document) => document.file === kept.file && document !== kept) : [];
  const rest = kept && others.length > 0 ? [{ path: kept.file, bytes: encoded(others.map(({ value }) => value)) }] : [];
  const manifests = [
    ...files.value.filter(({ path }) => path !== kept?.file),
    ...rest,
    { path: ADDED_FILE, bytes: encoded(added) },
  ];
  return ok({
    ...checks,
    label: file,
    manifests: async () => ok(manifests),
    async digests(paths) {
      const found = await checks.digests(paths.filter((path) => path !== ARTIFACT));
      return found.ok ? ok(new Map([...found.value, [ARTIFACT, digestOfBytes(bytes)] as const])) : found;
    },
    artifact: async (path) => (path === ARTIFACT ? ok(bytes) : checks.artifact(path)),
  });
}

function calledComponents(documents: readonly ParsedDocument[]) {
  const called = documents
    .filter((document) => isKind(document, 'Check'))
    .flatMap(({ namespace, value }) =>
      value.spec.calls.flatMap(({ export: ref }) => (ref ? [{ namespace, name: ref.componentRef.name }] : [])),
    );
  return [...new Map(called.map((one) => [`${one.namespace}/${one.name}`, one])).values()];
}

function encoded(values: readonly unknown[]): Uint8Array {
  return new TextEncoder().encode(writeDocuments(values));
}
