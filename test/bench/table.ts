import type { SectionResult } from './harness.ts';

/** A section as text for a terminal: one line per subject, one per ratio and limit. */
export function renderSection(section: SectionResult): string {
  const metrics = [...new Set(section.subjects.flatMap(({ medians }) => Object.keys(medians)))];
  const header = ['', ...metrics, 'spread'];
  const rows = section.subjects.map(({ name, medians, spread }) => [
    name,
    ...metrics.map((metric) => renderNumber(medians[metric] ?? Number.NaN)),
    `${Math.round(Math.max(0, ...Object.values(spread)) * 100)} %`,
  ]);
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]!.length)));
  const lines = [header, ...rows].map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('   ')
      .trimEnd(),
  );
  const ratios = section.ratios.map((ratio) => {
    const { subject, to, metric, value, met } = ratio;
    const of = to === undefined ? '' : ` ÷ ${to}`;
    const wanted = 'atLeast' in ratio ? `≥ ${ratio.atLeast}` : `≤ ${ratio.atMost}`;
    return `${subject}${of}, ${metric}: ${renderNumber(value)}   wanted ${wanted}   ${met ? 'met' : 'MISSED'}`;
  });
  const limits = section.limits.map(
    ({ subject, value, p95AtMostMs, met }) =>
      `${subject}, p95 ms: ${renderNumber(value)}   wanted ≤ ${p95AtMostMs}   ${met ? 'met' : 'MISSED'}`,
  );
  const bounds = (section.bounds ?? []).map(({ subject, minus, metric, value, best, atMost, atLeast, met }) => {
    const wanted = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
    const of = minus === undefined ? subject : `${subject} − ${minus}`;
    const judged = minus === undefined ? `${renderNumber(value)} (best ${renderNumber(best)})` : renderNumber(value);
    return `${of}, ${metric}: ${judged}   wanted ${wanted}   ${met ? 'met' : 'MISSED'}`;
  });
  const title = `${section.title} (${section.rounds} rounds; ${section.conditions})`;
  return [title, ...lines, ...ratios, ...limits, ...bounds, ''].join('\n');
}

function renderNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
