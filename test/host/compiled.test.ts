/** What V8 has compiled of bindings: who gets it, and from whom it is taken. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CompiledBindings } from '../../src/host/compiled-bindings.ts';
import { CompiledHandover } from '../../src/host/compiled-handover.ts';
import type { CellProcess } from '../../src/host/cell-process.ts';
import type { Bundle, CellSpec } from '../../src/model/engine.ts';
import { packCompiled } from '../../src/wire/compiled-bindings.ts';
import { HEADER_BYTES, ToCell, type Loaded } from '../../src/wire/frames.ts';
import { bundleOf } from './bundles.ts';
import { cellOf, get, LIMITS, RunningHost, type CellChoice } from './running.ts';

const CODE = packCompiled([Buffer.from('code')]);

function cell(group: number, digest = 'sha256:1'): CellSpec {
  return cellOf({ digest, blockingExports: [] } as unknown as Bundle, {
    group: `shop/a@${group}` as CellSpec['group'],
  });
}

/** A process of its own, or one that others share; what was written to its channel. */
function processOf(shared = false): { readonly process: CellProcess; readonly written: Buffer[] } {
  const written: Buffer[] = [];
  const channel = { write: (bytes: Buffer, taken: () => void) => (written.push(bytes), taken()) };
  return { process: { channel, ...(shared ? { shared: {} } : {}) } as unknown as CellProcess, written };
}

async function begun(kept: CompiledBindings, of: CellSpec, shared = false) {
  const handover = new CompiledHandover(kept, of);
  const { process, written } = processOf(shared);
  await handover.begin(process);
  return { handover, written };
}

describe('compiled bindings that are kept', () => {
  it('are frames for cells of one group with the same bundles', () => {
    const kept = new CompiledBindings();
    kept.keep(cell(1), CODE);
    const frame = kept.frameFor(cell(1))!;
    expect(frame.readUInt32LE(0)).toBe(CODE.length);
    expect(frame[8]).toBe(ToCell.Compiled);
    expect(frame.subarray(HEADER_BYTES)).toEqual(CODE);
    expect([cell(2), cell(1, 'sha256:2')].map((other) => kept.frameFor(other))).toEqual([undefined, undefined]);
  });

  it('are no more than may be kept: what was used longest ago goes first', () => {
    const bytes = CODE.length + HEADER_BYTES;
    const kept = new CompiledBindings(3 * bytes);
    for (const group of [1, 2, 3]) kept.keep(cell(group), CODE);
    kept.frameFor(cell(1));
    kept.keep(cell(3), CODE);
    const groupsOf = (): number[] => [1, 2, 3, 4].filter((group) => kept.frameFor(cell(group)) !== undefined);
    expect(groupsOf()).toEqual([1, 2, 3]);
    kept.frameFor(cell(1));
    kept.keep(cell(4), CODE);
    expect(groupsOf()).toEqual([1, 3, 4]);
    kept.keep(cell(5), Buffer.alloc(3 * bytes));
    expect(groupsOf()).toEqual([1, 3, 4]);
  });
});

describe('a start of a cell', () => {
  it('asks for them where there are none, keeps them, and the next one is given them and asked for nothing', async () => {
    const kept = new CompiledBindings();
    const first = await begun(kept, cell(1));
    expect([first.handover.isAsked, first.written]).toEqual([true, []]);
    expect(first.handover.take(CODE)).toBeUndefined();
    const second = await begun(kept, cell(1));
    expect(second.handover.isAsked).toBe(false);
    expect(second.written).toEqual([kept.frameFor(cell(1))]);
  });

  it('takes them once, where it asked, and in their shape', async () => {
    const kept = new CompiledBindings();
    const { handover } = await begun(kept, cell(1));
    expect(handover.take(Buffer.of(1, 2, 3))).toBe('compiled bindings of another shape');
    expect(handover.take(CODE)).toBe('compiled bindings that nobody asked for');
    expect(kept.frameFor(cell(1))).toBeUndefined();
  });

  it('keeps none where a cell had nothing to hand out', async () => {
    const kept = new CompiledBindings();
    const { handover } = await begun(kept, cell(1));
    expect(handover.take(packCompiled([Buffer.alloc(0)]))).toBeUndefined();
    expect(kept.frameFor(cell(1))).toBeUndefined();
  });

  it('in a process that others share neither gets them nor is believed', async () => {
    const kept = new CompiledBindings();
    kept.keep(cell(1), CODE);
    for (const of of [cell(1), cell(2)]) {
      const { handover, written } = await begun(kept, of, true);
      expect([handover.isAsked, written]).toEqual([false, []]);
      expect(handover.take(CODE)).toBe('compiled bindings that nobody asked for');
    }
  });

  it('forgets what V8 did not take, so that the next one is asked again', async () => {
    const kept = new CompiledBindings();
    kept.keep(cell(1), CODE);
    (await begun(kept, cell(1))).handover.loaded(true);
    expect(kept.frameFor(cell(1))).toBeDefined();
    (await begun(kept, cell(1))).handover.loaded(false);
    expect((await begun(kept, cell(1))).handover.isAsked).toBe(true);
  });
});

describe.each(['Strict', 'Process'] as const)('cells as %s', (kind) => {
  let running: RunningHost;
  let testbed: Bundle;
  let lastId = 0;

  beforeAll(async () => {
    running = new RunningHost({ maxReplicas: 64, ...(kind === 'Process' ? { forbidStrict: 'not here' } : {}) });
    testbed = await bundleOf('testbed', running.storeFolder, LIMITS.memoryBytes);
  });
  afterAll(() => running.stop());

  /** Whether V8 took what the engine had for the cell, and that it serves. */
  async function isCompiled(choice: CellChoice = {}): Promise<boolean> {
    const id = `r${++lastId}`;
    const caller = await running.ready(id, cellOf(testbed, choice));
    expect((await get(caller, '/healthz')).status).toBe(200);
    const said = running.lines.map((line) => JSON.parse(line) as { replica?: string; loaded?: Loaded });
    running.host.stop(id, 0);
    await running.ended(id);
    return said.find(({ replica, loaded }) => replica === id && loaded)!.loaded!.isCompiled;
  }

  it('have their bindings compiled from the second start of a group on', async () => {
    expect([await isCompiled(), await isCompiled(), await isCompiled()]).toEqual([false, true, true]);
    const group = 'shop/other@b0b0c3d4e5f6';
    expect([await isCompiled({ group }), await isCompiled({ group })]).toEqual([false, true]);
  });

  it('that share a process have not, whatever was kept', async () => {
    const group = 'shop/shared@b0b0c3d4e5f6';
    const shared: CellChoice = { group, isolation: 'Shared' };
    expect([await isCompiled(shared), await isCompiled(shared), await isCompiled({ group })]).toEqual([
      false,
      false,
      false,
    ]);
    expect(await isCompiled(shared)).toBe(false);
  });
});
