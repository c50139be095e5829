/** The table of a shape while it is made: equal types meet in one position, and none is deep or large beyond a bound. */
import { Refusal } from '../binary/refusal.ts';
import { partsOf, type WitResource, type WitType, type WitTypeRef } from '../../model/wit.ts';

/** Types within each other. What converts values goes as deep as this, on the stack. */
export const MAX_TYPE_DEPTH = 64;
/** Different types of one component; the largest world of WASI 0.2 has some 150. */
export const MAX_TYPES = 20_000;

/** A resource while the component is read: it gets its name where it is exported. */
export interface Resource {
  readonly position: number;
}

export class TypeTable {
  readonly types: WitType[] = [];
  readonly resources: WitResource[] = [];
  readonly #depths: number[] = [];
  readonly #known = new Map<string, number>();

  /** @throws Refusal beyond a bound. */
  add(type: WitType): number {
    // Members stand in a fixed order, because each is made by one literal.
    const key = JSON.stringify(type);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const depth = 1 + Math.max(0, ...partsOf(type).map((part) => this.#depthOf(part)));
    if (depth > MAX_TYPE_DEPTH) {
      throw new Refusal('HW2104', `the component has more than ${MAX_TYPE_DEPTH} value types within each other`);
    }
    if (this.types.length >= MAX_TYPES) throw new Refusal('HW2104', `the component has more than ${MAX_TYPES} types`);
    this.#known.set(key, this.types.length);
    this.#depths.push(depth);
    return this.types.push(type) - 1;
  }

  newResource(resource: WitResource): Resource {
    return { position: this.resources.push(resource) - 1 };
  }

  /** The first export names it. */
  nameResource({ position }: Resource, interfaceName: string, name: string): void {
    if (this.resources[position]!.origin !== 'Hidden') return;
    this.resources[position] = { origin: 'Export', interface: interfaceName, name };
  }

  #depthOf(part: WitTypeRef): number {
    return typeof part === 'number' ? this.#depths[part]! : 0;
  }
}
