import { describe, expect, it } from 'vitest';
import { judgeTrust, type Candidates, type NewCommit } from '../../src/decide/trust.ts';
import type { TrustSettings } from '../../src/model/trust.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const DAY = 86_400_000;
const signer = (name: string, more = {}) => ({ name, type: 'ssh' as const, key: `ssh-ed25519 ${name}`, ...more });
const commit = (id: string, by?: string, timeMs = NOW): NewCommit => ({
  commit: id.repeat(40).slice(0, 40),
  timeMs,
  ...(by ? { signedBy: { signer: by, fingerprint: `SHA256:${by}` } } : {}),
});
const trust = (more: Partial<TrustSettings> = {}): TrustSettings => ({
  mode: 'All',
  signers: [signer('ada'), signer('bob')],
  revoked: [],
  paths: [],
  ...more,
});
const history = (...commits: readonly NewCommit[]): Candidates => ({
  head: commits[0]!,
  commits,
  touching: new Map(),
});
const touching = (candidates: Candidates, ...changed: readonly NewCommit[]): Candidates => ({
  ...candidates,
  touching: new Map([['platform', changed.map((one) => one.commit)]]),
});
const PLATFORM = { path: 'platform', signers: ['ada', 'bob'], threshold: 2 };

describe('may a head be followed', () => {
  it.each<readonly [string, TrustSettings, Candidates, RegExp | undefined]>([
    ['Off: by anybody', trust({ mode: 'Off' }), history(commit('a')), undefined],
    ['Head: signed', trust({ mode: 'Head' }), history(commit('a', 'ada')), undefined],
    [
      'Head: what came before it may be unsigned',
      trust({ mode: 'Head' }),
      history(commit('a', 'ada'), commit('b')),
      undefined,
    ],
    [
      'Head: unsigned',
      trust({ mode: 'Head' }),
      history(commit('a')),
      /commit a{12} is not trusted: it has no signature/,
    ],
    ['All: every one', trust(), history(commit('a', 'ada'), commit('b', 'bob')), undefined],
    ['All: one is unsigned', trust(), history(commit('a', 'ada'), commit('b')), /commit b{12} .*no signature/],
    ['a name that is not listed', trust(), history(commit('a', 'eve')), /no signature by anybody who is listed/],
    [
      'a key that is revoked',
      trust({ revoked: ['sha256:ADA'] }),
      history(commit('a', 'ada')),
      /the key of ada \(SHA256:ada\) is revoked/,
    ],
    [
      'a key that has ended',
      trust({ signers: [signer('ada', { validBeforeMs: NOW })] }),
      history(commit('a', 'ada')),
      /the key of ada ended at 2026-06-01/,
    ],
    [
      'a key that has ended, with an old date written into the commit',
      trust({ signers: [signer('ada', { validBeforeMs: NOW })] }),
      history(commit('a', 'ada', NOW - 365 * DAY)),
      /the key of ada ended/,
    ],
    [
      'a key that ends in a moment',
      trust({ signers: [signer('ada', { validBeforeMs: NOW + 1 })] }),
      history(commit('a', 'ada')),
      undefined,
    ],
    [
      'a key that was not yet valid',
      trust({ signers: [signer('ada', { validAfterMs: NOW })] }),
      history(commit('a', 'ada', NOW - 1)),
      /before the key of ada is valid/,
    ],
    [
      'a key that just became valid',
      trust({ signers: [signer('ada', { validAfterMs: NOW })] }),
      history(commit('a', 'ada', NOW)),
      undefined,
    ],
    ['a date at the edge', trust({ maxAgeMs: DAY }), history(commit('a', 'ada', NOW - DAY)), undefined],
    [
      'a date that is too old',
      trust({ maxAgeMs: DAY }),
      history(commit('a', 'ada', NOW - DAY - 1)),
      /more than 24h from now/,
    ],
    [
      'a date in the future',
      trust({ maxAgeMs: DAY }),
      history(commit('a', 'ada', NOW + DAY + 1)),
      /more than 24h from now/,
    ],
  ])('%s', (_name, settings, candidates, said) => {
    const refused = judgeTrust(settings, candidates, NOW);
    if (said) expect(refused).toMatchObject({ code: 'HW6012', message: expect.stringMatching(said) as string });
    else expect(refused).toBeUndefined();
  });
});

describe('who may change a path', () => {
  const settings = trust({ mode: 'Head', signers: [signer('ada'), signer('bob'), signer('eve')], paths: [PLATFORM] });
  const [head, change] = [commit('a', 'ada'), commit('b', 'bob')];

  it.each<readonly [string, Candidates, RegExp | undefined]>([
    ['nobody did', touching(history(commit('a', 'eve'))), undefined],
    ['one commits, the other merges', touching(history(head, change), change), undefined],
    ['two changed it', touching(history(commit('e', 'eve'), head, change), head, change), undefined],
    ['one alone', touching(history(head), head), /changes platform is signed by ada; it takes 2 of ada, bob/],
    [
      'the same one twice',
      touching(history(head, commit('b', 'ada')), commit('b', 'ada')),
      /signed by ada; it takes 2/,
    ],
    ['merged by somebody else', touching(history(commit('a', 'eve'), change), change), /signed by bob; it takes 2/],
    [
      'changed by somebody else',
      touching(history(head, commit('b', 'eve')), commit('b', 'eve')),
      /eve is not among those who may: ada, bob/,
    ],
    [
      'changed without a signature',
      touching(history(head, commit('b')), commit('b')),
      /it changes platform, and it has no signature/,
    ],
  ])('%s', (_name, candidates, said) => {
    const refused = judgeTrust(settings, candidates, NOW);
    if (said) expect(refused?.message).toMatch(said);
    else expect(refused).toBeUndefined();
  });
});
