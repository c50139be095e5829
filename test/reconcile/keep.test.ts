import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/kit/digest.ts';
import type { Memory } from '../../src/model/memory.ts';
import { digestsInUse, membersInUse, pinnedBundles } from '../../src/reconcile/keep.ts';
import type { ComponentPort, SupplyPort } from '../../src/reconcile/ports.ts';
import { desired, entry } from '../decide/support/desired.ts';
import { Fleet } from '../decide/support/fleet.ts';
import { TOOLCHAINS } from '../simulator/bundle-disk.ts';

const file = (digest: Digest): Digest => `${digest.slice(0, -4)}f11e` as Digest;

/** The disk of a fleet: every bundle has one file. */
function componentsOf(fleet: Fleet): ComponentPort {
  const withFile = <B extends { digest: Digest }>(bundle: B | undefined) =>
    bundle && { ...bundle, files: [{ name: 'component.js', digest: file(bundle.digest), bytes: 1 }] };
  return {
    toolchain: fleet.toolchain,
    cached: async (artifact) => withFile(fleet.bundles.cached(artifact, fleet.toolchain)),
    pinned: async (digest) => withFile(fleet.bundles.pinned(digest)),
    prepare: () => Promise.reject(new Error('not asked for')),
    collect: async () => undefined,
  };
}

/** An OCI artifact has its layer beside it. */
const layerOf = (digest: Digest): Digest => `${digest.slice(0, -4)}1a7e` as Digest;
const supply: Pick<SupplyPort, 'parts'> = {
  parts: async ({ artifact, source }) => (source.type === 'oci' ? [artifact, layerOf(artifact)] : [artifact]),
};

describe('what the collectors must never touch', () => {
  it('is what serves with, what the ledger can start from, and the bundles of the toolchain before', async () => {
    const cart = (content: string) => desired(content, [entry('cart', { content })]);
    const fleet = new Fleet(cart('v1')).until((f) => f.isProven('cart', 'v1'));
    fleet.push(cart('v2')).until((f) => f.isProven('cart', 'v2'));
    const [, NEW] = TOOLCHAINS;
    const old = pinnedBundles(fleet.memory);
    expect(old).toHaveLength(2);
    fleet.upgrade(NEW, 'same engine').run(30_000);
    const members = membersInUse(fleet.memory as Memory, fleet.desired);
    const keep = await digestsInUse(members, pinnedBundles(fleet.memory), componentsOf(fleet), supply);
    const renewed = fleet.bundles.cached(members[0]!.artifact, NEW)!;
    expect(renewed.toolchain).toBe(NEW);
    for (const digest of [...old, renewed.digest]) {
      expect(keep.has(digest)).toBe(true);
      expect(keep.has(file(digest))).toBe(true);
    }
    for (const { artifact } of members) expect(keep.has(artifact)).toBe(true);
  });

  it('is the layer below an OCI manifest too', async () => {
    const fleet = new Fleet(desired('a', [entry('cart')]));
    const [member] = entry('cart').members;
    const source = { type: 'oci', image: 'r.example/cart', digest: member.artifact } as const;
    const keep = await digestsInUse([{ ...member, source }], [], componentsOf(fleet), supply);
    expect([...keep]).toEqual([member.artifact, layerOf(member.artifact)]);
  });

  it('a bundle whose files are away is nothing to keep', async () => {
    const fleet = new Fleet(desired('a', [entry('cart')])).until((f) => f.isProven('cart', 'cart'));
    const pinned = pinnedBundles(fleet.memory);
    fleet.bundles.clear();
    const keep = await digestsInUse([], pinned, componentsOf(fleet), supply);
    expect([...keep]).toEqual([]);
  });
});
