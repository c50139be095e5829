/** The table of docs/limits.md is what the program does: schema, closed list, condition, metrics and tests. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LIMIT_NAMES, LIMITS, type LimitName } from '../../src/model/limits.ts';
import { REASONS } from '../../src/model/status.ts';
import { ENTRY_COUNTERS } from '../../src/report/entry-counters.ts';
import { MAX_FILE_HANDLES } from '../../src/wire/file-frames.ts';
import { MAX_HEADERS } from '../../src/wire/frames.ts';
import { MAX_SOCKETS } from '../../src/wire/socket-frames.ts';
import { ROOT } from '../support/headway.ts';

interface Field {
  readonly default?: string | number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly 'x-quantity'?: { readonly min: string; readonly max: string };
}

const page = readFileSync(path.join(ROOT, 'docs/limits.md'), 'utf8');
const schema = JSON.parse(readFileSync(path.join(ROOT, 'schemas/headway.dev/component_v1alpha1.json'), 'utf8')) as {
  properties: { spec: { properties: { limits: { properties: Record<string, Field> } } } };
};
const fields = schema.properties.spec.properties.limits.properties;

const rows = page.split('\n').flatMap((line) => {
  if (!line.startsWith('| `')) return [];
  const cells = line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
  if (cells.length !== 8) return [];
  const bare = (at: number): string => cells[at]!.replaceAll('`', '');
  const [limit, standard, from, to] = [bare(0) as LimitName, bare(1), bare(2), bare(3)];
  return [{ limit, standard, from, to, hit: bare(4), seen: cells[5]!, condition: bare(6), tests: bare(7).split(', ') }];
});

/** Of no field: it follows from others, or is the same for all. */
const DERIVED: readonly string[] = ['processMemory', 'tables'];
/** Without an end of their own unless they are written. */
const WITHOUT_DEFAULT: readonly string[] = ['instances', 'requestsPerInstance'];

describe('the table of limits', () => {
  it('has each of the closed list once, and each field of the schema is in the list', () => {
    expect(rows.map(({ limit }) => limit)).toEqual(LIMIT_NAMES);
    expect([...Object.keys(fields), ...DERIVED].sort()).toEqual([...LIMIT_NAMES].sort());
  });

  it.each(rows.filter(({ limit }) => !DERIVED.includes(limit)))(
    'says the default and the bounds of $limit',
    ({ limit, standard, from, to }) => {
      const field = fields[limit]!;
      expect(standard).toBe(WITHOUT_DEFAULT.includes(limit) ? '' : String(field.default));
      const bounds = field['x-quantity'] ?? { min: field.minimum, max: field.maximum };
      expect([from, to]).toEqual([String(bounds.min), String(bounds.max)]);
    },
  );

  it.each(rows)('says what a hit of $limit is and how it is told', ({ limit, hit, condition, seen, tests }) => {
    expect(hit).toBe(LIMITS[limit].hit);
    expect(condition).toBe(LIMITS[limit].kind === 'Refused' ? 'False' : 'True');
    expect(seen).not.toBe('');
    for (const file of tests) {
      expect(existsSync(path.join(ROOT, file)), file).toBe(true);
      expect(readFileSync(path.join(ROOT, file), 'utf8'), `${file} and ${limit}`).toContain(limit);
    }
  });

  it('has bounds that the wire can carry, and one more of headers', () => {
    expect([fields['sockets']!.maximum, fields['files']!.maximum]).toEqual([MAX_SOCKETS, MAX_FILE_HANDLES]);
    // x-forwarded-for, -proto, -host and x-request-id are the runtime's.
    expect(fields['headers']!.maximum! + 1 + 4).toBeLessThanOrEqual(MAX_HEADERS);
  });

  it('names metrics and a reason that there are', () => {
    const metrics = new Set([...page.matchAll(/`(headway_(?:limit|log)\w+)/g)].map(([, name]) => name));
    expect(metrics).toEqual(new Set(['headway_limit_hits_total', 'headway_log_dropped_bytes_total']));
    for (const metric of metrics) expect(ENTRY_COUNTERS.map(({ name }) => name)).toContain(metric);
    expect(page).toContain('`LimitsHit`');
    expect(REASONS).toHaveProperty('LimitsHit');
  });
});
