/**
 * How soon a cell that nothing called answers: a prepared standby (a replica that is ready and was never asked), and one that is
 * parked, which a call starts from the pool; and how much memory one of as many as can share a process takes. The cells are
 * real, the ingress is not there; what cells weigh in the whole program is in `weight.ts`.
 */
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bundle, CellSpec } from '../../../src/model/engine.ts';
import type { Beside, CellCaller } from '../../../src/wire/cell-caller.ts';
import { MAX_SLOTS } from '../../../src/wire/slots.ts';
import { example } from '../../support/manifests.ts';
import { memberOf, openWorkshop, type Workshop } from '../../component/support.ts';
import { cellOf, get, GROUP, MIB, RunningHost } from '../../host/running.ts';
import type { Metrics, SectionResult } from '../harness.ts';
import { proportionalMb } from '../processes.ts';
import { percentile, summariseTimes } from '../times.ts';

const GUESTS = { C: 'greeting-v1', QuickJS: 'greeting-js' } as const;
type Guest = keyof typeof GUESTS;
/** Of one round: so many starts of each. */
const STARTS = 10;
const PROBES = {
  readiness: {
    call: { type: 'httpGet', path: '/healthz', headers: [] },
    periodMs: 100,
    timeoutMs: 1_000,
    successThreshold: 1,
    deadlineMs: 10_000,
  },
} as const;
const POOL_DEADLINE_MS = 30_000;
/** The refill is over, the host has seen what is parked, and the machine is what it was. */
const REST_MS = 250;

export async function benchCells(
  { rounds }: { readonly rounds: number },
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  const times = new Map<string, number[]>();
  const memory = new Map<string, Metrics[]>();
  const bundles = new Map<Guest, Bundle>();
  let beside: Beside = {};
  let callers: readonly CellCaller[] = [];
  let onCaller = (): void => {};
  const sharing = new Map<string, CellCaller>();
  const workshop = openWorkshop();
  // Cells have uids of their own where we are root.
  chmodSync(workshop.folder, 0o755);
  const running: RunningHost = new RunningHost({
    poolSize: 1,
    storeFolder: path.join(workshop.folder, 'store'),
    onReady: (group, ready, other) => {
      if (group !== GROUP) return void (ready[0] && sharing.set(group, ready[0]));
      callers = ready;
      beside = other;
      if (ready.length > 0) onCaller();
    },
  });
  try {
    for (const guest of Object.keys(GUESTS) as Guest[]) bundles.set(guest, await prepared(workshop, GUESTS[guest]));
    const note = (round: number, subject: string, ms: number): void => {
      times.set(subject, [...(times.get(subject) ?? []), ms]);
      onMeasured(round, subject, { ms });
    };
    const weigh = (subject: string, pid: number, cells = 1): void =>
      void memory.set(subject, [...(memory.get(subject) ?? []), { 'PSS MB': proportionalMb(pid) / cells }]);
    for (let round = 1; round <= rounds; round++) {
      for (let start = 0; start < STARTS; start++) {
        for (const guest of Object.keys(GUESTS) as Guest[]) {
          const id = `${guest} ${round}.${start}`;
          const cell = cellOf(bundles.get(guest)!, {
            limits: { memoryBytes: 64 * MIB, concurrency: 32 },
            probes: PROBES,
          });
          running.host.start(id, { ...cell, parked: true });
          await untilPooled(running);
          const calledMs = performance.now();
          const refused = beside.standby!.wake();
          if (refused !== undefined) throw new Error(refused);
          // As the ingress does: whoever waits is told. Looking again and again would take one of the processors.
          if (callers.length === 0) await new Promise<void>((resolve) => (onCaller = resolve));
          await answered(callers[0]!);
          note(round, `parked, ${guest}`, performance.now() - calledMs);
          running.host.stop(id, 0);
          await running.ended(id);

          await running.ready(`${id} standby`, cell);
          await sleep(REST_MS);
          const askedMs = performance.now();
          await answered(callers[0]!);
          note(round, `standby, ${guest}`, performance.now() - askedMs);
          running.host.stop(`${id} standby`, 0);
          await running.ended(`${id} standby`);
        }
      }
      for (const guest of Object.keys(GUESTS) as Guest[]) {
        const cells = Array.from({ length: MAX_SLOTS }, (_, slot): CellSpec => {
          const entry = `round${round}/${guest.toLowerCase()}${slot}` as const;
          const limits = { memoryBytes: 64 * MIB, concurrency: 32 };
          const group = `${entry}@b0b0c3d4e5f6` as const;
          return { ...cellOf(bundles.get(guest)!, { limits, probes: PROBES, isolation: 'Shared', group }), entry };
        });
        await Promise.all(cells.map((cell) => running.ready(cell.entry, cell)));
        for (const { group } of cells) await answered(sharing.get(group)!);
        const { pid, sharedBy } = running.replica(cells[0]!.entry);
        if (sharedBy !== MAX_SLOTS) throw new Error(`${sharedBy} cells share a process`);
        weigh(`one of ${MAX_SLOTS} that share, ${guest}`, pid!, MAX_SLOTS);
        for (const { entry } of cells) running.host.stop(entry, 0);
        await Promise.all(cells.map(({ entry }) => running.ended(entry)));
      }
    }
    const conditions = `the host alone, ${STARTS} starts of each a round, ${running.host.observe().sandbox.strict ? 'Strict' : 'Process'}, Node ${process.versions.node}`;
    const result = summariseTimes('Cells that nothing called', conditions, times, [
      { subject: 'standby, C', p95AtMostMs: 5 },
      { subject: 'standby, QuickJS', p95AtMostMs: 5 },
      { subject: 'parked, C', p95AtMostMs: 8 },
      { subject: 'parked, QuickJS', p95AtMostMs: 25 },
    ]);
    const weights = [...memory].map(([name, all]) => ({
      name,
      medians: {
        'PSS MB': percentile(
          all.map((one) => one['PSS MB']!),
          0.5,
        ),
      },
      spread: {},
    }));
    return { ...result, subjects: [...result.subjects, ...weights] };
  } finally {
    await running.stop();
    workshop.close();
  }
}

/** As the daemon prepares it, so that the bindings are of the tier that it serves with. */
async function prepared({ components, put }: Workshop, name: string): Promise<Bundle> {
  const made = await components.prepare(memberOf(await put(example(name))));
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}

async function untilPooled(running: RunningHost): Promise<void> {
  for (const untilMs = performance.now() + POOL_DEADLINE_MS; running.host.observe().poolReady === 0; await sleep(10))
    if (performance.now() > untilMs) throw new Error('the pool is not filled');
  await sleep(REST_MS);
}

async function answered(caller: CellCaller): Promise<void> {
  const { status } = await get(caller, '/');
  if (status !== 200) throw new Error(`it answers ${status}`);
}
