import type { Deterministic } from '../../manifest/generated/check.ts';
import type { Ambient } from '../../manifest/generated/component.ts';
import { atValue } from '../../manifest/assemble/assembly.ts';
import { keyOf, type Parsed, type ParsedDocument } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';

type Item = NonNullable<ParsedDocument<'Component'>['value']['spec']['env']>[number];

/**
 * Secrets are not for a trial: every reference to one becomes the stand-in that a Check of the namespace declares, as if it
 * were written in the component. What has none is a finding (HW5113).
 */
export function withStandIns(
  parsed: Parsed,
  checks = checksOf(parsed),
): { readonly parsed: Parsed; readonly missing: readonly Diagnostic[] } {
  const values = new Map<string, string>();
  for (const document of checks) {
    for (const { secretKeyRef, value } of document.value.spec.standIns ?? []) {
      values.set(idOf(document.namespace, secretKeyRef), value);
    }
  }
  const profiles = new Map(
    checks.flatMap(({ namespace, value: { spec } }) => (spec.deterministic ? [[namespace, spec.deterministic]] : [])),
  );
  const missing: Diagnostic[] = [];
  const documents = parsed.documents.map((document): ParsedDocument => {
    if (!isKind(document, 'Component')) return document;
    const { spec } = document.value;
    const stoodIn = (list: 'env' | 'config') => {
      const items = spec[list]?.map((item, index): Item => {
        const ref = item.valueFrom?.secretKeyRef;
        if (!ref) return item;
        const value = values.get(idOf(document.namespace, ref));
        if (value !== undefined) return { name: item.name, value };
        const what = `the key \`${ref.key}\` of Secret ${keyOf({ namespace: document.namespace, name: ref.name })}`;
        const at = `/spec/${list}/${index}/valueFrom/secretKeyRef`;
        missing.push(atValue(document, at, 'HW5113', `no Check declares a stand-in for ${what}`));
        return item;
      });
      return items ? { [list]: items } : {};
    };
    const profile = profiles.get(document.namespace);
    const ambient = profile ? { ambient: profiled(spec.ambient, profile) } : {};
    const stands = { ...spec, ...stoodIn('env'), ...stoodIn('config'), ...ambient };
    return { ...document, value: { ...document.value, spec: stands } };
  });
  return { parsed: { ...parsed, documents }, missing };
}

/** What is denied stays denied. */
function profiled(ambient: Ambient = {}, profile: Deterministic): Ambient {
  const clocks = ambient.clocks === 'Denied' ? 'Denied' : 'Stepped';
  return { ...profile, clocks, random: ambient.random === 'Denied' ? 'Denied' : 'Seeded' };
}

export function checksOf({ documents }: Parsed): readonly ParsedDocument<'Check'>[] {
  return documents.filter((document) => isKind(document, 'Check'));
}

export function isKind<K extends ParsedDocument['kind']>(
  document: ParsedDocument,
  kind: K,
): document is ParsedDocument<K> {
  return document.kind === kind;
}

function idOf(namespace: string, { name, key }: { readonly name: string; readonly key: string }): string {
  return `${namespace} ${name} ${key}`;
}
