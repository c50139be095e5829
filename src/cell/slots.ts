/**
 * The cells of one process. An ordinary one has one slot, and its end is that of the process.
 *
 * Invariants
 * T1 A cell that ends leaves: its descriptors are closed, its guests brought down, its memory let go of. The others go on.
 * T2 A slot has one cell in its life, and the process ends with the last one.
 * T3 Of several, the name of the thread says whose turn it is, before anything of a guest runs. A turn begins with bytes of
 *    one of the cell's channels, or with a timer that a guest of it waits for; what follows in it is of the same cell.
 */
import net from 'node:net';
import { descriptorsOf, nameOfSlot } from '../wire/slots.ts';
import { openWithOwnReads } from './own-reads.ts';
import { Cell, CellExit } from './cell.ts';
import type { Collect } from './discarded.ts';
import type { Suspension } from './suspension.ts';

export interface SlotsSettings {
  readonly slots: number;
  readonly nodeVersion: string;
  /** Installed already. */
  readonly suspension: Suspension;
  readonly collect: Collect;
  readonly exit: (code: number) => void;
  /** Says it to whoever looks at the process from outside. */
  readonly setName: (name: string) => void;
}

export class Slots {
  readonly #settings: SlotsSettings;
  readonly #cells: (Cell | undefined)[] = [];
  readonly #sockets = new Map<number, net.Socket[]>();
  #turn = -1;

  /** Opens the channels, before anything is taken away from the process. */
  constructor(settings: SlotsSettings) {
    this.#settings = settings;
    for (let slot = 0; slot < settings.slots; slot++) this.#cells.push(this.#make(slot));
  }

  /** @param rehearsed whether the process has been through a start before. */
  boot(rehearsed: boolean): void {
    for (const [slot, cell] of this.#cells.entries()) {
      const [channel] = this.#sockets.get(slot) ?? [];
      // Before the cell reads it (T3).
      if (this.#isShared) channel?.on('data', () => this.#begin(slot));
      cell?.boot(rehearsed);
    }
  }

  get #isShared(): boolean {
    return this.#settings.slots > 1;
  }

  /** A promise of some bindings that nobody awaited was rejected: those whose turn it is. */
  strayRejection(reason: unknown): void {
    this.#cells[Math.max(0, this.#turn)]?.strayRejection(reason);
  }

  #make(slot: number): Cell {
    const { nodeVersion, suspension, collect } = this.#settings;
    const { channel, broker } = descriptorsOf(slot);
    const onTurn = (): void => this.#begin(slot);
    const opened = (socket: net.Socket): net.Socket => {
      this.#sockets.set(slot, [...(this.#sockets.get(slot) ?? []), socket]);
      return socket;
    };
    return new Cell({
      channel: opened(openWithOwnReads(channel)),
      openBroker: () => {
        const socket = opened(new net.Socket({ fd: broker, readable: true, writable: true }));
        return this.#isShared ? socket.on('data', onTurn) : socket;
      },
      nodeVersion,
      suspension,
      collect,
      exit: (code) => this.#leave(slot, code),
      ...(this.#isShared ? { onTurn } : {}),
    });
  }

  /** T3. */
  #begin(slot: number): void {
    if (this.#turn === slot) return;
    this.#turn = slot;
    this.#settings.setName(nameOfSlot(slot));
  }

  /** T1, T2. */
  #leave(slot: number, code: number): void {
    if (this.#settings.slots === 1) return this.#settings.exit(code);
    const cell = this.#cells[slot];
    if (!cell) return;
    this.#cells[slot] = undefined;
    cell.close();
    for (const socket of this.#sockets.get(slot) ?? []) socket.destroy();
    this.#sockets.delete(slot);
    if (this.#cells.every((one) => one === undefined)) this.#settings.exit(CellExit.Ok);
  }
}
