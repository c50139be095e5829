/** What happens in a history. Each event stands for itself, so that a history without one of them is a history too. */
import { seeded } from '../support/seeded.ts';
import type { Service, Tree } from './tree.ts';

export type Edit =
  | { readonly type: 'Set'; readonly name: string; readonly change: Partial<Service> }
  /** Of what is there: another form of its data. */
  | { readonly type: 'Migrate'; readonly name: string; readonly change: Partial<Service> }
  | { readonly type: 'Delete'; readonly name: string }
  | { readonly type: 'DeleteAll' }
  | { readonly type: 'Rename'; readonly from: string; readonly to: string; readonly declared: boolean }
  | { readonly type: 'MoveRoute'; readonly from: string; readonly to: string }
  | { readonly type: 'MoveClock'; readonly from: string; readonly to: string }
  | { readonly type: 'Approve'; readonly name: string }
  | { readonly type: 'Emergency'; readonly name: string }
  | { readonly type: 'ConfirmPrune' }
  /** Of the change of Policies that is held, with the line that status says. */
  | { readonly type: 'ConfirmRevocation' }
  | {
      readonly type: 'Environment';
      readonly change: Partial<Pick<Tree, 'environmentBroken' | 'frozen' | 'policy' | 'shared' | 'stores'>>;
    }
  | { readonly type: 'Revert' }
  | { readonly type: 'Nothing' };

export type SimEvent =
  | { readonly type: 'Commit'; readonly edits: readonly Edit[] }
  | { readonly type: 'Rewrite' }
  | {
      readonly type: 'CrashControl';
      readonly afterCalls: number;
      readonly effectDone: boolean;
      readonly downMs: number;
    }
  | { readonly type: 'RestartEngine' }
  /** Of two, the one beside the first: it ends and comes back, or gives no answer for a while and goes on. */
  | { readonly type: 'RestartSecond' }
  | { readonly type: 'SecondAway'; readonly forMs: number }
  /** Another version of Headway takes over, with or without the engine. */
  | { readonly type: 'Upgrade'; readonly engine: boolean }
  | { readonly type: 'KillReplica'; readonly pick: number }
  | { readonly type: 'GitDown'; readonly forMs: number }
  | { readonly type: 'ServersDown'; readonly forMs: number }
  | { readonly type: 'LinkDown'; readonly forMs: number }
  | { readonly type: 'Outage'; readonly forMs: number }
  | { readonly type: 'Flaky'; readonly forMs: number; readonly share: number; readonly effectDone: boolean }
  /** So many calls are in flight to each entry. */
  | { readonly type: 'Load'; readonly inFlight: number }
  | { readonly type: 'NoTraffic'; readonly forMs: number };

export interface Step {
  /** Not before this service is in this state, as `stateOf` names it. A history that never comes there is an error. */
  readonly when?: { readonly name: string; readonly state: string };
  readonly afterMs: number;
  readonly event: SimEvent;
}

export interface History {
  readonly seed: number;
  /** Absent: one. */
  readonly engines?: 2;
  readonly steps: readonly Step[];
}

const NAMES = ['a', 'b', 'c'] as const;
const CONTENTS = [
  'good',
  'good',
  'good',
  'goodold',
  'long',
  'lost',
  'half',
  'down',
  'crash',
  'never',
  'late',
  'soon',
  'bad',
] as const;

/** The same history with two engines, of which the second has faults of its own. */
export function withTwoEngines({ seed, steps }: History): History {
  const random = seeded(seed ^ 0x2e46);
  const faulty = steps.flatMap((step): readonly Step[] => {
    if (random() < 0.6) return [step];
    const event: SimEvent =
      random() < 0.6 ? { type: 'RestartSecond' } : { type: 'SecondAway', forMs: 300 + Math.floor(random() * 6_000) };
    return [step, { afterMs: Math.floor(random() * 4_000), event }];
  });
  return { seed, steps: faulty, engines: 2 };
}

