import { isP256PublicKey } from '../../kit/public-key.ts';
import type { ArtifactSource, Member } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { PolicySettings } from '../../model/desired.ts';
import type { SignatureRule } from '../../model/signature.ts';
import type { Policy, SignatureRule as Written } from '../generated/policy.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue, type Assembly } from './assembly.ts';

export function refusePolicies(assembly: Assembly): void {
  for (const document of assembly.all('Policy')) {
    const problems = signatureProblems(document);
    if (problems.length > 0) assembly.refuse(document, problems);
  }
}

function signatureProblems(document: ParsedDocument<'Policy'>): readonly Diagnostic[] {
  const rules = document.value.spec.artifacts?.signatures ?? [];
  return rules.flatMap(({ source, keys, keyless }, index) => {
    const at = `/spec/artifacts/signatures/${index}`;
    const problems: Diagnostic[] = [];
    if (source.startsWith('path:')) {
      const message = `${source} lies in git, where no signature of an artifact is looked for`;
      problems.push(atValue(document, `${at}/source`, 'HW1160', message));
    }
    if (!keys && !keyless) {
      problems.push(atValue(document, `${at}/source`, 'HW1162', `nobody can sign for ${source}`));
    }
    for (const [number, key] of (keys ?? []).entries()) {
      if (isP256PublicKey(key)) continue;
      problems.push(atValue(document, `${at}/keys/${number}`, 'HW1161', 'this is no public key of ECDSA on P-256'));
    }
    return problems;
  });
}

export function signatureRules({ signatures }: NonNullable<Policy['spec']['artifacts']>): readonly SignatureRule[] {
  return (signatures ?? []).map(ruleOf).sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
}

function ruleOf({ source, keys = [], keyless = [] }: Written): SignatureRule {
  return {
    source,
    keys: keys.map((key) => key.trim()).sort(),
    keyless: keyless
      .map(({ issuer, subject }) => ({ issuer, subject }))
      .sort((a, b) => (`${a.issuer} ${a.subject}` < `${b.issuer} ${b.subject}` ? -1 : 1)),
  };
}

function textOf(rule: SignatureRule): string {
  return JSON.stringify(rule);
}

/** The member, and what the policies ask of its artifact. */
export function withDemands(member: Member, policies: readonly PolicySettings[]): Member {
  const signatures = policies.flatMap(({ name, enforcement, signatures: rules = [] }) =>
    rules
      .filter((rule) => isAbout(rule.source, member.source))
      .map(({ keys, keyless }) => ({
        policy: name,
        enforcement,
        keys,
        keyless,
      })),
  );
  return signatures.length === 0 ? member : { ...member, signatures };
}

/**
 * Whether a rule is about a source. It demands, so another spelling of the same address must not get around it: hosts
 * are compared as they are connected to, and of an https address nothing but the host counts.
 */
function isAbout(pattern: string, source: ArtifactSource): boolean {
  const [scheme, rest] = [pattern.slice(0, pattern.indexOf(':')), pattern.slice(pattern.indexOf(':') + 1)];
  if (scheme !== source.type) return false;
  if (rest === '*') return true;
  if (source.type === 'https') {
    const host = hostOf(URL.parse(source.url)?.host ?? '');
    return rest.startsWith('*.') ? host.endsWith(`.${hostOf(rest.slice(2))}`) : host === hostOf(rest);
  }
  if (source.type !== 'oci') return false;
  const image = imageOf(source.image);
  return rest.endsWith('/*') ? image.startsWith(imageOf(rest).slice(0, -1)) : image === imageOf(rest);
}

/** As it is connected to: numbers, letters and ports have several spellings, and a name may end in the dot of the root. */
function hostOf(text: string): string {
  return (URL.parse(`https://${text}`)?.host ?? text).replace(/\.(?=:|$)/, '');
}

/** Names of the one registry that answers to several. */
const HUB = new Set(['index.docker.io', 'registry-1.docker.io']);

function imageOf(image: string): string {
  const slash = image.indexOf('/');
  const host = hostOf(slash < 0 ? image : image.slice(0, slash));
  return `${HUB.has(host) ? 'docker.io' : host}${slash < 0 ? '' : image.slice(slash)}`;
}
