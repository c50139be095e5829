/**
 * The values of `env` and `config`: written in the component, or taken from a Config of its namespace. What is taken is
 * part of the revision as if it were written: a change of a key rolls out through everything that uses that key, and
 * through nothing else.
 */
import { err, ok, type Result } from '../../kit/result.ts';
import type { EnvVar, Member } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { KeyRef } from '../generated/component.ts';
import { keyOf, type ParsedDocument } from '../parsed.ts';
import { closest } from '../suggest.ts';
import { atValue, duplicateNames, type Assembly } from './assembly.ts';

type ComponentDocument = ParsedDocument<'Component'>;

/** The documents that hold values by key. */
const KEEPERS = ['Config'] as const;
export type Keeper = (typeof KEEPERS)[number];

export type Values = Pick<Member, 'env' | 'config'>;

/** One item of `spec.env` or `spec.config` that names a key of another document. */
export interface KeyUse {
  readonly list: 'env' | 'config';
  readonly index: number;
  readonly name: string;
  readonly kind: Keeper;
  readonly ref: KeyRef;
}

export function refuseKeepers(assembly: Assembly): void {
  for (const kind of KEEPERS) {
    for (const document of assembly.all(kind)) {
      const problems = duplicateNames(document, '/spec/data', document.value.spec.data);
      if (problems.length > 0) assembly.refuse(document, problems);
    }
  }
}

export function keyUsesOf({ value: { spec } }: ComponentDocument): readonly KeyUse[] {
  return (['env', 'config'] as const).flatMap((list) =>
    (spec[list] ?? []).flatMap(({ name, valueFrom }, index) =>
      valueFrom?.configKeyRef ? [{ list, index, name, kind: 'Config' as const, ref: valueFrom.configKeyRef }] : [],
    ),
  );
}

/** Both lists by name, so that their order changes nothing; the problems are about references that lead nowhere. */
export function valuesOf(document: ComponentDocument, assembly: Assembly): Result<Values, readonly Diagnostic[]> {
  const problems: Diagnostic[] = [];
  const values = { env: writtenIn(document, 'env'), config: writtenIn(document, 'config') };
  for (const use of keyUsesOf(document)) {
    const found = findKey(document, use, assembly);
    if (found.ok) values[use.list].push({ name: use.name, value: found.value.value });
    else problems.push(found.error);
  }
  if (problems.length > 0) return err(problems);
  return ok({ env: values.env.sort(byName), config: values.config.sort(byName) });
}

function writtenIn({ value: { spec } }: ComponentDocument, list: KeyUse['list']): EnvVar[] {
  return (spec[list] ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [{ name, value }]));
}

function findKey(document: ComponentDocument, { list, index, kind, ref }: KeyUse, assembly: Assembly) {
  const at = `/spec/${list}/${index}/valueFrom/configKeyRef`;
  const key = keyOf({ namespace: document.namespace, name: ref.name });
  const found = assembly.find(kind, key);
  if (found.type === 'Invalid') return err(atValue(document, `${at}/name`, 'HW1024', `invalid: ${kind} ${key}`));
  if (found.type === 'Missing') return err(atValue(document, `${at}/name`, 'HW1023', `not there: ${kind} ${key}`));
  const { data } = found.document.value.spec;
  const item = data.find(({ name }) => name === ref.key);
  if (item) return ok(item);
  const names = data.map(({ name }) => name);
  const meant = closest(ref.key, names);
  const remedy = `${meant === undefined ? '' : `did you mean \`${meant}\`? `}its keys are ${names.join(', ')}`;
  return err(atValue(document, `${at}/key`, 'HW1145', `${kind} ${key} has no key \`${ref.key}\``, remedy));
}

function byName(a: EnvVar, b: EnvVar): number {
  return a.name < b.name ? -1 : 1;
}
