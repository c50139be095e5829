import { describe, expect, it } from 'vitest';
import { Bench } from '../bench.ts';

describe('namespaces that the host has taken from a root', () => {
  it('are not its own any more: nothing of them is remembered, kept alive or shown', async () => {
    const bench = new Bench();
    bench.push({ cart: { content: 'good-1' } });
    bench.boot();
    await bench.until(() => bench.isProven('cart'));
    // The host's file is another one now: engine and control start anew with it.
    bench.boot(undefined, { namespaces: ['shop'] });
    expect(bench.serves('cart')).toBe('good-1');
    bench.boot(undefined, { namespaces: ['blog'] });
    expect([Object.keys(bench.control.memory().entries), [...bench.control.desired()!.entries.keys()]]).toEqual([
      [],
      [],
    ]);
    await bench.run(3_000);
    expect(bench.status.entries).toEqual([]);
    expect(bench.control.memory().snapshot.groups).toEqual([]);
  });
});