/** A history of a few commits and faults, made of one seed. */
export function historyOf(seed: number, random: () => number): History {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  // Of their own, so that a seed's other events stay what they were.
  const upgrades = seeded(seed ^ 0x70015);
  const servers = seeded(seed ^ 0x5e4fe);
  const links = seeded(seed ^ 0x11175);
  const isLinked = links() < 0.3;
  const grants = seeded(seed ^ 0x96a75);
  const isGranted = grants() < 0.25;
  const forms = seeded(seed ^ 0x57a7e);
  const hasData = forms() < 0.2;
  const loads = seeded(seed ^ 0x10ad5);
  const follows = loads() < 0.3;
  let version = 0;
  const content = () => `${pick(CONTENTS)}-${(version += 1)}`;
  const name = () => pick(NAMES);
  const count = 2 + Math.floor(random() * 7);
  const first: Step = {
    afterMs: 0,
    event: {
      type: 'Commit',
      edits: NAMES.slice(0, 1 + Math.floor(random() * 3)).map((service) => ({
        type: 'Set',
        name: service,
        change: {
          ...(random() < 0.85
            ? { content: `${upgrades() < 0.3 ? 'goodold' : 'good'}-${service}` }
            : { content: content() }),
          ...strategy(),
          replicas: pick([1, 1, 2, 3]),
          ...clock(service),
          singleton: random() < 0.2,
          remote: servers() < 0.3,
          ...(isLinked && links() < 0.85 ? { linked: true } : {}),
          ...(isGranted ? { keeps: true } : {}),
          ...(follows ? { most: 4, ...(loads() < 0.5 ? { replicas: 0 } : {}) } : {}),
          ...(hasData ? { data: forms() < 0.3 ? 'none' : '1', keeps: false } : {}),
        },
      })),
    },
  };
  const steps: Step[] = [first];
  for (let index = 0; index < count; index++) {
    const afterMs = Math.floor(random() < 0.3 ? random() * 1_500 : 1_000 + random() * 14_000);
    if (random() < 0.03) steps.push(...inARow('good', 2_300));
    if (random() < 0.02) steps.push(...inARow('down', 7_000));
    steps.push({ afterMs, event: random() < 0.68 ? commit() : fault() });
    if (servers() < 0.1) steps.push({ afterMs: Math.floor(servers() * 3_000), event: away() });
    if (random() < 0.35) steps.push(...interrupted());
    if (isLinked && links() < 0.5) steps.push(...sharedChange());
    if (isGranted && grants() < 0.6) steps.push(...tightened());
    if (hasData && forms() < 0.7) steps.push(...migrated());
    if (follows && loads() < 0.7) steps.push({ afterMs: Math.floor(loads() * 6_000), event: load() });
    if (follows && loads() < 0.3) {
      steps.push({
        afterMs: Math.floor(loads() * 6_000),
        event: { type: 'NoTraffic', forMs: 3_000 + loads() * 9_000 },
      });
    }
    if (upgrades() < 0.1) steps.push({ afterMs: Math.floor(upgrades() * 9_000), event: upgrade() });
  }
  return { seed, steps };

  /** Another version of what the linked ones share, sometimes of one of them as well. */
  function sharedChange(): readonly Step[] {
    const shared = `${CONTENTS[Math.floor(links() * CONTENTS.length)]!}-s${(version += 1)}`;
    const change: Edit = { type: 'Environment', change: { shared } };
    const own: Edit = { type: 'Set', name: name(), change: { content: `good-${version}` } };
    const event: SimEvent = { type: 'Commit', edits: links() < 0.2 ? [change, own] : [change] };
    return [{ afterMs: Math.floor(links() * 9_000), event }];
  }

  /** A ceiling that takes away what is used, or lifts it; then, often, the line that lets it through. */
  function tightened(): readonly Step[] {
    const stores = (['others', 'others', 'carts', 'Any'] as const)[Math.floor(grants() * 4)]!;
    const change = { afterMs: Math.floor(grants() * 6_000), event: edits({ type: 'Environment', change: { stores } }) };
    const confirmed = { afterMs: 4_000 + Math.floor(grants() * 4_000), event: edits({ type: 'ConfirmRevocation' }) };
    return grants() < 0.6 ? [change, confirmed] : [change];
  }

  /** Another form of data, good or bad; sometimes what was there before again, or something in the middle of it. */
  function migrated(): readonly Step[] {
    const service = NAMES[Math.floor(forms() * NAMES.length)]!;
    const kind = forms() < 0.55 ? 'good' : CONTENTS[Math.floor(forms() * CONTENTS.length)]!;
    const data = String(1 + Math.floor(forms() * 3));
    const change = { content: `${kind}-d${(version += 1)}`, data };
    const begun = { afterMs: Math.floor(forms() * 9_000), event: edits({ type: 'Migrate', name: service, change }) };
    const between: readonly (() => SimEvent)[] = [
      () => edits({ type: 'Revert' }),
      () => edits({ type: 'Migrate', name: service, change: { suspend: forms() < 0.5 } }),
      () => edits({ type: 'Migrate', name: service, change: { content: `good-d${(version += 1)}`, data: '4' } }),
      () => ({ type: 'RestartEngine' }),
      () => ({ type: 'CrashControl', afterCalls: Math.floor(forms() * 8), effectDone: forms() < 0.5, downMs: 1_500 }),
      () => ({ type: 'KillReplica', pick: forms() }),
      () => edits({ type: 'Migrate', name: service, change: { content: `good-d${(version += 1)}` } }),
    ];
    if (forms() < 0.4) return [begun];
    return [begun, { afterMs: Math.floor(forms() * 7_000), event: between[Math.floor(forms() * between.length)]!() }];
  }

  function load(): SimEvent {
    return { type: 'Load', inFlight: ([0, 1, 30, 60, 90] as const)[Math.floor(loads() * 5)]! };
  }

  function away(): SimEvent {
    return { type: 'ServersDown', forMs: 500 + Math.floor(servers() * 12_000) };
  }

  function upgrade(): SimEvent {
    return { type: 'Upgrade', engine: upgrades() < 0.5 };
  }

  /** Some are called by the clock as well, and a few by nothing else. */
  function clock(service: string): Partial<Service> {
    if (random() < 0.5) return {};
    return { clock: `clock-${service}`, routed: random() < 0.6, concurrency: pick(['Forbid', 'Allow', 'Replace']) };
  }

  function commit(): SimEvent {
    if (random() < 0.08) {
      const change = { firingDeadline: pick([1, 30, 50]), concurrency: pick(['Forbid', 'Allow', 'Replace'] as const) };
      return random() < 0.5
        ? edits({ type: 'MoveClock', from: name(), to: name() })
        : edits({ type: 'Set', name: name(), change: random() < 0.8 ? change : { clock: '' } });
    }
    const chance = random();
    if (chance < 0.38) return edits({ type: 'Set', name: name(), change: { content: content() } });
    if (chance < 0.5) return edits({ type: 'Revert' });
    if (chance < 0.55) {
      const [one, other] = ['a', 'b'].map((member) => ({
        type: 'Set' as const,
        name: member,
        change: { group: 'g', content: content() },
      }));
      return { type: 'Commit', edits: [one!, other!] };
    }
    if (chance < 0.59) return edits({ type: 'Delete', name: name() });
    if (chance < 0.62) return edits({ type: 'DeleteAll' });
    if (chance < 0.64) return edits({ type: 'ConfirmPrune' });
    if (chance < 0.69)
      return edits({ type: 'Rename', from: name(), to: pick(['a', 'b', 'd']), declared: random() < 0.5 });
    if (chance < 0.73) return edits({ type: 'MoveRoute', from: name(), to: name() });
    if (chance < 0.77) return edits({ type: 'Set', name: name(), change: { retry: Math.floor(random() * 3) } });
    if (chance < 0.81)
      return edits({ type: 'Set', name: name(), change: { steps: pick([[20, 60], [10, 40, 80], [50], [90]]) } });
    if (chance < 0.83) return edits({ type: 'Set', name: name(), change: { minSamples: pick([10, 30]) } });
    if (chance < 0.85) return edits({ type: 'Set', name: name(), change: strategy() });
    if (chance < 0.87) return edits({ type: 'Set', name: name(), change: { approval: random() < 0.6 } });
    if (chance < 0.89) return edits({ type: 'Approve', name: name() });
    if (chance < 0.92) return edits({ type: 'Emergency', name: name() });
    if (chance < 0.94) return edits({ type: 'Set', name: name(), change: { suspend: random() < 0.5 } });
    if (chance < 0.945) return edits({ type: 'Set', name: name(), change: { replicas: pick([1, 2, 3, 4]) } });
    if (chance < 0.95) return edits({ type: 'Set', name: name(), change: { singleton: random() < 0.5 } });
    if (chance < 0.958) return edits({ type: 'Set', name: name(), change: { restartToken: String(version) } });
    if (chance < 0.97) return edits({ type: 'Set', name: name(), change: { broken: random() < 0.6 } });
    if (chance < 0.977) return edits({ type: 'Environment', change: { environmentBroken: random() < 0.6 } });
    if (chance < 0.984) return edits({ type: 'Environment', change: { policy: pick(['None', 'Replicas', 'Bake']) } });
    if (chance < 0.99) return edits({ type: 'Environment', change: { frozen: random() < 0.6 } });
    return edits(
      random() < 0.5 ? { type: 'Nothing' } : { type: 'Set', name: name(), change: { label: String(version) } },
    );
  }

  /** A good one on its way, and in the middle of it whatever may come between. */
  function interrupted(): readonly Step[] {
    const service = name();
    const set = (change: Partial<Service>): SimEvent => edits({ type: 'Set', name: service, change });
    const way = { ...strategy(), singleton: random() < 0.15, replicas: pick([2, 3, 4]) };
    const begun = set({ ...way, content: `good-${(version += 1)}` });
    const between: readonly (() => SimEvent)[] = [
      () => set({ content: `good-${(version += 1)}` }),
      () => edits({ type: 'Revert' }),
      () => set({ retry: version }),
      () => set({ steps: pick([[20, 60], [10, 40, 80], [50], [90]]) }),
      () => set({ minSamples: pick([10, 30]) }),
      () => set(strategy()),
      () => set({ approval: true }),
      () => edits({ type: 'Delete', name: service }),
      () => edits({ type: 'Environment', change: { frozen: true } }),
      () => ({ type: 'RestartEngine' }),
      () => ({ type: 'Outage', forMs: 4_000 }),
      () => ({ type: 'NoTraffic', forMs: 90_000 }),
    ];
    const afterMs = Math.floor(random() * 6_000);
    return [
      { afterMs: 6_000, event: begun },
      { afterMs, event: pick(between)() },
    ];
  }

  /** How it changes, with everything that its strategy may say. */
  function strategy(): Partial<Service> {
    return {
      strategy: pick(['Canary', 'Canary', 'Canary', 'Immediate', 'BlueGreen', 'Rolling', 'Rolling']),
      opening: pick(['Weight', 'Weight', 'Header', 'Mirror', 'Both']),
      missing: pick([0, 0, 1, 2]),
      statuses: pick(['5xx', '5xx', '5xx', '4xx, 5xx', '"404"']),
      previewHost: random() < 0.3,
    };
  }

  /** Good ones that come faster than any can be promoted, or bad ones until the breaker opens. */
  function inARow(kind: string, afterMs: number): readonly Step[] {
    const service = name();
    return Array.from({ length: 5 }, () => ({
      afterMs,
      event: edits({
        type: 'Set',
        name: service,
        change: { content: `${kind}-${(version += 1)}`, strategy: 'Canary' },
      }),
    }));
  }

  function edits(edit: Edit): SimEvent {
    return { type: 'Commit', edits: [edit] };
  }

  function fault(): SimEvent {
    const chance = random();
    const forMs = 500 + Math.floor(random() * 8_000);
    if (chance < 0.4) {
      return {
        type: 'CrashControl',
        afterCalls: Math.floor(random() * 12),
        effectDone: random() < 0.5,
        downMs: Math.floor(random() * 3_000),
      };
    }
    if (chance < 0.52) return { type: 'RestartEngine' };
    if (chance < 0.64) return { type: 'KillReplica', pick: random() };
    if (chance < 0.7) return { type: 'GitDown', forMs };
    if (chance < 0.77) return { type: 'LinkDown', forMs };
    if (chance < 0.83) return { type: 'Outage', forMs };
    if (chance < 0.93) return { type: 'Flaky', forMs, share: 0.5, effectDone: random() < 0.5 };
    if (chance < 0.97) return { type: 'NoTraffic', forMs: forMs * 4 };
    return { type: 'Rewrite' };
  }
}

export function printed({ seed, steps }: History): string {
  let atMs = 0;
  const lines = steps.map(({ afterMs, event }) => {
    atMs += afterMs;
    return `  ${String(atMs).padStart(7)} ms  ${JSON.stringify(event)}`;
  });
  return `history of seed ${seed}:\n${lines.join('\n')}`;
}
