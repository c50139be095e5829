/**
 * The values of `env` and `config`: written in the component, or taken from a Config or a Secret of its namespace. What is
 * taken from a Config is part of the revision as if it were written; of a Secret it is the version. A change of a key rolls
 * out through everything that uses that key, and through nothing else.
 */
import { err, ok, type Result } from '../../kit/result.ts';
import { entryKey, type EnvVar, type Member } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { SealedValue } from '../../model/sealed.ts';
import { sealedForm } from './sealed-form.ts';
import type { KeyRef, ValueFrom } from '../generated/component.ts';
import type { Setting } from '../generated/config.ts';
import type { SealedSetting } from '../generated/secret.ts';
import { keyOf, type ParsedDocument } from '../parsed.ts';
import { closest } from '../suggest.ts';
import { atKey, atValue, duplicateNames, type Assembly } from './assembly.ts';

type ComponentDocument = ParsedDocument<'Component'>;

/** The documents that hold values by key. */
const KEEPERS = ['Config', 'Secret'] as const;
export type Keeper = (typeof KEEPERS)[number];

export type Values = Pick<Member, 'env' | 'config' | 'secretVersions' | 'sealed'>;

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
      const problems = [
        ...duplicateNames(document, '/spec/data', document.value.spec.data),
        ...(isSecret(document) ? unsealedIn(document) : []),
      ];
      if (problems.length > 0) assembly.refuse(document, problems);
    }
  }
}

export function keyUsesOf({ value: { spec } }: ComponentDocument): readonly KeyUse[] {
  return (['env', 'config'] as const).flatMap((list) =>
    (spec[list] ?? []).flatMap(({ name, valueFrom }, index) =>
      refsOf(valueFrom).map((ref) => ({ list, index, name, ...ref })),
    ),
  );
}

/** Both lists by name, so that their order changes nothing; the problems are about references that lead nowhere. */
export function valuesOf(document: ComponentDocument, assembly: Assembly): Result<Values, readonly Diagnostic[]> {
  const problems: Diagnostic[] = [];
  const values = { env: writtenIn(document, 'env'), config: writtenIn(document, 'config') };
  const sealed: SealedValue[] = [];
  for (const use of keyUsesOf(document)) {
    const found = findKey(document, use, assembly);
    if (!found.ok) problems.push(found.error);
    else if ('value' in found.value) values[use.list].push({ name: use.name, value: found.value.value });
    else sealed.push(sealedOf(document, use, found.value));
  }
  if (problems.length > 0) return err(problems);
  return ok({
    env: values.env.sort(byName),
    config: values.config.sort(byName),
    secretVersions: versionsOf(sealed),
    ...(sealed.length === 0 ? {} : { sealed: sealed.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)) }),
  });
}

function refsOf({ configKeyRef, secretKeyRef }: ValueFrom = {}): readonly Pick<KeyUse, 'kind' | 'ref'>[] {
  return [
    ...(configKeyRef ? [{ kind: 'Config' as const, ref: configKeyRef }] : []),
    ...(secretKeyRef ? [{ kind: 'Secret' as const, ref: secretKeyRef }] : []),
  ];
}

function sealedOf(document: ComponentDocument, use: KeyUse, { version, encrypted }: SealedSetting): SealedValue {
  const { list, name, ref } = use;
  return { into: list, name, secret: entryKey(document.namespace, ref.name), key: ref.key, version, encrypted };
}

/** One for each value, however often it is used. */
function versionsOf(sealed: readonly SealedValue[]): Member['secretVersions'] {
  const versions = new Map(sealed.map(({ secret, key, version }) => [`${secret}/${key}`, version]));
  return [...versions].map(([secret, version]) => ({ secret, version })).sort((a, b) => (a.secret < b.secret ? -1 : 1));
}

function orderOf({ into, name }: SealedValue): string {
  return `${into} ${name}`;
}

export function isSecret(document: ParsedDocument): document is ParsedDocument<'Secret'> {
  return document.kind === 'Secret';
}

/** The message says nothing of the value: it may be the secret itself. */
function unsealedIn(document: ParsedDocument<'Secret'>): readonly Diagnostic[] {
  return document.value.spec.data.flatMap(({ name, encrypted }, index) =>
    sealedForm(encrypted)
      ? []
      : [atKey(document, `/spec/data/${index}/encrypted`, 'HW1147', `the key \`${name}\` holds no age file in base64`)],
  );
}

function writtenIn({ value: { spec } }: ComponentDocument, list: KeyUse['list']): EnvVar[] {
  return (spec[list] ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [{ name, value }]));
}

function findKey(document: ComponentDocument, { list, index, kind, ref }: KeyUse, assembly: Assembly) {
  const at = `/spec/${list}/${index}/valueFrom/${kind === 'Config' ? 'configKeyRef' : 'secretKeyRef'}`;
  const key = keyOf({ namespace: document.namespace, name: ref.name });
  const found = assembly.find(kind, key);
  if (found.type === 'Invalid') return err(atValue(document, `${at}/name`, 'HW1024', `invalid: ${kind} ${key}`));
  if (found.type === 'Missing') return err(atValue(document, `${at}/name`, 'HW1023', `not there: ${kind} ${key}`));
  const data: readonly (Setting | SealedSetting)[] = found.document.value.spec.data;
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
