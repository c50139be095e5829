/** Values of Secrets between the vault and the engine: opened for a start, and in nothing that is kept. */
import { describe, expect, it } from 'vitest';
import { err, ok } from '../../src/kit/result.ts';
import type { Member } from '../../src/model/component.ts';
import { problem } from '../../src/model/problem.ts';
import { createBundles } from '../../src/reconcile/bundles.ts';
import type { ComponentPort, SecretPort, SupplyPort } from '../../src/reconcile/ports.ts';
import { entry } from '../decide/support/desired.ts';

const VALUE = 'canary-7f3a91';
const [plain] = entry('cart').members;
const member: Member = {
  ...plain,
  env: [{ name: 'Z', value: 'z' }],
  sealed: [
    { into: 'env', name: 'TOKEN', secret: 'shop/pay', key: 'token', version: '1', encrypted: 'sealed' },
    { into: 'config', name: 'token', secret: 'shop/pay', key: 'token', version: '1', encrypted: 'sealed' },
  ],
};
const plan = { group: 'shop/cart@1', entry: 'shop/cart', revision: '1', members: [member] } as never;

function bundlesWith(secrets: SecretPort | undefined, seen: unknown[] = []) {
  const bundle = { digest: plain.artifact, imports: [], exports: [] } as never;
  const components = {
    prepare: (given: Member) => {
      seen.push(given);
      return Promise.resolve(ok(bundle));
    },
    toolchain: 'tools-1',
    cached: () => Promise.resolve(bundle),
    pinned: () => Promise.resolve(undefined),
    collect: () => Promise.resolve(),
  } satisfies ComponentPort;
  const supply = { fetch: () => Promise.resolve(ok(undefined)) } as unknown as SupplyPort;
  return createBundles({ supply, components, ...(secrets ? { secrets } : {}) }, () => undefined);
}

const vault: SecretPort = {
  open: (sealed) => Promise.resolve(ok(sealed.map(({ into, name }) => ({ into, name, value: VALUE })))),
};
const refusing: SecretPort = { open: () => Promise.resolve(err(problem('HW5100', 'not for us'))) };

async function prepared(secrets: SecretPort | undefined, seen: unknown[] = []) {
  const bundles = bundlesWith(secrets, seen);
  bundles.prepare('shop/cart@1', [member]);
  await expect.poll(() => bundles.preparations.get('shop/cart@1')?.state).toMatch(/^(Prepared|Failed)$/);
  return bundles.preparations.get('shop/cart@1');
}

describe('values of Secrets', () => {
  it('are among the others for the engine, by name, and the ciphertext is gone', async () => {
    const cell = await bundlesWith(vault).cellOf(plan);
    expect(cell).toMatchObject({
      ok: true,
      value: {
        members: [
          {
            member: {
              env: [
                { name: 'TOKEN', value: VALUE },
                { name: 'Z', value: 'z' },
              ],
              config: [{ name: 'token', value: VALUE }],
            },
            secrets: [VALUE, VALUE],
          },
        ],
      },
    });
    expect(JSON.stringify(cell)).not.toContain('sealed');
    expect(member.env).toEqual([{ name: 'Z', value: 'z' }]);
  });

  it('go without what was asked of signatures, which is no part of what runs', async () => {
    const signatures = [{ policy: 'p', enforcement: 'Enforce' as const, keys: ['a key'], keyless: [] }];
    for (const sealed of [member.sealed, undefined]) {
      const { sealed: _, ...plain } = member;
      const asked = { ...plain, ...(sealed ? { sealed } : {}), signatures };
      const cell = await bundlesWith(vault).cellOf({ ...(plan as object), members: [asked] } as never);
      expect(cell.ok).toBe(true);
      expect(JSON.stringify(cell)).not.toContain('a key');
    }
  });

  it('are opened before anything moves: what cannot be opened fails its preparation, and waits', async () => {
    expect(await prepared(refusing)).toMatchObject({ state: 'Failed', problem: { code: 'HW5100', policy: 'Waiting' } });
    expect(await prepared(undefined)).toMatchObject({ state: 'Failed', problem: { code: 'HW5100' } });
  });

  it('are in nothing that a preparation is made of or leaves behind', async () => {
    const seen: unknown[] = [];
    const left = await prepared(vault, seen);
    expect(left).toEqual({ state: 'Prepared' });
    expect(JSON.stringify([left, seen])).not.toContain(VALUE);
  });

  it('a start without them is refused with the reason', async () => {
    expect(await bundlesWith(refusing).cellOf(plan)).toMatchObject({ ok: false, error: { code: 'HW5100' } });
  });
});
