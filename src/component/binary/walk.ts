import type { FormLimits } from './limits.ts';
import { admitName, isCoreName, isExternName, isLabel } from './names.ts';
import type { Reader } from './reader.ts';
import { Refusal } from './refusal.ts';

export interface DeclaredMemory {
  readonly initialPages: number;
  /** After rewriting. */
  readonly maximumPages: number;
}

/** What one walk over a component counts and finds, at all depths together. */
export class Walk {
  readonly limits: FormLimits;
  /** Pages that one memory may have. */
  readonly memoryPages: number;
  readonly memories: DeclaredMemory[] = [];
  /** Functions that are taken out of instances by name: what the component really uses of what it imports. */
  readonly functionsTaken = new Set<string>();
  #items = 0;
  #coreModules = 0;
  #tables = 0;

  constructor(limits: FormLimits, memoryPages: number) {
    this.limits = limits;
    this.memoryPages = memoryPages;
  }

  /** Reads a list: its length is charged before anything is read. */
  list<T>(reader: Reader, entry: (reader: Reader) => T): T[] {
    const count = reader.u32();
    this.charge(count);
    const entries: T[] = [];
    for (let index = 0; index < count; index += 1) entries.push(entry(reader));
    return entries;
  }

  charge(count: number): void {
    this.#items += count;
    bounded(this.#items, this.limits.items, 'items');
  }

  coreModule(): void {
    this.#coreModules += 1;
    bounded(this.#coreModules, this.limits.coreModules, 'core modules');
  }

  memory(memory: DeclaredMemory): void {
    this.memories.push(memory);
    bounded(this.memories.length, this.limits.memories, 'memories');
  }

  table(): void {
    this.#tables += 1;
    bounded(this.#tables, this.limits.tables, 'tables');
  }

  label(reader: Reader, what: string): string {
    return admitName(reader.name(), isLabel, what, this.limits.nameBytes);
  }

  externName(reader: Reader, what: string): string {
    return admitName(reader.name(), isExternName, what, this.limits.nameBytes);
  }

  coreName(reader: Reader, what: string): string {
    return admitName(reader.name(), isCoreName, what, this.limits.nameBytes);
  }
}

export function bounded(count: number, limit: number, what: string): void {
  if (count > limit) throw new Refusal('HW2104', `the component has more than ${limit} ${what}`);
}
