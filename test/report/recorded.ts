import type {
  CandidateStatus,
  CommitStatus,
  Condition,
  EntryStatus,
  Reason,
  Status,
  TimelineEvent,
} from '../../src/model/status.ts';
import type { StatusSource } from '../../src/reconcile/ports.ts';

/** A status source that says what it is given; the shapes are those of a daemon during a canary and a rollback. */
export class RecordedSource implements StatusSource {
  #status: Status;
  readonly #listeners = new Set<() => void>();

  constructor(status: Status) {
    this.#status = status;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  status(): Status {
    return { ...this.#status, now: new Date().toISOString() };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  become(change: Partial<Status>): void {
    this.#status = { ...this.#status, ...change };
    for (const listener of this.#listeners) listener();
  }
}

const STARTED = Date.now();

function ago(seconds: number): string {
  return new Date(STARTED - seconds * 1_000).toISOString();
}

/** 64 hex digits that look like a hash. */
export function hash(seed: number): string {
  let text = '';
  for (let state = (seed + 1) * 2_654_435_761; text.length < 64; state = (state * 48_271) % 2_147_483_647) {
    text += (state % 65_536).toString(16).padStart(4, '0');
  }
  return text.slice(0, 64);
}

export const COMMITS = {
  first: hash(1).slice(0, 40),
  good: hash(2).slice(0, 40),
  bad: hash(3).slice(0, 40),
  search: hash(4).slice(0, 40),
};

export function condition(
  type: Condition['type'],
  status: Condition['status'],
  reason: Reason,
  message: string,
): Condition {
  return { type, status, reason, message, since: ago(40), observedCommit: COMMITS.good };
}

function release(seed: number, commit: string): { release: string; revision: string; commit: string } {
  return { release: hash(seed), revision: hash(seed + 100), commit };
}

export function canary(step: number, weight: number): CandidateStatus {
  return {
    ...release(11, COMMITS.good),
    attempt: hash(21),
    state: 'Canary',
    strategy: 'Canary',
    step,
    steps: 3,
    weight,
    inStateMs: 7_000,
    evidence: [
      { metric: 'errors', observed: '0 %', threshold: '0.5 % to 2 %', samples: 212, synthetic: 12 },
      { metric: 'p99 latency', observed: '4.1 ms', threshold: '4.9 ms', samples: 200, synthetic: 0 },
    ],
    verdict: 'Continue',
  };
}

export function greet(candidate?: CandidateStatus): EntryStatus {
  const weight = candidate?.weight ?? 0;
  const message = candidate
    ? `step ${candidate.step} of ${candidate.steps}: ${candidate.weight} % of the traffic goes to the candidate`
    : 'what git says is what serves';
  return {
    key: 'shop/greet',
    conditions: [
      condition('Ready', 'True', candidate ? 'Progressing' : 'InSync', message),
      condition('Reconciling', candidate ? 'True' : 'False', candidate ? 'Progressing' : 'InSync', message),
      condition('Healthy', 'True', 'InSync', 'all replicas are ready'),
    ],
    desired: release(11, COMMITS.good),
    ...(candidate ? { candidate } : {}),
    serving: { ...release(10, COMMITS.first), weight: 100 - weight },
    proven: release(10, COMMITS.first),
    draining: [],
    quarantined: [],
    replicas: [
      {
        id: 'shop/greet@aa#1',
        release: hash(10),
        phase: 'Ready',
        isolation: 'Strict',
        instancePolicy: 'Pooled',
        pid: 4_211,
        inFlight: 2,
      },
      {
        id: 'shop/greet@aa#2',
        release: hash(10),
        phase: 'Ready',
        isolation: 'Strict',
        instancePolicy: 'Pooled',
        pid: 4_212,
        inFlight: 0,
      },
      ...(candidate
        ? [
            {
              id: 'shop/greet@bb#1',
              release: hash(11),
              phase: 'Ready',
              isolation: 'Strict',
              instancePolicy: 'Pooled',
              pid: 4_377,
              inFlight: 1,
            },
          ]
        : []),
    ],
    tier: 'quiet',
    tierReason: 'the helper _utf16 is not known',
    decision: {
      row: 12,
      rule: 'candidate = desired: its next step',
      why: 'the gate has 212 of 300 samples and the step has run for 7 s of 10 s',
      inputs: {
        desired: hash(11).slice(0, 12),
        candidate: hash(11).slice(0, 12),
        serving: hash(10).slice(0, 12),
        weight: '20 %',
      },
      actions: [],
      at: ago(1),
    },
  };
}

const evidence = [{ metric: 'errors', observed: '34 %', threshold: '2 %', samples: 41, synthetic: 0 }];

export function rolledBack(): EntryStatus {
  return {
    key: 'shop/quote',
    conditions: [
      condition('Ready', 'True', 'RolledBack', 'serves the last proven release; the newest was rolled back'),
      condition('Stalled', 'True', 'RolledBack', 'rolled back: errors 34 %, threshold 2 %, 41 samples'),
    ],
    desired: release(31, COMMITS.bad),
    serving: { ...release(30, COMMITS.first), weight: 100 },
    proven: release(30, COMMITS.first),
    draining: [],
    quarantined: [
      {
        attempt: hash(41),
        release: hash(31),
        commit: COMMITS.bad,
        why: 'a third of the answers were 500: errors 34 % of 41 samples, threshold 2 %',
        releasedBy: 'a change of the component, its gate or probes, or spec.rollout.retry: 1',
        evidence: [{ metric: 'errors', observed: '34 %', threshold: '2 %', samples: 41, synthetic: 0 }],
      },
    ],
    replicas: [
      {
        id: 'shop/quote@cc#1',
        release: hash(30),
        phase: 'Ready',
        isolation: 'Strict',
        instancePolicy: 'PerRequest',
        pid: 4_300,
        inFlight: 0,
      },
      {
        id: 'shop/quote@dd#1',
        release: hash(31),
        phase: 'Draining',
        isolation: 'Strict',
        instancePolicy: 'PerRequest',
        pid: 4_391,
        inFlight: 0,
      },
    ],
  };
}

function event(
  id: number,
  seconds: number,
  commit: string,
  reason: Reason,
  message: string,
  more: Partial<TimelineEvent> = {},
): TimelineEvent {
  return { id, at: ago(seconds), reconcileId: `r${id}`, commit, reason, message, ...more };
}

const commits: readonly CommitStatus[] = [
  {
    commit: COMMITS.good,
    subject: 'greet: answer in the language of the visitor',
    author: 'Ada',
    seenAt: ago(14),
    state: 'InProgress',
    why: 'shop/greet walks its steps',
  },
  {
    commit: COMMITS.bad,
    subject: 'quote: round half up',
    author: 'Grace',
    seenAt: ago(95),
    state: 'RolledBack',
    why: 'shop/quote failed its gate at 20 %: errors 34 %',
  },
  {
    commit: COMMITS.first,
    subject: 'the shop: greet and quote',
    author: 'Ada',
    seenAt: ago(620),
    state: 'Proven',
    why: 'all 2 entries are proven',
  },
];

const timeline: readonly TimelineEvent[] = [
  event(9, 6, COMMITS.good, 'Progressing', 'step 1 passed, 20 % of the traffic goes to the candidate', {
    entry: 'shop/greet',
  }),
  event(8, 12, COMMITS.good, 'Progressing', 'ready after 31 ms; step 1 of 3', { entry: 'shop/greet' }),
  event(7, 78, COMMITS.bad, 'RolledBack', 'rolled back within 96 ms', { entry: 'shop/quote', evidence }),
  event(6, 90, COMMITS.bad, 'Progressing', 'step 1 of 2', { entry: 'shop/quote' }),
  event(3, 560, COMMITS.first, 'Proven', 'its bake ended without a failure', { entry: 'shop/quote' }),
  event(2, 565, COMMITS.first, 'Proven', 'its bake ended without a failure', { entry: 'shop/greet' }),
  event(1, 618, COMMITS.first, 'FirstDeployment', 'nothing served before', { entry: 'shop/greet' }),
];

export function recordedStatus(): Status {
  return {
    version: '0.1.0',
    startedAt: ago(640),
    now: ago(0),
    ready: true,
    source: {
      repository: 'https://git.example.com/shop/fleet.git',
      ref: 'main',
      path: 'environments/demo',
      acceptedCommit: COMMITS.good,
      headCommit: COMMITS.good,
      lastLookAt: ago(1),
      condition: condition('Synced', 'True', 'InSync', 'the head of main is accepted'),
    },
    environment: 'demo',
    engine: { connected: true, epoch: 'e1', generation: 17, sandbox: 'Strict: bubblewrap and seccomp' },
    entries: [greet(canary(2, 20)), rolledBack()],
    commits,
    diagnostics: [],
    timeline,
  };
}
