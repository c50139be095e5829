/** The audit of the real program: decisions with their authors, `headway audit`, and what is done to its files. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../src/model/audit-record.ts';
import { Daemon } from '../support/daemon.ts';
import { headway } from '../support/headway.ts';
import { shop, swapTo } from '../support/manifests.ts';
import { chapters, KEY, provenAfter } from './story.ts';

describe('headway audit', () => {
  const now = chapters(shop());
  const data = () => path.join(now().folder, 'data');
  let first: string;

  async function show(...flags: readonly string[]): Promise<readonly AuditRecord[]> {
    const { code, out: stdout } = await headway(['audit', 'show', '--data', data(), '--format', 'json', ...flags]);
    expect(code).toBe(0);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditRecord);
  }

  it('shows each decision once, in the words of the timeline, with the commit and who wrote it', async () => {
    const { daemon, repository } = now();
    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    const commit = await repository.push('Greet worse', swapTo('greeting-flaky', { attempt: 'bad' }));
    await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    await repository.revert();
    await daemon.until(
      'it is in step',
      ({ commits }) => commits[0]?.state === 'Proven' || commits[0]?.state === 'NoChange',
    );
    const { timeline } = (await daemon.status())!;
    const decisions = (await show('--kind', 'decision')).filter((record) => record.kind === 'Decision');
    const told = timeline.toReversed().map(({ id, message }) => `${id} ${message}`);
    expect(decisions.map(({ event, message }) => `${event} ${message}`).slice(-told.length)).toEqual(told);
    const quarantined = decisions.find(({ reason }) => reason === 'Quarantined')!;
    expect(quarantined).toMatchObject({ entry: KEY, commit, author: expect.stringMatching(/\S/) });
    expect(before.proven!.commit).not.toBe(commit);
  });

  it('filters by entry, kind and time, and prints lines for people', async () => {
    const entries = (await show('--entry', KEY)).map((record) => 'entry' in record && record.entry);
    expect(new Set(entries)).toEqual(new Set([KEY]));
    expect(await show('--entry', 'shop/nobody')).toEqual([]);
    expect(await show('--since', '2100-01-01T00:00:00Z')).toEqual([]);
    expect((await show('--since', '1h')).length).toBeGreaterThan(0);
    expect((await show('--kind', 'segment')).map(({ kind }) => kind)).toEqual(['Segment']);
    const { out: stdout } = await headway(['audit', 'show', '--data', data(), '--kind', 'decision']);
    expect(stdout).toMatch(/Quarantined: release [0-9a-f]{12} .*\[[0-9a-f]{12} by .+\]/);
    for (const wrong of [
      ['--kind', 'nonsense'],
      ['--since', 'yesterday'],
      ['--entry', 'cart'],
      ['--format', 'xml'],
    ]) {
      expect((await headway(['audit', 'show', '--data', data(), ...wrong])).code).toBe(2);
    }
  });

  it('is whole beside the daemon that writes it, and after it was killed in the middle', async () => {
    const { daemon, repository } = now();
    const running = await headway(['audit', 'verify', '--data', data()]);
    expect([running.code, running.err]).toEqual([0, '']);
    expect(running.out).toMatch(/: whole\nhead \d+ [0-9a-f]{64}\n$/);
    first = /[0-9a-f]{64}/.exec(running.out)![0];
    const before = (await daemon.status())!.entries[0];
    await repository.push('Greet better', swapTo('greeting-v2', { attempt: 'killed' }));
    await daemon.entry(KEY, 'it walks', ({ candidate }) => candidate?.state === 'Canary');
    const control = daemon.one('control');
    process.kill(control, 'SIGKILL');
    await daemon.another('control', control);
    await provenAfter(daemon, before);
    const { code, out: stdout } = await headway(['audit', 'verify', '--data', data(), '--contains', first]);
    expect([code, stdout]).toEqual([0, expect.stringContaining(': whole')]);
    const events = (await show('--kind', 'decision')).flatMap((record) =>
      record.kind === 'Decision' ? [record.event] : [],
    );
    expect(events).toEqual(events.map((_, index) => events[0]! + index));
  });

  it('an edit, a cut and a hash that is not in it are findings; the next daemon says it as well', async () => {
    const { daemon } = now();
    await daemon.stop();
    const folder = path.join(data(), 'audit');
    const file = path.join(folder, readdirSync(folder)[0]!);
    const text = readFileSync(file, 'utf8');
    const verify = () => headway(['audit', 'verify', '--data', data(), '--format', 'json']);
    expect((await verify()).code).toBe(0);

    writeFileSync(file, text.replace('"reason":"Quarantined"', '"reason":"Progressing"'));
    const edited = await verify();
    expect(edited.code).toBe(1);
    const { findings } = JSON.parse(edited.out) as { findings: readonly { place: string; message: string }[] };
    expect(findings).toEqual([
      { place: expect.stringMatching(/^audit-00000001\.jsonl:\d+$/), message: expect.stringMatching(/was changed/) },
    ]);

    writeFileSync(
      file,
      text
        .split(/(?<=\n)/)
        .slice(0, -2)
        .join(''),
    );
    const cut = await verify();
    expect([cut.code, cut.out]).toEqual([1, expect.stringContaining('the end was cut off')]);
    const absent = await headway(['audit', 'verify', '--data', data(), '--contains', '0'.repeat(64)]);
    expect(absent.code).toBe(1);
    expect((await headway(['audit', 'verify', '--data', path.join(data(), 'none')])).code).toBe(2);

    const next = await Daemon.start({ repo: now().repository.url, data: data() });
    await next.stop();
    expect(next.output).toContain('HW5041');
    expect((await verify()).code).toBe(1);
    expect((await show('--kind', 'broken')).map(({ kind }) => kind)).toEqual(['Broken']);
  });
});
