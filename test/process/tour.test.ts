import { describe, expect, it } from 'vitest';
import { headway } from '../support/headway.ts';

/** The cells of one row of the table at the end: canary, blue-green. */
function row(out: string, title: string): readonly string[] {
  const line = out.split('\n').find((text) => text.startsWith(title));
  return (line ?? '').slice(title.length).trim().split(/ {2,}/);
}

describe('npm run tour', () => {
  it('plays good, bad and revert for a canary and a blue-green under load, loses nothing, and says so in numbers', async () => {
    const { code, out, err } = await headway(['tour']);
    expect(err).toBe('');
    expect(code).toBe(0);
    for (const act of ['canary', 'blue-green']) {
      expect(out).toMatch(new RegExp(`s {2}${act}: git push "Greet better"`));
      expect(out).toMatch(new RegExp(`s {2}${act}: git push "Break it"`));
      expect(out).toMatch(new RegExp(`s {2}${act}: git revert, git push`));
    }
    expect(out).toMatch(/at step 1 of 2: 20 %[^]*at step 2 of 2: 50 %[^]*takes all traffic[^]*finished its bake/);
    // By the test of the errors or by a run of them, whichever comes first.
    const caught = String.raw`(errors [\d.]+ % \(\d+ of \d+\)|\d+ failures in a row)`;
    expect(out).toMatch(new RegExp(`rolled back from 20 %: ${caught}`));
    expect(out).toMatch(new RegExp(`given up in its preview: ${caught}`));
    for (const title of [
      'good: push → first visitor on it',
      'good: push → proven',
      'bad: push → caught and taken back',
    ]) {
      for (const cell of row(out, title)) expect(cell).toMatch(/^[\d.]+ m?s$/);
    }
    const [canary, blueGreen] = row(out, 'bad: samples it took').map(Number);
    expect(canary).toBeGreaterThanOrEqual(4);
    expect(blueGreen).toBeGreaterThanOrEqual(4);
    // Nobody is sent to what has not passed: only synthetic requests meet the bad one of a blue-green.
    expect(row(out, 'bad: visitors who saw an error of it')[1]).toBe('0');
    expect(row(out, 'requests lost')).toEqual(['none', 'none']);
    for (const requests of row(out, 'requests answered')) expect(Number(requests)).toBeGreaterThan(1_000);
  });
});
