/** `headway:component/lifecycle`, where a component exports it. */
import type { Instance } from './instance.ts';
import { declared, describeFailure, HostTrap } from './trap.ts';

/** `init`. Rejects with what it failed by; `undefined` where there is nothing to call. */
export function initialise(instance: Instance, lifecycle: string | undefined): Promise<void> | undefined {
  const init = lifecycle === undefined ? undefined : instance.find(lifecycle, 'init');
  return init && callInit(instance, lifecycle!, init);
}

async function callInit(instance: Instance, lifecycle: string, init: () => unknown): Promise<void> {
  instance.scope.enter(undefined, instance.maySuspend(lifecycle, 'init'));
  try {
    await init();
  } catch (thrown) {
    const refusal = declared(thrown);
    if (refusal) throw new HostTrap(`init: ${String(refusal.payload)}`);
    // Ended from outside says itself what took too long.
    throw instance.scope.ended ? thrown : new HostTrap(`init: ${describeFailure(thrown)}`);
  }
  instance.scope.leave();
}

/** `shutdown`. Rejects with what it failed by; where it waits, at the latest after `deadlineMs`. */
export async function shutDown(instance: Instance, lifecycle: string | undefined, deadlineMs: number): Promise<void> {
  const shutdown = lifecycle === undefined ? undefined : instance.find(lifecycle, 'shutdown');
  if (!shutdown) return;
  instance.scope.enter(undefined, instance.maySuspend(lifecycle!, 'shutdown'));
  const timer = setTimeout(() => instance.scope.end('it took too long'), deadlineMs);
  try {
    await shutdown();
  } finally {
    clearTimeout(timer);
  }
}
