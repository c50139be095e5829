import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { BundleIndex } from '../../src/component/bundle-index.ts';
import { isIntact, withDigest } from '../../src/component/bundle.ts';
import { POOL_LIMITS, type Components } from '../../src/component/components.ts';
import type { Digest } from '../../src/kit/digest.ts';
import type { Member } from '../../src/model/component.ts';
import type { Bundle } from '../../src/model/engine.ts';
import { contentPath } from '../../src/model/content.ts';
import { example, fromText, memberOf, MIB, openWorkshop, silent, type Workshop } from './support.ts';

let workshop: Workshop | undefined;
afterEach(() => workshop?.close());
/** No child can do a job with it: whatever answers comes from the cache. */
const NO_TIME = { deadlineMs: 1 };
const ENOUGH_TIME = { deadlineMs: POOL_LIMITS.deadlineMs, startDeadlineMs: POOL_LIMITS.startDeadlineMs };

function open(options: Parameters<typeof openWorkshop>[0] = {}): Workshop {
  workshop = openWorkshop(options);
  return workshop;
}

async function bundleOf(components: Components, member: Member): Promise<Bundle> {
  const result = await components.prepare(member);
  if (!result.ok) throw new Error(`${result.error.code} ${result.error.message}`);
  return result.value;
}

const fileOf = ({ folder }: Workshop, digest: Digest): string => path.join(folder, 'store', contentPath(digest));

describe('prepare', () => {
  test('a bundle says what it holds, its files are in the content store, its digest covers all of it', async () => {
    const { put, artifacts, components } = open();
    const artifact = await put(example('greeting-v1'));
    const bundle = await bundleOf(components, memberOf(artifact));
    expect(bundle).toMatchObject({
      artifact,
      tier: 'fast',
      imports: ['wasi:io/error@0.2.12', 'wasi:io/streams@0.2.12', 'wasi:http/types@0.2.12'],
      exports: ['wasi:http/incoming-handler@0.2.12'],
      blockingExports: ['wasi:http/incoming-handler@0.2.12#handle'],
      initialMemoryBytes: 4 * 65_536,
      memories: [{ initialBytes: 4 * 65_536, maximumBytes: 64 * MIB }],
    });
    expect(bundle.toolchain).toMatch(/^jco-transpile 0\.15\.0, acorn [0-9.]+, astring [0-9.]+, headway [0-9a-f]{12}$/);
    for (const file of bundle.files) {
      const read = await artifacts.read(file.digest);
      expect(read.ok && read.value.byteLength).toBe(file.bytes);
    }
    expect(isIntact(bundle)).toBe(true);
    expect(isIntact({ ...bundle, blockingExports: [] })).toBe(false);
  });

  test('what of a linked import can block is part of the bundle, and of the name that it is cached under', async () => {
    const { put, components } = open();
    const links = [{ import: 'shop:tax/rates@0.1.0', component: 'shop/tax' as const, mode: 'Inline' as const }];
    const member = memberOf(await put(example('checkout')), { links });
    const blocking = ['shop:tax/rates@0.1.0#rate'];
    const plain = await bundleOf(components, member);
    const suspending = await components.prepare(member, blocking);
    if (!suspending.ok) throw new Error(suspending.error.message);
    expect([plain.tier, suspending.value.tier]).toEqual(['fast', 'fast']);
    expect(suspending.value.digest).not.toBe(plain.digest);
    const { artifact, limits } = member;
    expect(await components.cached(artifact, limits.memoryBytes, [])).toEqual(plain);
    expect(await components.cached(artifact, limits.memoryBytes, blocking)).toEqual(suspending.value);
    expect(await components.cached(artifact, limits.memoryBytes, ['shop:tax/rates@0.1.0#other'])).toBeUndefined();
    expect(await components.cached(artifact)).toBeDefined();
  });

  test('I13: the same component gives the same bundle, in another child and under another name', async () => {
    const { put, components, again } = open();
    const member = memberOf(await put(example('greeting-js')));
    const first = await bundleOf(components, member);
    const other = openWorkshop();
    try {
      const artifact = await other.put(example('greeting-js'));
      // A job before it, so that the child is not in the same state either.
      await bundleOf(other.components, memberOf(await other.put(example('testbed-records'))));
      expect(await bundleOf(other.components, memberOf(artifact, { key: 'shop/other' }))).toEqual(first);
    } finally {
      other.close();
    }
    expect(await bundleOf(again(), member)).toEqual(first);
  });

  test('the memory limit is part of the bundle', async () => {
    const { put, components } = open();
    const artifact = await put(example('testbed-records'));
    const [small, large] = [1 * MIB, 2 * MIB];
    const one = await bundleOf(components, memberOf(artifact, { memoryBytes: small }));
    const two = await bundleOf(components, memberOf(artifact, { memoryBytes: large }));
    expect(one.digest).not.toBe(two.digest);
    expect(await components.cached(artifact, small)).toEqual(one);
    expect(await components.cached(artifact, large)).toEqual(two);
    expect(await components.cached(artifact, 3 * MIB)).toBeUndefined();
    expect(await components.cached(artifact)).toBeDefined();
  });

  test('those who ask at the same time get the same answer of one preparation', async () => {
    const { put, components } = open();
    const member = memberOf(await put(example('testbed-records')));
    const bundles = await Promise.all([1, 2, 3].map(() => bundleOf(components, member)));
    expect(new Set(bundles).size).toBe(1);
  });

  test('what is refused is refused for good', async () => {
    const { put, components } = open();
    const cases: [string, Uint8Array][] = [
      ['HW2101', await fromText('(module)')],
      ['HW2101', new TextEncoder().encode('#!/bin/sh')],
      ['HW2111', example('greeting-ungranted')],
      ['HW2201', await fromText('(component (core module (func (call 99))))')],
    ];
    for (const [code, bytes] of cases) {
      const result = await components.prepare(memberOf(await put(bytes)));
      expect(result).toMatchObject({ ok: false, error: { code, policy: 'Terminal' } });
    }
  });

  test('an artifact that is not in the store is the store’s problem', async () => {
    const { components } = open();
    const absent: Digest = `sha256:${'0'.repeat(64)}`;
    expect(await components.prepare(memberOf(absent))).toMatchObject({ ok: false, error: { code: 'HW2005' } });
  });
});

