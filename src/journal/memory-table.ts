/** A table of parts (of the memory, of the outbox), one row each: a step writes the rows that changed and no others. */
import type { Json } from '../kit/json.ts';
import type { MemoryParts } from '../model/memory-parts.ts';
import type { PartStatements } from './statements.ts';

interface Row {
  readonly value: Json;
  readonly bytes: number;
}

/** What one step does to the table. */
export interface MemoryChange {
  readonly put: ReadonlyMap<string, Row & { readonly text: string }>;
  readonly gone: readonly string[];
  /** Of all parts, once it is written. */
  readonly bytes: number;
}

export class MemoryTable {
  readonly #statements: PartStatements;
  readonly #rows = new Map<string, Row>();
  #bytes = 0;

  /** @throws SyntaxError where a row is no JSON. */
  constructor(statements: PartStatements) {
    this.#statements = statements;
    for (const { part, json } of statements.allParts.all() as { part: string; json: string }[]) {
      const row = { value: JSON.parse(json) as Json, bytes: Buffer.byteLength(json) };
      this.#rows.set(part, row);
      this.#bytes += row.bytes;
    }
  }

  /** What is durable; undefined before the first step. */
  parts(): MemoryParts | undefined {
    if (this.#rows.size === 0) return undefined;
    return Object.fromEntries([...this.#rows].map(([part, { value }]) => [part, value]));
  }

  /** Only what is another value than in the last step is printed. */
  changeTo(parts: MemoryParts): MemoryChange {
    const put = new Map<string, Row & { text: string }>();
    let bytes = this.#bytes;
    for (const part of Object.keys(parts)) {
      const value = parts[part]!;
      const before = this.#rows.get(part);
      if (before && Object.is(before.value, value)) continue;
      const text = JSON.stringify(value);
      const row = { value, text, bytes: Buffer.byteLength(text) };
      put.set(part, row);
      bytes += row.bytes - (before?.bytes ?? 0);
    }
    const gone = [...this.#rows.keys()].filter((part) => !Object.hasOwn(parts, part));
    for (const part of gone) bytes -= this.#rows.get(part)!.bytes;
    return { put, gone, bytes };
  }

  /** Within the transaction of the step. */
  write({ put, gone }: MemoryChange): void {
    for (const [part, { text }] of put) this.#statements.putPart.run(part, text);
    for (const part of gone) this.#statements.dropPart.run(part);
  }

  /** The transaction is durable. */
  written({ put, gone, bytes }: MemoryChange): void {
    for (const [part, { value, bytes: size }] of put) this.#rows.set(part, { value, bytes: size });
    for (const part of gone) this.#rows.delete(part);
    this.#bytes = bytes;
  }
}
