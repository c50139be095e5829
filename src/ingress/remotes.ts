/**
 * Calls of one cell to another, on their way: by the snapshot in force to the release that the caller is paired with, else by
 * the weights of the entry's own rollout.
 *
 * Invariants
 * N1 A call sees one snapshot, as a request does; one that waits for room begins again where its group loses its last replica.
 * N2 It is answered once, or cancelled; whoever calls has then lost interest, and the callee is stopped.
 * N3 It counts for the release that is called as a request does: traps, deadlines and lost cells are failures. What its caller
 *    is to blame for is none: it left, or had less than half of the time that the callee allows.
 * N4 It is never tried a second time: nobody knows what the first one did.
 */
import type { EntryKey } from '../model/component.ts';
import type { RemoteCount } from '../model/engine.ts';
import { entryOfGroup, type GroupId, type RemoteTarget, type Snapshot, type SnapshotRule } from '../model/snapshot.ts';
import type { TellLimit } from '../model/limits.ts';
import type { RemoteCall, RemoteHandle } from '../wire/remote-call.ts';
import { compileRule, standIn, type CompiledArm, type CompiledRule, type Directory } from './compiled-rule.ts';
import type { FailureLog } from './failure-log.ts';
import type { Group } from './group.ts';
import type { Queued } from './queued.ts';
import { RemoteExchange } from './remote-exchange.ts';
import type { Tallies } from './tally.ts';

interface CompiledTarget {
  readonly target: RemoteTarget;
  readonly rule: CompiledRule;
  readonly pairs: ReadonlyMap<GroupId, CompiledArm>;
}

/** What a call needs of the rest. */
export interface RemoteWay {
  readonly tallies: Tallies;
  readonly failures: FailureLog;
  readonly onRoom: (group: Group<Queued>) => void;
  readonly onLimit: TellLimit;
}

export interface Way {
  readonly target: RemoteTarget;
  readonly rule: CompiledRule;
  readonly arm: CompiledArm;
}

/** Nobody is there to ask. */
export interface NoWay {
  readonly type: 'Missing' | 'NoReplica';
  readonly why: string;
}

export class Remotes {
  readonly #directory: Directory;
  readonly #way: RemoteWay;
  #targets: ReadonlyMap<EntryKey, CompiledTarget> = new Map();
  /** Calls since the start, by the two entries. */
  readonly #counts = new Map<string, { from: EntryKey; to: EntryKey; calls: number; failures: number }>();

  constructor(directory: Directory, way: RemoteWay) {
    this.#directory = directory;
    this.#way = way;
  }

  /** The rules by which calls go from here on, for whoever keeps what rules name. */
  apply({ remotes = [] }: Snapshot): readonly SnapshotRule[] {
    const before = this.#targets;
    const compiled = remotes.map((target): [EntryKey, CompiledTarget] => {
      const options = { releaseHeader: false, preview: false, before: before.get(target.entry)?.rule };
      const rule = compileRule(ruleOf(target), this.#directory, options);
      // Arms of pairs have no weight: they are asked by name.
      const paired = (target.pairs ?? []).map(({ arm }) => arm);
      const arms = compileRule({ ...ruleOf(target), arms: paired }, this.#directory, options).arms;
      const pairs = new Map((target.pairs ?? []).map(({ from }, at) => [from, arms[at]!]));
      return [target.entry, { target, rule, pairs }];
    });
    this.#targets = new Map(compiled);
    for (const [name, { to }] of this.#counts) if (!this.#targets.has(to)) this.#counts.delete(name);
    return compiled.map(([, { target, rule }]) => ({
      ...rule.rule,
      arms: [...target.arms, ...(target.pairs ?? []).map(({ arm }) => arm)],
    }));
  }

  call(call: RemoteCall): RemoteHandle {
    const exchange = new RemoteExchange(call, this.#way, {
      find: () => {
        const way = this.wayOf(call.from, call.target);
        return 'why' in way ? `${way.type === 'Missing' ? 'HW4611' : 'HW4612'} ${way.why}` : way;
      },
      onFailed: this.countCall(entryOfGroup(call.from), call.target),
    });
    exchange.begin();
    return exchange;
  }

  read(): readonly RemoteCount[] {
    return [...this.#counts.values()];
  }

  has(entry: EntryKey): boolean {
    return this.#targets.has(entry);
  }

  /** Whom a call of one group of cells meets: the release that it is paired with, else whose turn it is. */
  wayOf(from: GroupId, entry: EntryKey): Way | NoWay {
    const compiled = this.#targets.get(entry);
    if (!compiled) return { type: 'Missing', why: `${entry}: there is no such entry` };
    const { target, rule, pairs } = compiled;
    const paired = pairs.get(from);
    if (paired) return paired.group.takesRequests ? { target, rule, arm: paired } : noReplica(entry, paired.label);
    const wanted = rule.arms[rule.balance.next()];
    const arm = wanted === undefined || wanted.group.takesRequests ? wanted : standIn(rule, wanted);
    if (arm) return { target, rule, arm };
    return wanted ? noReplica(entry, wanted.label) : { type: 'NoReplica', why: `${entry}: nothing serves it yet` };
  }

  /** One more call of an entry by another; what it gives is told when that one has failed. */
  countCall(from: EntryKey, to: EntryKey): () => void {
    const name = `${from} ${to}`;
    const counts = this.#counts.get(name) ?? { from, to, calls: 0, failures: 0 };
    this.#counts.set(name, counts);
    counts.calls++;
    return () => counts.failures++;
  }
}

function noReplica(entry: EntryKey, release: string): NoWay {
  return { type: 'NoReplica', why: `${entry}: release ${release} has no ready replica` };
}

/** As if it were a route of its own that nobody outside reaches. */
function ruleOf({ entry, arms, mailbox, ...limits }: RemoteTarget): SnapshotRule {
  const { requestTimeoutMs, requestBodyBytes, responseBodyBytes, headers } = limits;
  return {
    match: { path: { type: 'Exact', value: `/${entry}` }, headers: [] },
    route: entry,
    entry,
    requestTimeoutMs,
    requestBodyBytes,
    responseBodyBytes,
    ...(headers === undefined ? {} : { headers }),
    ...(mailbox === undefined ? {} : { mailbox }),
    arms,
  };
}
