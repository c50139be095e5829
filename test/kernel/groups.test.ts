/**
 * Control groups by a kernel that has the cpu controller for cgroup v2, which a machine of tests seldom has: an emulated one of
 * its own (machine.sh). Time is the guest's there, so shares hold however slow it is.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Seen } from './cells-in-groups.ts';

const here = (name: string): string => path.join(import.meta.dirname, name);

it('the daemon makes room for its cells, and the kernel keeps a guest that spins at its limits.cpu', async () => {
  const command = [process.execPath, here('cells-in-groups.ts')];
  const { stdout } = await promisify(execFile)('bash', [here('machine.sh'), import.meta.dirname, ...command]);
  const line = /seen (\{.*\})/.exec(stdout)?.[1];
  if (line === undefined) throw new Error(`the machine saw nothing:\n${stdout}`);
  const { limited, free, ...seen } = JSON.parse(line) as Seen;
  expect(seen).toEqual({ daemonIsMoved: true, delegatedIsEmpty: true, weight: '33', left: [] });
  expect(limited).toMatchObject({ max: '20000 100000', weight: '20', isIn: true });
  expect(free).toMatchObject({ max: 'max 100000', weight: '100', isIn: true, throttled: 0 });
  expect(limited.throttled).toBeGreaterThan(5);
  expect(limited.used).toBeLessThan(0.25);
  expect(free.used).toBeGreaterThan(2 * limited.used);
}, 300_000);
