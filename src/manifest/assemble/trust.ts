import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Signer, TrustSettings } from '../../model/trust.ts';
import type { Environment, Signer as SignerSpec, Trust } from '../generated/environment.ts';
import { milliseconds } from '../quantity.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue, duplicateNames } from './assembly.ts';
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
  const problems = [...duplicateNames(document, '/spec/trust/signers', trust.signers)];
  const names = new Set(trust.signers.map(({ name }) => name));
  for (const [index, { validAfter, validBefore }] of trust.signers.entries()) {
    for (const [field, time] of Object.entries({ validAfter, validBefore })) {
      if (time !== undefined && Number.isNaN(Date.parse(time))) {
        const message = `there is no time "${time}"`;
        problems.push(atValue(document, `/spec/trust/signers/${index}/${field}`, 'HW1017', message));
      }
    }
  }
  for (const [index, { path, signers, threshold = 1 }] of (trust.paths ?? []).entries()) {
    const at = `/spec/trust/paths/${index}`;
    for (const [place, name] of signers.entries()) {
      if (names.has(name)) continue;
      problems.push(atValue(document, `${at}/signers/${place}`, 'HW1023', `there is no signer "${name}"`));
    }
    if (threshold > signers.length) {
      const message = `${path} asks for ${threshold} of ${signers.length} signers: nobody could change it any more`;
      problems.push(atValue(document, `${at}/threshold`, 'HW1027', message));
    }
  }
  return problems;
}
