/**
 * Names → addresses, for requests and sockets. The system's resolver takes a thread of the process for as long as it waits for an
 * answer, which whoever answers for a name can draw out: so the cells of an entry get some of them, and others have theirs.
 */
import type { GroupId } from '../model/snapshot.ts';
import type { CheckedAddress } from './http/connection.ts';
import { Turns } from './turns.ts';

/** Every address of a name, in the order to try them. */
export type Resolve = (name: string) => Promise<readonly CheckedAddress[]>;

/** `process/engine.ts` gives the broker `BROKER_THREADS`: these, and two for the disk. */
export const MAX_LOOKUPS_AT_WORK = 12;
export const MAX_LOOKUPS_OF_ONE = 4;

export class Resolver {
  readonly #resolve: Resolve;
  readonly #turns = new Turns(MAX_LOOKUPS_AT_WORK, MAX_LOOKUPS_OF_ONE);

  constructor(resolve: Resolve) {
    this.#resolve = resolve;
  }

  /**
   * @param isWanted asked when its turn comes: for nobody nothing is looked up, and nothing found.
   * @throws what the resolver says.
   */
  addressesOf(group: GroupId, name: string, isWanted: () => boolean): Promise<readonly CheckedAddress[]> {
    return this.#turns.run(group, () => (isWanted() ? this.#resolve(name) : Promise.resolve([])));
  }
}
