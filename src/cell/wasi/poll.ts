import { HostResource } from '../resource.ts';
import type { Condition, Scope } from '../scope.ts';

/** `wasi:io/poll` pollable: a handle on a condition of somebody else. */
export class Pollable extends HostResource {
  readonly #condition: Condition;

  constructor(scope: Scope, condition: Condition) {
    super(scope);
    this.#condition = condition;
  }

  ready(): boolean {
    return this.#condition.ready();
  }

  block(): Promise<void> | undefined {
    return this.#condition.ready() ? undefined : this.scope.wait([this.#condition]);
  }

  static conditionOf(pollable: Pollable): Condition {
    return pollable.#condition;
  }
}

/** `wasi:io/poll#poll`: the indexes of the ready ones; waits until there is one. */
export function poll(scope: Scope, pollables: readonly Pollable[]): Uint32Array | Promise<Uint32Array> {
  if (pollables.length === 0) throw scope.trap('poll of an empty list');
  const conditions = pollables.map((pollable) => Pollable.conditionOf(pollable));
  const ready = readyIndexes(conditions);
  return ready.length > 0 ? ready : scope.wait(conditions).then(() => readyIndexes(conditions));
}

function readyIndexes(conditions: readonly Condition[]): Uint32Array {
  const indexes: number[] = [];
  for (const [index, condition] of conditions.entries()) if (condition.ready()) indexes.push(index);
  return Uint32Array.from(indexes);
}
