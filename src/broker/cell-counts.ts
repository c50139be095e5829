/** What is counted of cells here, and told once a second: requests for more than they may have open, datagrams that went nowhere. */
export interface CellCount<Name> {
  readonly cell: number;
  readonly name: Name;
  readonly count: number;
}

export class CellCounts<Name extends string> {
  /** By cell and name: as many as there are cells, times the names of a short list. */
  #counts = new Map<string, CellCount<Name>>();

  note(cell: number, name: Name): void {
    const id = `${name} ${cell}`;
    this.#counts.set(id, { cell, name, count: (this.#counts.get(id)?.count ?? 0) + 1 });
  }

  drain(): readonly CellCount<Name>[] {
    if (this.#counts.size === 0) return [];
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    return counts;
  }
}
