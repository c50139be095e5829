/**
 * Everything that a guest can try from within, and those who talk to it or write its manifests, in `Process` and in `Strict`,
 * against the real program: what was tried, what came of it, what is on record; and the program is the same afterwards.
 */
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, standingFolder } from '../e2e/story.ts';
import { Daemon } from '../support/daemon.ts';
import { Repository } from '../support/repository.ts';
import { ISOLATIONS, type Isolation, type Scene } from './suite/attempt.ts';
import { guestsOf } from './suite/guests.ts';
import { openOutside, SECRET, type Outside } from './suite/outside-peers.ts';
import { manifestsOf, Program } from './suite/program.ts';
import { ATTEMPTS } from './suite/rows.ts';
import { LEAKED_VARIABLE } from './suite/rows/leaks.ts';

let folder: string;
let outside: Outside;
let program: Program;
const table: (readonly [isolation: Isolation, group: string, what: string, came: string])[] = [];

beforeAll(async () => {
  folder = await standingFolder();
  outside = await openOutside(path.join(folder, 'outside'));
  const guests = await guestsOf(outside.port);
  const repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Guests', manifestsOf(guests));
  const data = path.join(folder, 'data');
  const inherited = openSync(outside.secretFile, 'r');
  const daemon = await Daemon.start({ repo: repository.url, data, env: { [LEAKED_VARIABLE]: SECRET }, inherited });
  closeSync(inherited);
  program = await Program.ready(daemon, repository, data, guests);
});
afterAll(async () => {
  await program?.daemon.stop();
  outside?.close();
  await removeFolder(folder);
  const lines = table.map(([isolation, group, what, came]) => `${isolation.padEnd(8)} ${group}: ${what}: ${came}`);
  process.stdout.write(`${lines.join('\n')}\n`);
});

describe.each(ISOLATIONS)('as %s', (isolation) => {
  it.each(ATTEMPTS.map((attempt) => [attempt.group, attempt.what, attempt] as const))(
    '%s: %s',
    async (group, what, attempt) => {
      const scene: Scene = { program, isolation, outside };
      const came = await attempt.tries(scene);
      table.push([isolation, group, what.slice(0, 80), came.slice(0, 80)]);
      if (typeof attempt.comes === 'string') expect(came).toBe(attempt.comes);
      else expect(came).toMatch(attempt.comes);
    },
  );

  it('what was denied is on record', async () => {
    const wanted = ATTEMPTS.flatMap(({ denial }) => (denial ? [denial] : []));
    const missing = async (): Promise<readonly string[]> => {
      const told = (await program.audit('denial')).flatMap((record) =>
        'asked' in record && record.entry.endsWith(`-${isolation.toLowerCase()}`)
          ? [`${record.asked}: ${record.why}`]
          : [],
      );
      return wanted.filter((one) => !told.some((line) => one.test(line))).map(String);
    };
    await expect.poll(missing, { timeout: 60_000, interval: 1_000 }).toEqual([]);
  });

  it('control, engine, spawner and broker are the processes that they were', () => {
    expect(program.fallen()).toEqual([]);
  });
});
