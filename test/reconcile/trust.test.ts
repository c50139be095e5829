import { describe, expect, it } from 'vitest';
import { ok } from '../../src/kit/result.ts';
import type { SignedBy, TrustSettings } from '../../src/model/trust.ts';
import { judgeCommits } from '../../src/reconcile/trust.ts';
import type { GitPort } from '../../src/reconcile/ports.ts';
import { Bench } from './bench.ts';

const ada: SignedBy = { signer: 'ada', fingerprint: 'SHA256:ada' };
const eve: SignedBy = { signer: 'eve', fingerprint: 'SHA256:eve' };

function trust(mode: TrustSettings['mode'], people: readonly SignedBy[], more: Partial<TrustSettings> = {}) {
  const signers = people.map(({ signer }) => ({ name: signer, type: 'ssh' as const, key: `key of ${signer}` }));
  return { mode, signers, revoked: [], paths: [], ...more } satisfies TrustSettings;
}

/** A control whose git verifies what `signed` says, under settings of the host and of each Environment. */
function trusting(host: TrustSettings | undefined, environment: TrustSettings | undefined) {
  const bench = new Bench();
  const signed = new Map<string, SignedBy>();
  const boot = () =>
    bench.boot(
      ({ git, manifest }) => ({
        git: {
          ...git,
          touching: () => Promise.resolve(ok([])),
          signatures: (commits, signers) => {
            const names = new Set(signers.map(({ name }) => name));
            const found = [...signed].filter(([commit, by]) => commits.includes(commit) && names.has(by.signer));
            return Promise.resolve(ok(new Map(found)));
          },
        },
        manifest: {
          ...manifest,
          assemble: (...args) => {
            const desired = manifest.assemble(...args);
            return environment ? { ...desired, environment: { ...desired.environment, trust: environment } } : desired;
          },
        },
      }),
      host ? { trust: host } : {},
    );
  const push = (content: string, by?: SignedBy): string => {
    const commit = bench.push({ cart: { content } });
    if (by) signed.set(commit, by);
    return commit;
  };
  return { bench, boot, push };
}

describe('whose settings judge a commit', () => {
  it('those of the host judge the first commit too', async () => {
    const { bench, boot, push } = trusting(trust('Head', [ada]), undefined);
    push('good-1');
    boot();
    await bench.run(3_000);
    expect([bench.status.source.condition.reason, bench.status.source.acceptedCommit]).toEqual(['Unsigned', undefined]);
    const signed = push('good-1', ada);
    await bench.until(() => bench.isProven('cart'));
    expect(bench.status.source).toMatchObject({ acceptedCommit: signed, trust: { by: 'Host', mode: 'Head' } });
  });

  it('they hold where the Environment trusts others, or somebody whose key the host has revoked', async () => {
    const host = trust('All', [ada], { revoked: [ada.fingerprint] });
    const { bench, boot, push } = trusting(host, trust('All', [ada, eve]));
    for (const by of [ada, eve]) {
      push('good-1', by);
      boot();
      await bench.run(3_000);
      expect(bench.status.source.condition.reason, by.signer).toBe('Unsigned');
    }
  });

  it('they hold where they are looser: Off is the way out when keys are lost', async () => {
    const lost = trusting(undefined, trust('All', [ada]));
    lost.push('good-1');
    lost.boot();
    await lost.bench.until(() => lost.bench.isProven('cart'));
    expect(lost.bench.status.source.trust).toEqual({ by: 'Environment', mode: 'All' });
    lost.push('good-2');
    await lost.bench.run(30_000);
    expect([lost.bench.serves('cart'), lost.bench.status.source.condition.reason]).toEqual(['good-1', 'Unsigned']);

    const found = trusting(trust('Off', [ada]), trust('All', [ada]));
    found.push('good-1');
    found.boot();
    await found.bench.until(() => found.bench.isProven('cart'));
    found.push('good-2');
    await found.bench.until(() => found.bench.serves('cart') === 'good-2');
    expect(found.bench.status.source.trust).toEqual({ by: 'Host', mode: 'Off' });
  });
});

it('a folder that several people sign for is meant in the bases too', async () => {
  const commit = (name: string) => name.repeat(40);
  const [accepted, head] = [commit('a'), commit('b')];
  const asked: string[] = [];
  const info = { commit: head, parents: [accepted], subject: 'head', author: 'ada', timeMs: 0 };
  const git = {
    between: () => Promise.resolve(ok([info])),
    touching: (_base: string, _head: string, folder: string) => {
      asked.push(folder);
      return Promise.resolve(ok(folder.startsWith('../') ? [head] : []));
    },
    signatures: () => Promise.resolve(ok(new Map([[head, ada]]))),
  } as unknown as GitPort;
  const rules = trust('Head', [ada, eve], { paths: [{ path: 'platform', signers: ['ada', 'eve'], threshold: 2 }] });
  const judged = await judgeCommits(git, rules, accepted, head, 0, ['../../base']);
  expect(asked).toEqual(['platform', '../../base/platform']);
  expect(judged).toMatchObject({ ok: true, value: { code: expect.stringMatching(/^HW60/) as string } });
  expect(await judgeCommits(git, rules, accepted, head, 0)).toEqual({ ok: true, value: undefined });
});
