/** What a process that cells share makes of channels that close before anybody has said how it ended. */
import { spawnSync } from 'node:child_process';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { CellProcess } from '../../src/host/cell-process.ts';
import { SharedProcess } from '../../src/host/shared-process.ts';
import type { CellExit } from '../../src/host/spawner/messages.ts';
import { Deferred } from '../../src/kit/deferred.ts';
import { ok } from '../../src/kit/result.ts';
import type { EntryKey } from '../../src/model/component.ts';

const KILLED: CellExit = { code: null, signal: 'SIGKILL', stderr: '' };
/** A busy machine says it as late as that. */
const LATE_MS = 1_500;

/** Two cells in one process of that pid, the first of which has a call until its channel closes. */
async function two(pid: number) {
  const exited = new Deferred<CellExit | undefined>();
  const cells = [1, 2].map((id): CellProcess => {
    const { promise } = exited;
    const nothing = (): void => undefined;
    const channel = new net.Socket();
    return { id, pid, kind: 'Process', channel, brokerEnd: undefined, exited: promise, end: nothing, kill: nothing };
  });
  const culprits: EntryKey[] = [];
  const shared = new SharedProcess({
    namespace: 'n',
    kind: 'Process',
    mostDataBytes: 0,
    slots: cells.length,
    boot: () => Promise.resolve(ok(cells)),
    onOver: () => undefined,
    onCulprit: (entry) => culprits.push(entry),
  });
  const admit = async (entry: EntryKey, isBusy: () => boolean) => {
    const slot = await shared.admit({ replica: `${entry}#1`, entry, isWanted: () => true, isBusy });
    if (!slot.ok) throw new Error(slot.error.message);
    return slot.value;
  };
  let hasCall = true;
  const slots = [await admit('n/a', () => hasCall), await admit('n/b', () => false)];
  const channels = cells.map(({ channel }) => channel);
  channels[0]!.once('close', () => (hasCall = false));
  return { slots, channels, exited, culprits };
}

it('the word how the process ended is awaited, and who had a call then has ended it', async () => {
  const { slots, channels, exited, culprits } = await two(spawnSync('true').pid);
  for (const channel of channels) channel.destroy();
  await sleep(LATE_MS);
  exited.resolve(KILLED);
  const deaths = await Promise.all(slots.map((slot) => slot.exited));
  expect(deaths).toEqual([KILLED, { ...KILLED, because: expect.stringContaining('while n/a#1 had a call') }]);
  expect(culprits).toEqual(['n/a']);
});

it('a cell that closes its channel has left a process that goes on', async () => {
  const { slots, channels, culprits } = await two(process.pid);
  channels[0]!.destroy();
  expect(await slots[0]!.exited).toMatchObject({ code: 0, stderr: 'it left the process that it shared' });
  expect(culprits).toEqual([]);
});
