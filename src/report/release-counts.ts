/** What the engine counted of each release, as the metrics label it. */
import { short } from '../kit/digest.ts';
import type { Counters, ReleaseSamples } from '../model/engine.ts';

export function entryOf(group: string): string {
  return group.slice(0, group.lastIndexOf('@'));
}

interface ArmCounts {
  readonly labels: {
    readonly entry: string;
    readonly release: string;
    readonly traffic: 'real' | 'synthetic' | 'preview' | 'mirrored';
  };
  readonly counts: Counters;
}

export function arms(samples: readonly ReleaseSamples[]): readonly ArmCounts[] {
  return samples.flatMap(({ group, release, traffic, synthetic, preview, mirrored }) => {
    const labels = { entry: entryOf(group), release: short(release) };
    return [
      { labels: { ...labels, traffic: 'real' as const }, counts: traffic },
      { labels: { ...labels, traffic: 'synthetic' as const }, counts: synthetic },
      ...(preview ? [{ labels: { ...labels, traffic: 'preview' as const }, counts: preview }] : []),
      ...(mirrored ? [{ labels: { ...labels, traffic: 'mirrored' as const }, counts: mirrored }] : []),
    ];
  });
}

export function outcomesOf(counts: Counters): readonly (readonly [string, number])[] {
  return [
    ['good', Math.max(0, counts.requests - counts.failures - counts.status4xx)],
    ['client_error', counts.status4xx],
    ['failure', counts.failures],
    ['client_abort', counts.clientAborts],
    ['overload', counts.overloads],
  ];
}
