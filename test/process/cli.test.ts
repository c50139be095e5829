import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/model/exit.ts';
import { headway } from '../support/headway.ts';

describe('words that a command does not take', () => {
  it.each([
    [['status', 'demo/greeting'], 'status takes no "demo/greeting": it shows all entries; `headway explain'],
    [['run', 'manifests'], 'run takes no "manifests": what it follows is said by --repo'],
    [['demo', 'twice'], 'demo takes no "twice": what it follows is seeded from manifests/'],
    [['tour', 'twice'], 'tour takes no "twice": it goes its own way'],
    [['audit', 'verify', '.headway'], 'audit takes no ".headway"; the data folder is named by --data'],
    [['lint', '.', '--bogus'], "Unknown option '--bogus' (HW5012)"],
  ])('are named: %j', async (args, said) => {
    const { code, out, err } = await headway(args);
    expect([code, out]).toEqual([EXIT.Broken, '']);
    expect(err).toContain(`headway: ${said}`);
  });
});

describe('help', () => {
  it.each([
    [['lint', '--help'], ['lint'], 'exit 0 clean, 1 findings, 2 broken'],
    [['audit', '-h'], ['audit', 'audit'], '--contains <hash>'],
    [['plan', 'a..b', '--help'], ['plan'], '--fail-on escalation'],
  ])('of one command: %j', async (args, commands, part) => {
    const { code, out } = await headway(args);
    expect([code, [...out.matchAll(/^ {2}headway (\S+)/gm)].map(([, name]) => name)]).toEqual([EXIT.Ok, commands]);
    expect(out).toContain(part);
  });
});
