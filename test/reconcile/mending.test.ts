import { describe, expect, it } from 'vitest';
import type { ReconcilerPorts } from '../../src/reconcile/ports.ts';
import { problem, type Problem } from '../../src/model/problem.ts';
import { err, ok } from '../../src/kit/result.ts';
import type { Digest } from '../../src/kit/digest.ts';
import { createMending } from '../../src/reconcile/mending.ts';
import type { ArtifactPort, GitPort, SupplyPort } from '../../src/reconcile/ports.ts';
import { keepingLog } from '../support/log.ts';
import { Bench } from './bench.ts';

/** Preparing needs the bytes, as it really does; the simulator's own port makes bundles of nothing. */
function needsBytes(bench: Bench, code: Problem['code'] = 'HW2005') {
  return (ports: ReconcilerPorts): Partial<ReconcilerPorts> => ({
    components: {
      ...ports.components,
      prepare: (member) =>
        bench.outside.store.has(member.artifact)
          ? ports.components.prepare(member)
          : Promise.resolve(err(problem(code, `${member.artifact} is away`))),
    },
  });
}

/** The disk loses all artifacts and bundles, the engine its replicas, and the server is gone. */
function loseDisk(bench: Bench): void {
  bench.outside.store.clear();
  bench.outside.bundles.clear();
  bench.outside.gitDown = true;
  bench.outside.engine.restart();
}

const artifactsOf = (bench: Bench): string[] => [...bench.outside.store.values()].toSorted();

describe('lost artifacts', () => {
  it.each(['HW2003', 'HW2005'] as const)(
    'of what serves are stored again after %s, without a network',
    async (code) => {
      const bench = new Bench();
      bench.push({ cart: { content: 'good-1' } });
      bench.boot(needsBytes(bench, code));
      await bench.until(() => bench.isProven('cart'));
      loseDisk(bench);
      bench.boot(needsBytes(bench, code));
      await bench.until(() => bench.status.ready && bench.outside.store.size > 0);
      expect(artifactsOf(bench)).toEqual(['good-1']);
      await bench.until(() => bench.outside.engine.observed().replicas.some(({ phase }) => phase === 'Ready'));
      expect(bench.status.source.condition).toMatchObject({ reason: 'SourceUnavailable' });
    },
  );

  it('of releases that the accepted commit no longer has come from the commit of each release', async () => {
    const bench = new Bench();
    bench.push({ cart: { content: 'good-1' } });
    bench.boot(needsBytes(bench));
    await bench.until(() => bench.isProven('cart'));
    bench.push({ cart: { content: 'good-2' } });
    await bench.until(() => bench.serves('cart') === 'good-2' && bench.isProven('cart'));
    loseDisk(bench);
    bench.boot(needsBytes(bench));
    await bench.until(() => bench.outside.store.size === 2);
    expect(artifactsOf(bench)).toEqual(['good-1', 'good-2']);
  });

  it('of a candidate are stored again, and its preparation goes on', async () => {
    const bench = new Bench();
    let lost = false;
    bench.boot((ports) => ({
      ...needsBytes(bench)(ports),
      artifacts: {
        ...ports.artifacts,
        put: async (bytes) => {
          const put = await ports.artifacts.put(bytes);
          if (!lost) bench.outside.store.clear();
          lost = true;
          return put;
        },
      },
    }));
    bench.push({ cart: { content: 'good-1' } });
    await bench.until(() => bench.isProven('cart'));
    expect([lost, artifactsOf(bench)]).toEqual([true, ['good-1']]);
  });

  it('whose bytes git no longer has are looked for at each failure and replaced by nothing else', async () => {
    const bench = new Bench();
    bench.push({ cart: { content: 'good-1' } });
    bench.boot(needsBytes(bench));
    await bench.until(() => bench.isProven('cart'));
    loseDisk(bench);
    bench.boot((ports) => ({
      ...needsBytes(bench)(ports),
      git: {
        ...ports.git,
        blobs: async (oids) => {
          const blobs = await ports.git.blobs(oids);
          return blobs.ok ? { ok: true, value: new Map(oids.map((oid) => [oid, Buffer.from('other')])) } : blobs;
        },
      },
    }));
    await bench.run(20_000);
    expect(bench.calls).toContain('git.blobs');
    expect(artifactsOf(bench)).toEqual([]);
  });
});

describe('lost artifacts that git never held', () => {
  it('are fetched again, whatever a server beside theirs does', async () => {
    const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
    const store = new Set<Digest>([digest('c')]);
    const asked: Digest[] = [];
    const supply = {
      parts: ({ artifact }: { readonly artifact: Digest }) => Promise.resolve([artifact]),
      fetch: ({ artifact }: { readonly artifact: Digest }) => {
        asked.push(artifact);
        if (artifact === digest('a')) return Promise.resolve(err(problem('HW2402', 'away')));
        store.add(artifact);
        return Promise.resolve(ok(undefined));
      },
    } as unknown as SupplyPort;
    const artifacts = { has: (one: Digest) => Promise.resolve(store.has(one)) } as unknown as ArtifactPort;
    const origins = ['a', 'b', 'c'].map((letter) => {
      const artifact = digest(letter);
      return { artifact, commit: 'x', source: { type: 'https', url: 'https://a.example/', digest: artifact } as const };
    });
    let mended = 0;
    const mending = createMending(
      { git: {} as GitPort, artifacts, supply },
      { origins: () => origins, mended: () => (mended += 1), log: keepingLog().log },
    );
    mending.note(problem('HW2005', 'lost'));
    await mending.stop();
    expect([asked, mended, store.has(digest('b'))]).toEqual([[digest('a'), digest('b')], 1, true]);
  });
});
