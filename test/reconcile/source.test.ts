import { describe, expect, it } from 'vitest';
import { err, ok } from '../../src/kit/result.ts';
import { problem } from '../../src/model/problem.ts';
import { Bench } from './bench.ts';

async function started(): Promise<Bench> {
  const bench = new Bench();
  bench.push({ cart: { content: 'good-1' } });
  bench.boot();
  return bench.until(() => bench.isProven('cart'));
}

describe('the source', () => {
  it('refuses a history that does not follow, says the way out, and that way works', async () => {
    const bench = await started();
    const accepted = bench.outside.head;
    const rewritten = bench.push({ cart: { content: 'good-2' } }, '');
    await bench.run(5_000);
    const { condition } = bench.status.source;
    expect(condition).toMatchObject({ status: 'False', reason: 'NonFastForward' });
    expect(condition.message).toContain(`git merge -s ours ${accepted}`);
    expect([bench.serves('cart'), bench.status.source.headCommit]).toEqual(['good-1', rewritten]);
    bench.push({ cart: { content: 'good-2' } }, accepted);
    await bench.until(() => bench.serves('cart') === 'good-2');
  });

  it('reads a commit that cannot be used once, and the next one again', async () => {
    const bench = await started();
    bench.boot((ports) => ({
      manifest: {
        ...ports.manifest,
        parse: (files) =>
          bench.outside.head === bad
            ? Promise.resolve(err(problem('HW1001', 'the parser died')))
            : ports.manifest.parse(files),
      },
    }));
    await bench.run(3_000);
    const bad = bench.push({ cart: { content: 'good-2' } });
    bench.calls.length = 0;
    await bench.run(20_000);
    expect(bench.calls.filter((call) => call === 'manifest.parse')).toHaveLength(1);
    expect(bench.status.source.condition).toMatchObject({ reason: 'Refused' });
    bench.push({ cart: { content: 'good-3' } });
    await bench.until(() => bench.serves('cart') === 'good-3');
  });

  it('stores each artifact once, by its object id, and names the heads that it passed over', async () => {
    const bench = await started();
    bench.calls.length = 0;
    const passed = bench.push({ cart: { content: 'good-2' } });
    const head = bench.push({ cart: { content: 'good-3' } });
    await bench.until(() => bench.serves('cart') === 'good-3');
    expect(bench.calls.filter((call) => call === 'artifacts.put')).toHaveLength(1);
    expect(bench.status.commits.slice(0, 2).map(({ commit, state }) => [commit, state])).toEqual([
      [head, expect.stringMatching(/Live|Proven/)],
      [passed, 'Superseded'],
    ]);
  });

  it('deletes nothing for a repository without an environment', async () => {
    const bench = await started();
    bench.boot((ports) => ({ git: { ...ports.git, files: () => Promise.resolve(ok([])) } }));
    bench.push({});
    await bench.run(20_000);
    expect([bench.serves('cart'), bench.status.entries[0]!.conditions[0]!.reason]).toEqual(['good-1', 'PruneHeld']);
  });

  it('finds the story of a commit again that was accepted just before a crash', async () => {
    const bench = await started();
    const head = bench.push({ cart: { content: 'good-2' } });
    bench.boot((ports) => ({ journal: { ...ports.journal, write: () => err(problem('HW5023', 'dying')) } }));
    await bench.run(5_000);
    bench.boot();
    await bench.until(() => bench.serves('cart') === 'good-2');
    expect(bench.status.commits[0]).toMatchObject({ commit: head, subject: `change ${head.slice(0, 4)}` });
  });
});
