/** `headway:component/lifecycle`, of every member that exports it; `migrate`, of the entry alone. */
import type { Instance } from './instance.ts';
import type { ExportedFunction, MemberInstance } from './member.ts';
import { declared, describeFailure, HostTrap } from './trap.ts';

/** `init`, of providers first. Rejects with what it failed by; `undefined` where there is nothing to call. */
export function initialise(instance: Instance): Promise<void> | undefined {
  const waiting = instance.members.filter((member) => lifecycleOf(member, 'init') !== undefined);
  return waiting.length === 0 ? undefined : initAll(waiting);
}

async function initAll(members: readonly MemberInstance[]): Promise<void> {
  for (const member of members) {
    const { name, names } = member.settings;
    member.scope.enter(undefined, member.maySuspend(names.lifecycle!, 'init'));
    try {
      await lifecycleOf(member, 'init')!();
    } catch (thrown) {
      const whose = name === undefined ? '' : `${name}: `;
      const refusal = declared(thrown);
      if (refusal) throw new HostTrap(`${whose}init: ${String(refusal.payload)}`);
      // Ended from outside says itself what took too long.
      throw member.scope.ended ? thrown : new HostTrap(`${whose}init: ${describeFailure(thrown)}`);
    }
    member.scope.leave();
  }
}

/**
 * `migrate` of the entry, on an instance on which nothing else was called. Rejects with what it failed by, which is its
 * own text where it returned one.
 */
export async function migrate(instance: Instance, fromVersion: string | undefined): Promise<void> {
  const { names } = instance.entry.settings;
  const run = names.migrate === undefined ? undefined : instance.find(names.migrate, 'migrate');
  if (!run) throw new HostTrap('migrate: the component does not export headway:component/migrate');
  const { scope } = instance;
  scope.enter(undefined, instance.maySuspend(names.migrate!, 'migrate'));
  try {
    await run(fromVersion);
  } catch (thrown) {
    const refusal = declared(thrown);
    if (refusal) throw new HostTrap(`migrate: ${String(refusal.payload)}`);
    throw scope.ended ? thrown : new HostTrap(`migrate: ${describeFailure(thrown)}`);
  }
  scope.leave();
}

/**
 * `shutdown`, of those that call before those that they call. Rejects with what the first failed by: a trap is the end of
 * the others too. Where it waits, all of it ends at the latest after `deadlineMs`.
 */
export async function shutDown(instance: Instance, deadlineMs: number): Promise<void> {
  const members = instance.members.toReversed().filter((member) => lifecycleOf(member, 'shutdown') !== undefined);
  if (members.length === 0) return;
  const timer = setTimeout(() => instance.scope.end('it took too long'), deadlineMs);
  try {
    for (const member of members) {
      member.scope.enter(undefined, member.maySuspend(member.settings.names.lifecycle!, 'shutdown'));
      await lifecycleOf(member, 'shutdown')!();
      member.scope.leave();
    }
  } finally {
    clearTimeout(timer);
  }
}

function lifecycleOf(member: MemberInstance, name: 'init' | 'shutdown'): ExportedFunction | undefined {
  const { lifecycle } = member.settings.names;
  return lifecycle === undefined ? undefined : member.find(lifecycle, name);
}
