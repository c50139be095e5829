import type { Code } from '../../model/codes.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Signer, TrustSettings } from '../../model/trust.ts';
import type { Environment, Signer as SignerSpec, Trust } from '../generated/environment.ts';
import { milliseconds } from '../quantity.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue } from './assembly.ts';
import { folderOf } from './tenancy.ts';

export function trustOf({ mode, signers, revoked = [], maxAge, paths = [] }: Trust): TrustSettings {
  return {
    mode,
    signers: signers.map(signerOf),
    revoked,
    ...(maxAge === undefined ? {} : { maxAgeMs: milliseconds(maxAge) }),
    paths: paths.map((path) => ({ path: folderOf(path.path), signers: path.signers, threshold: path.threshold ?? 1 })),
  };
}

function signerOf({ name, ssh, openpgp, validAfter, validBefore }: SignerSpec): Signer {
  return {
    name,
    type: ssh === undefined ? 'openpgp' : 'ssh',
    // A comment is free text, and the file of signers has other fields than a public key.
    key: ssh === undefined ? openpgp! : ssh.split(' ').slice(0, 2).join(' '),
    ...(validAfter === undefined ? {} : { validAfterMs: Date.parse(validAfter) }),
    ...(validBefore === undefined ? {} : { validBeforeMs: Date.parse(validBefore) }),
  };
}

export function trustProblems(document: ParsedDocument<'Environment'>): readonly Diagnostic[] {
  const { trust } = document.value.spec as Environment['spec'];
  if (!trust) return [];
  return trustFindings(trust, '/spec/trust', (pointer, code, message) => atValue(document, pointer, code, message));
}

/** What the schema cannot say of these settings; `found` knows the file. `at` is the pointer to them. */
export function trustFindings(
  trust: Trust,
  at: string,
  found: (pointer: string, code: Code, message: string) => Diagnostic,
): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  const names = new Set<string>();
  for (const [index, { name, validAfter, validBefore }] of trust.signers.entries()) {
    const signer = `${at}/signers/${index}`;
    if (names.has(name)) problems.push(found(`${signer}/name`, 'HW1030', `\`${name}\` is already in this list`));
    names.add(name);
    for (const [field, time] of Object.entries({ validAfter, validBefore })) {
      if (time === undefined || !Number.isNaN(Date.parse(time))) continue;
      problems.push(found(`${signer}/${field}`, 'HW1017', `there is no time "${time}"`));
    }
  }
  for (const [index, { path, signers, threshold = 1 }] of (trust.paths ?? []).entries()) {
    const place = `${at}/paths/${index}`;
    for (const [position, name] of signers.entries()) {
      if (names.has(name)) continue;
      problems.push(found(`${place}/signers/${position}`, 'HW1023', `there is no signer "${name}"`));
    }
    if (threshold > signers.length) {
      const message = `${path} asks for ${threshold} of ${signers.length} signers: nobody could change it any more`;
      problems.push(found(`${place}/threshold`, 'HW1027', message));
    }
  }
  return problems;
}
