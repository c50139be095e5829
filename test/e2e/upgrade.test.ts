/**
 * Another version of Headway takes over, for real: a copy of this one whose passes make bindings that do not load. Its
 * toolchain is another, because the toolchain's version is a hash over the very files that were changed.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon } from '../support/daemon.ts';
import { shop, swapTo } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';
import { KEY, provenAfter, temporaryFolder, traffic } from './story.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PASS = 'src/component/bindings/make.ts';
const MADE = '? ok({ text, tier })';

/** The program with another last step of its bindings; below this checkout, so that it finds the same packages. */
async function anotherVersion(change: string): Promise<string> {
  await mkdir(path.join(ROOT, '.headway'), { recursive: true });
  const folder = await mkdtemp(path.join(ROOT, '.headway/version-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const part of ['src', 'schemas', 'wit', 'package.json']) {
    await cp(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  }
  const text = await readFile(path.join(folder, PASS), 'utf8');
  expect(text).toContain(MADE);
  await writeFile(path.join(folder, PASS), text.replace(MADE, change));
  return path.join(folder, 'src/headway.mjs');
}

describe('an upgrade', () => {
  it('whose bindings do not load: cells start from what they were last ready with, no request is lost, status says so', async () => {
    const broken = await anotherVersion(
      `? ok({ text: text.replace('{', "{ throw new Error('of the next version');"), tier })`,
    );
    const well = await anotherVersion(`? ok({ text: text.replace('{', '{ // of the version after it\\n'), tier })`);
    const folder = await temporaryFolder();
    const repository = await Repository.create(path.join(folder, 'git'));
    await repository.push('Start', shop());
    const options = { repo: repository.url, data: path.join(folder, 'data') };

    const first = await Daemon.start(options);
    onTestFinished(async () => void (await first.stop()));
    const before = await provenAfter(first, undefined);
    expect(before).toMatchObject({ tier: 'fast', toolchain: expect.stringContaining('jco-transpile') });
    expect(before.tierReason).toBeUndefined();
    await first.stop();

    // Twice: the first start finds it out, the second knows it.
    for (const told of ['finds it out', 'knows it'] as const) {
      const second = await Daemon.start({ ...options, program: broken });
      onTestFinished(async () => void (await second.stop()));
      const visitors = traffic(second);
      const entry = await second.entry(KEY, `the upgrade ${told}`, ({ conditions }) =>
        conditions.some(
          ({ type, status, reason }) => type === 'Healthy' && status === 'False' && reason === 'ToolchainRegression',
        ),
      );
      expect(entry.conditions.find(({ type }) => type === 'Healthy')?.message).toMatch(
        /^not ready under the present toolchain \(jco-transpile .*\): .*of the next version.*; it runs with the bundles of jco-transpile .*\(HW6020\)$/,
      );
      expect(entry).toMatchObject({ toolchain: before.toolchain, quarantined: [] });
      expect(entry.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
      expect(entry.proven?.release).toBe(before.proven?.release);
      const status = await second.until('the timeline tells it', ({ timeline }) =>
        timeline.some(({ reason }) => reason === 'ToolchainRegression'),
      );
      expect(status.timeline.filter(({ reason }) => reason === 'ToolchainRegression')).toHaveLength(1);
      await second.becomes('a second of traffic is answered', () => visitors.report().answers >= 200);
      const { lost, answers, byStatus } = await visitors.stop();
      expect(lost).toEqual([]);
      expect(byStatus).toEqual({ 200: answers });
      await second.stop();
    }

    // The version after it is well: the cells are renewed while they serve.
    const third = await Daemon.start({ ...options, program: well });
    onTestFinished(async () => void (await third.stop()));
    const visitors = traffic(third);
    const renewed = await third.entry(
      KEY,
      'it runs with bundles of the present toolchain',
      ({ toolchain, conditions }) =>
        toolchain !== before.toolchain &&
        conditions.some(({ type, status }) => type === 'Healthy' && status === 'True'),
    );
    expect(renewed.proven?.release).toBe(before.proven?.release);
    expect((await visitors.stop()).lost).toEqual([]);
    // And what is new goes its way under it.
    await repository.push('Greet better', swapTo('greeting-v2'));
    expect((await provenAfter(third, renewed)).tier).toBe('fast');
  });
});
