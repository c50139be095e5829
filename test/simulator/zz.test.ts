import { it } from 'vitest';
import { seeded } from '../decide/gate/random.ts';
import { historyOf, printed } from './events.ts';
import { play } from './simulation.ts';
it('plays', async () => {
  const n = Number(process.env['N'] ?? 30),
    s0 = Number(process.env['S'] ?? 1);
  const rows = new Set<number>();
  const reasons = new Set<string>();
  let failures = 0;
  const kinds: Record<string, number[]> = {};
  const t0 = performance.now();
  for (let seed = s0; seed < s0 + n; seed++) {
    const history = historyOf(seed, seeded(seed));
    const o = await play(history);
    o.rows.forEach((r) => rows.add(r));
    o.reasons.forEach((r) => reasons.add(r));
    if (o.broken) {
      failures++;
      (kinds[o.broken.message.replace(/[0-9a-f]{12,}/g, '#').slice(0, 140)] ??= []).push(seed);
      if (failures <= Number(process.env['SHOW'] ?? 1))
        console.log(printed(history) + '\n' + o.log.slice(-60).join('\n'));
    }
  }
  console.log(
    (performance.now() - t0) / n,
    'ms each',
    failures,
    'failures',
    [...rows].sort((a, b) => a - b),
    [...reasons],
    kinds,
  );
}, 600_000);
