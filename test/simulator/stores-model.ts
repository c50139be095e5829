/**
 * Stores as the broker keeps them, by edition: who wrote to which file, and in which form. What must never happen is
 * noted, and the promises look.
 *
 * - one version per file: no release writes to data of another version than its own;
 * - nothing is lost by a promotion: what is copied is not written to before the copy serves;
 * - what is gone back to is what it was when it was copied.
 */
import { err, ok, type Result } from '../../src/kit/result.ts';
import { ownStoresOf } from '../../src/model/component.ts';
import type { CellPlan } from '../../src/model/decision.ts';
import type { DataOf, StoreOrder, StoresDone } from '../../src/model/edition.ts';
import { problem, type Problem } from '../../src/model/problem.ts';

interface File {
  version: string | undefined;
  writes: number;
  /** Half of a migration, until its replica is ready. */
  migratedBy?: string | undefined;
  /** Of what it is a copy, and how much had been written there. */
  readonly copied?: { readonly from: string; readonly writes: number };
}

interface Cell {
  readonly id: string;
  readonly cell: CellPlan;
  readonly phase: string;
}

export class StoresModel {
  readonly files = new Map<string, File>();
  /** What broke, said once. */
  readonly broken: string[] = [];
  readonly #named = new Map<string, DataOf>();
  /** Edition by cell, fixed when it is first seen, as the broker does. */
  readonly #editions = new Map<string, string>();
  readonly #kept = new Map<string, number>();
  readonly #serving = new Map<string, string>();

  carryOut(order: StoreOrder, cells: readonly Cell[]): Result<StoresDone, Problem> {
    const namespace = order.entry.slice(0, order.entry.indexOf('/'));
    const idsOf = (edition: string): readonly string[] => order.stores.map((name) => `${namespace}/${name}@${edition}`);
    switch (order.type) {
      case 'Use':
        for (const name of order.stores) this.#named.set(`${namespace}/${name}`, order.data);
        return ok({});
      case 'Drop':
        if (this.#isUsed(order.entry, order.edition, cells)) return err(problem('HW4620', 'in use'));
        for (const id of idsOf(order.edition)) this.files.delete(id);
        return ok({});
      case 'Copy': {
        const named = this.#named.get(`${namespace}/${order.stores[0]!}`) ?? { edition: '' };
        const from = order.from === undefined ? named : { edition: order.from };
        if (this.#isUsed(order.entry, from.edition, cells)) return err(problem('HW4620', 'in use'));
        for (const name of order.stores) {
          const source = `${namespace}/${name}@${from.edition}`;
          const file = this.files.get(source);
          const target = `${namespace}/${name}@${order.to}`;
          if (!file || this.files.has(target)) continue;
          const { writes, version } = file;
          this.files.set(target, { version, writes, copied: { from: source, writes } });
          this.#kept.set(source, writes);
        }
        const isEmpty = !order.stores.some((name) => this.files.has(`${namespace}/${name}@${from.edition}`));
        return ok({ from, ...(isEmpty ? { isEmpty } : {}) });
      }
    }
  }

  /** A replica that migrates is asked for: never a second one on the same copy. */
  started({ id, cell }: Cell): void {
    if (!cell.migrate) return;
    for (const file of this.#filesOf(id, cell)) {
      const before = this.files.get(file) ?? { version: undefined, writes: 0 };
      if (before.migratedBy !== undefined && before.migratedBy !== id) {
        this.broken.push(`${id} migrates what ${before.migratedBy} began`);
      }
      if (before.version !== cell.migrate.from) {
        this.broken.push(`${id} is told to migrate from ${cell.migrate.from}, and it is ${before.version}`);
      }
      this.files.set(file, { ...before, migratedBy: id });
    }
  }

  /** It is ready: what it was told to migrate is in its form. */
  ready({ id, cell }: Cell): void {
    if (!cell.migrate) return;
    for (const file of this.#filesOf(id, cell)) {
      const before = this.files.get(file)!;
      this.files.set(file, { ...before, version: cell.members[0].state?.version });
    }
  }

  /** A request made it write. */
  wrote({ id, cell }: Cell): void {
    const [{ state }] = cell.members;
    for (const name of this.#filesOf(id, cell)) {
      const file = this.files.get(name) ?? { version: state?.version, writes: 0 };
      if (file.version !== state?.version) {
        this.broken.push(`${id} writes version ${state?.version} to ${name}, which has ${file.version}`);
      }
      this.#goesOn(name, cell.entry);
      this.files.set(name, { ...file, writes: file.writes + 1 });
    }
  }

  /** Requests go to another file than before: its data is complete, and what was gone back to is untouched. */
  #goesOn(name: string, entry: string): void {
    const store = `${entry} ${name.slice(0, name.indexOf('@'))}`;
    const before = this.#serving.get(store);
    this.#serving.set(store, name);
    if (before === undefined || before === name) return;
    const { copied, writes = 0 } = this.files.get(name) ?? {};
    if (copied?.from === before) {
      if (this.files.get(before)!.writes !== copied.writes)
        this.broken.push(`${name} serves, and ${before} was written to after it was copied`);
    } else if (this.#kept.has(name) && this.#kept.get(name) !== writes) {
      this.broken.push(`${name} is gone back to, and it is not what it was`);
    }
  }

  #filesOf(id: string, { entry, members, edition }: CellPlan): readonly string[] {
    const namespace = entry.slice(0, entry.indexOf('/'));
    const [{ capabilities }] = members;
    return ownStoresOf(capabilities).map((name) => {
      const named = this.#named.get(`${namespace}/${name}`)?.edition ?? '';
      const used = edition ?? this.#editions.get(`${id} ${name}`) ?? named;
      this.#editions.set(`${id} ${name}`, used);
      return `${namespace}/${name}@${used}`;
    });
  }

  #isUsed(entry: string, edition: string, cells: readonly Cell[]): boolean {
    return cells.some(
      ({ id, cell, phase }) =>
        phase !== 'Ended' &&
        cell.entry === entry &&
        this.#filesOf(id, cell).some((name) => name.endsWith(`@${edition}`)),
    );
  }
}
