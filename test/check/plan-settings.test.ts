/** Settings of an Environment that start no rollout: a reviewer sees them all the same. */
import { describe, expect, it } from 'vitest';
import { planGithub } from '../../src/check/plan/github.ts';
import { planMarkdown } from '../../src/check/plan/markdown.ts';
import { escalationsOf, planOf, type Plan } from '../../src/check/plan/plan.ts';
import { planText } from '../../src/check/plan/text.ts';
import { desiredOf, environment, type Files } from '../manifest/support.ts';

const between = (base: Files, head: Files): Plan => planOf(desiredOf(base), desiredOf(head));

describe('what holds for all', () => {
  const set = (spec: string): Files => ({ 'environment.yaml': environment(spec) });
  const WINDOW = (duration: string) =>
    `  freezeWindows: [{name: weekend, schedule: "0 18 * * 5", duration: ${duration}, timeZone: Europe/Berlin}]\n`;

  it.each<[string, string, string, string, boolean]>([
    [
      'a pause that goes',
      WINDOW('62h'),
      '  sync: {}\n',
      'loses freeze window weekend: 0 18 * * 5 Europe/Berlin for 62h, all',
      false,
    ],
    [
      'a pause that is shorter',
      WINDOW('62h'),
      WINDOW('1h'),
      'changes freeze window weekend: 0 18 * * 5 Europe/Berlin for 62h, all → 0 18 * * 5 Europe/Berlin for 1h, all',
      false,
    ],
    [
      'a guard that lets more go',
      '  prune: {maxDeletePercent: 30}\n',
      '  prune: {maxDeletePercent: 100}\n',
      'changes prune.maxDeletePercent: 30 → 100',
      false,
    ],
    [
      'what nobody reads',
      '  sync: {interval: 15s}\n',
      '  sync: {interval: 1m}\n',
      'changes sync: every 15s, jitter 10 % → every 1m, jitter 10 %',
      false,
    ],
    [
      'a folder for a namespace',
      '  tenants: [{namespace: shop, path: shop}]\n',
      '  tenants: [{namespace: shop, path: shop}, {namespace: bank, path: bank}]\n',
      'gains tenant bank: bank',
      false,
    ],
    [
      'another folder for it',
      '  tenants: [{namespace: shop, path: shop}, {namespace: bank, path: bank}]\n',
      '  tenants: [{namespace: shop, path: shop}, {namespace: bank, path: tellers}]\n',
      'changes tenant bank: bank → tellers',
      true,
    ],
  ])('%s is a change of the plan', (_what, before, after, says, escalation) => {
    const plan = between(set(before), set(after));
    expect(plan.entries).toEqual([]);
    const sentence = `Environment test ${says}`;
    for (const text of [planText(plan), planGithub(plan)]) {
      expect(text).toContain(sentence);
      expect(text).not.toContain('nothing changes');
    }
    expect(planMarkdown(plan)).not.toContain('Nothing changes');
    expect(escalationsOf(plan)).toHaveLength(escalation ? 1 : 0);
    expect(between(set(before), set(before)).policies).toEqual([]);
  });

  it('is not compared with what there was before there was an Environment', () => {
    expect(between({}, set(WINDOW('1h'))).policies).toEqual([]);
  });
});
