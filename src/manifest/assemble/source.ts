import type { Digest } from '../../kit/digest.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Component } from '../generated/component.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atKey, atValue } from './assembly.ts';

/** Digests that other documents of the commit give to the same tag or address. */
export type Pins = ReadonlyMap<string, Digest>;

type Source = Component['spec']['source'];

/** What an artifact that git does not hold is called: `registry/repository:tag`, or its address. */
export function nameOfSource({ https, oci }: Source): string | undefined {
  if (https) return https.url;
  return oci ? `${oci.image}:${oci.tag ?? 'latest'}` : undefined;
}

export function pinsOf(documents: readonly ParsedDocument<'Component'>[]): Pins {
  const pins = new Map<string, Digest>();
  for (const { value } of documents) {
    const { source } = value.spec;
    const name = nameOfSource(source);
    const digest = (source.https ?? source.oci)?.digest;
    if (name !== undefined && digest !== undefined) pins.set(name, digest as Digest);
  }
  return pins;
}

export function sourceProblems(document: ParsedDocument<'Component'>, pins: Pins): readonly Diagnostic[] {
  const { source } = document.value.spec;
  const name = nameOfSource(source);
  const which = source.https ? 'https' : 'oci';
  const problems: Diagnostic[] = [];
  const why = source.https && whyNotAllowed(source.https.url);
  if (why) {
    problems.push(
      atValue(document, '/spec/source/https/url', 'HW2401', `the address of the artifact is not allowed: ${why}`),
    );
  } else if (name !== undefined && source[which]?.digest === undefined) {
    const known = pins.get(name);
    const remedy = known && `write \`digest: ${known}\`, as another document does; or run \`headway lock\``;
    const message = `${name} has no digest, and may lead to something else tomorrow`;
    problems.push(atKey(document, `/spec/source/${which}`, 'HW2441', message, remedy));
  }
  return problems;
}

/** Credentials in an address would be in git; a fragment is never sent; neither is ever meant. */
function whyNotAllowed(address: string): string | undefined {
  const url = URL.parse(address);
  if (!url) return 'it is not a URL';
  if (url.username !== '' || url.password !== '') return 'it holds credentials';
  return address.includes('#') ? 'it has a fragment' : undefined;
}