describe('the cache', () => {
  test('after a restart the bundle comes from local disk, without a child', async () => {
    const { put, components, again } = open();
    const member = memberOf(await put(example('testbed-records')));
    const bundle = await bundleOf(components, member);
    const restarted = again({ limits: NO_TIME });
    expect(await bundleOf(restarted, member)).toEqual(bundle);
    expect(await restarted.cached(member.artifact)).toEqual(bundle);
  });

  test('what is cached is held against the grants each time', async () => {
    const { put, components } = open();
    const artifact = await put(example('greeting-ungranted'));
    const capabilities = [{ name: 'api', capability: 'outboundHttp', settings: {}, enforcement: 'Enforce' as const }];
    expect(await components.prepare(memberOf(artifact, { capabilities }))).toMatchObject({ ok: true });
    expect(await components.prepare(memberOf(artifact))).toMatchObject({ ok: false, error: { code: 'HW2111' } });
  });

  test('a bundle with a file missing is no bundle: it is made again, the same', async () => {
    const opened = open();
    const member = memberOf(await opened.put(example('testbed-records')));
    const bundle = await bundleOf(opened.components, member);
    rmSync(fileOf(opened, bundle.files[1]!.digest));
    expect(await opened.components.cached(member.artifact)).toBeUndefined();
    expect(await bundleOf(opened.components, member)).toEqual(bundle);
    expect(await opened.components.cached(member.artifact)).toEqual(bundle);
  });

  test('a bundle with a damaged file is no bundle either: it is made again, and its file is whole again', async () => {
    const opened = open();
    const member = memberOf(await opened.put(example('testbed-records')));
    const bundle = await bundleOf(opened.components, member);
    const file = fileOf(opened, bundle.files[0]!.digest);
    const whole = readFileSync(file);
    writeFileSync(file, Buffer.from(whole).fill(0, 10, 11));
    expect(await opened.components.cached(member.artifact)).toBeUndefined();
    expect(await bundleOf(opened.components, member)).toEqual(bundle);
    expect(readFileSync(file).equals(whole)).toBe(true);
  });

  test('an index entry that is not intact is dropped at the start', async () => {
    const { folder, put, components } = open();
    const member = memberOf(await put(example('testbed-records')));
    await bundleOf(components, member);
    const index = path.join(folder, 'components', 'index');
    const [name] = readdirSync(index);
    const file = path.join(index, name!);
    const intact = readFileSync(file, 'utf8');
    const damages: [string, string][] = [
      ['cut', intact.slice(0, 100)],
      ['another file', intact.replace('component.core.wasm', 'component.core9.wasm')],
      ['another artifact', intact.replaceAll(/"artifact":"sha256:.{5}/g, '"artifact":"sha256:00000')],
      ['another toolchain', intact.replace('jco-transpile 0', 'jco-transpile 1')],
      ['empty', ''],
    ];
    const remembered = (): number => new BundleIndex(index, silent).of(member.artifact).length;
    for (const [what, text] of damages) {
      writeFileSync(file, text);
      expect(text, what).not.toBe(intact);
      expect(remembered(), what).toBe(0);
      expect(readdirSync(index), what).toEqual([]);
    }
    writeFileSync(file, intact);
    expect(remembered()).toBe(1);
  });

  test('a bundle that is pinned is found by its digest, whole or not at all, whatever the toolchain', async () => {
    const { put, again, components } = open();
    const artifact = await put(example('testbed-records'));
    const old = await bundleOf(components, memberOf(artifact));
    const upgraded = again({ toolchain: 'jco-transpile 99' });
    await bundleOf(upgraded, memberOf(artifact));
    expect(upgraded.toolchain).toBe('jco-transpile 99');
    expect(await upgraded.pinned(old.digest)).toEqual(old);
    rmSync(fileOf(workshop!, old.files[0]!.digest));
    expect(await upgraded.pinned(old.digest)).toBeUndefined();
    expect(await upgraded.pinned(`sha256:${'0'.repeat(64)}`)).toBeUndefined();
  });

  test('another toolchain makes its own bundle; the old one is there until then', async () => {
    const { put, components, again } = open();
    const member = memberOf(await put(example('testbed-records')));
    const old = await bundleOf(components, member);
    const upgraded = again({ toolchain: 'jco-transpile 99' });
    expect(await upgraded.cached(member.artifact)).toEqual(old);
    const made = await bundleOf(upgraded, member);
    expect(made.toolchain).toBe('jco-transpile 99');
    expect(await upgraded.cached(member.artifact)).toEqual(made);
    expect(await again().cached(member.artifact)).toEqual(old);
  });
});

describe('a component that takes its child with it', () => {
  test('is tried twice and then refused, restarts included, until the toolchain changes', async () => {
    const { put, components, again } = open({ limits: NO_TIME });
    const member = memberOf(await put(example('testbed-records')));
    expect(await components.prepare(member)).toMatchObject({ ok: false, error: { code: 'HW2202', policy: 'Retry' } });
    expect(await again({ limits: NO_TIME }).prepare(member)).toMatchObject({
      ok: false,
      error: { code: 'HW2203', policy: 'Terminal' },
    });
    // Time would do now, and is not given.
    expect(await again({ limits: ENOUGH_TIME }).prepare(member)).toMatchObject({
      ok: false,
      error: { code: 'HW2203' },
    });
    expect(await again({ limits: ENOUGH_TIME, toolchain: 'jco-transpile 99' }).prepare(member)).toMatchObject({
      ok: true,
    });
  });

  test('harms no other', async () => {
    const { put, again } = open({ limits: NO_TIME });
    const lethal = memberOf(await put(example('greeting-js')));
    const other = memberOf(await put(example('testbed-records')));
    expect(await again().prepare(lethal)).toMatchObject({ ok: false, error: { code: 'HW2202' } });
    expect(await again({ limits: ENOUGH_TIME }).prepare(other)).toMatchObject({ ok: true });
  });

  test('memory: the child is ended at its limit, the daemon is not', async () => {
    // Less than the transpiler needs for a megabyte of QuickJS.
    const { put, components } = open({ limits: { growthBytes: 4 * MIB } });
    const result = await components.prepare(memberOf(await put(example('greeting-js'))));
    expect(result).toMatchObject({ ok: false, error: { code: 'HW2202' } });
  });

  test('success forgives an earlier death', async () => {
    const { put, components, again } = open({ limits: NO_TIME });
    const member = memberOf(await put(example('testbed-records')));
    expect(await components.prepare(member)).toMatchObject({ ok: false, error: { code: 'HW2202' } });
    const roomy = again({ limits: ENOUGH_TIME });
    const bundle = await bundleOf(roomy, member);
    rmSync(fileOf(workshop!, bundle.files[0]!.digest));
    expect(await again({ limits: NO_TIME }).prepare(member)).toMatchObject({ ok: false, error: { code: 'HW2202' } });
  });
});

describe('children', () => {
  test('are warm ahead of the first job, and gone after close', async () => {
    const { components, put } = open();
    expect(await components.ready()).toBe(true);
    const member = memberOf(await put(example('greeting-js')));
    const answer = components.prepare(member);
    await new Promise((resolve) => void setImmediate(resolve));
    components.close();
    expect(await answer).toMatchObject({ ok: false, error: { code: 'HW2205', policy: 'Retry' } });
    expect(await components.prepare(member)).toMatchObject({ ok: false, error: { code: 'HW2205' } });
  });

  test('a child that cannot start is said so, and does not count against the component', async () => {
    const { put, components, again } = open({ limits: { startDeadlineMs: 1 } });
    const member = memberOf(await put(example('testbed-records')));
    for (let round = 0; round < 3; round += 1) {
      expect(await components.prepare(member)).toMatchObject({ ok: false, error: { code: 'HW2205' } });
    }
    expect(await again({ limits: ENOUGH_TIME }).prepare(member)).toMatchObject({ ok: true });
  });
});

describe('the reason why a component is not fast', () => {
  test.each(['greeting-v1', 'greeting-js'])('is part of the bundle, and of its digest: %s', async (name) => {
    const { put, components, again } = open();
    const member = memberOf(await put(example(name)));
    const bundle = await bundleOf(components, member);
    if (bundle.tier === 'fast') expect(bundle).not.toHaveProperty('tierReason');
    else {
      expect(bundle.tierReason).toMatch(/^[ -~]{10,300}$/);
      expect(isIntact({ ...bundle, tierReason: 'another' })).toBe(false);
    }
    // The same in another child: it follows from bytes and tools alone.
    expect((await bundleOf(again({ toolchain: 'other' }), member)).tierReason).toBe(bundle.tierReason);
  });
});

describe('collect', () => {
  test('keeps the present toolchain and the one before it, and of older ones what is pinned', async () => {
    const { folder, put, components } = open();
    const bundle = await bundleOf(components, memberOf(await put(example('testbed-records'))));
    const index = new BundleIndex(path.join(folder, 'versions'), silent);
    const { digest: _digest, ...content } = bundle;
    const versions = ['t1', 't2', 't3', 't4'].map((toolchain, madeMs) => ({
      key: { artifact: bundle.artifact, memoryBytes: MIB, toolchain },
      madeMs,
      bundle: withDigest({ ...content, toolchain }),
    }));
    for (const version of versions) index.set(version);
    const left = (): string[] => index.of(bundle.artifact).map(({ key }) => key.toolchain);
    index.collect(new Set([bundle.artifact, versions[0]!.bundle.digest]), 0, 't4');
    expect(left()).toEqual(['t4', 't3', 't1']);
    // A daemon that went back to an older version: what it has now is the present one.
    index.collect(new Set([bundle.artifact]), 0, 't1');
    expect(left()).toEqual(['t4', 't1']);
    expect(index.byDigest(versions[0]!.bundle.digest)).toEqual(versions[0]!.bundle);
    expect(index.byDigest(versions[1]!.bundle.digest)).toBeUndefined();
  });

  test('forgets the oldest beyond the cap, and nothing that is kept by artifact or by bundle', async () => {
    const { folder, put, components } = open();
    const bundle = await bundleOf(components, memberOf(await put(example('testbed-records'))));
    const index = new BundleIndex(path.join(folder, 'many'), silent);
    const digests = Array.from({ length: 5 }, (_, at): Digest => `sha256:${String(at).repeat(64)}`);
    const entries = digests.map((artifact, madeMs) => {
      const { digest: _digest, ...content } = { ...bundle, artifact };
      return { key: { artifact, memoryBytes: MIB, toolchain: bundle.toolchain }, madeMs, bundle: withDigest(content) };
    });
    for (const entry of entries) index.set(entry);
    index.collect(new Set([digests[0]!, entries[1]!.bundle.digest]), 1, bundle.toolchain);
    const left = (from: BundleIndex): boolean[] => digests.map((artifact) => from.of(artifact).length > 0);
    expect(left(index)).toEqual([true, true, false, false, true]);
    expect(left(new BundleIndex(path.join(folder, 'many'), silent))).toEqual(left(index));
  });

  test('forgets nothing that is kept', async () => {
    const { put, components } = open();
    const artifact = await put(example('testbed-records'));
    const bundle = await bundleOf(components, memberOf(artifact));
    await components.collect(new Set([bundle.digest]));
    expect(await components.cached(artifact)).toEqual(bundle);
  });
});
