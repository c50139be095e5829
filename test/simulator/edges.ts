/**
 * What histories have to reach: the way of a candidate, and for each state what may happen to it there. Not in it, because
 * it cannot be: `Verified`, `Prepared` and `Ready` are mostly left in the decision that enters them, and a candidate that
 * is fetched or warms has no traffic to fail by. Edges that one or two histories in five hundred take, or none, are printed and not
 * asked for here: directed.test.ts takes them on purpose.
 */
const THROUGH: readonly string[] = [
  'None > Pending',
  'Pending > Fetching',
  'Pending > Prepared',
  'Fetching > Verified',
  'Verified > Prepared',
  'Prepared > Warming',
  'Prepared > Handover',
  'Handover > Warming',
  'Prepared > Copying',
  'Handover > Copying',
  'Copying > Warming',
  'Warming > Ready',
  'Ready > Promoted',
  'Ready > Preview',
  'Preview > Promoted',
  'Ready > Rolling',
  'Rolling > Rolling',
  'Rolling > Promoted',
  'Ready > Canary(header)',
  'Canary(header) > Canary(weight)',
  'Ready > Canary(mirror)',
  'Canary(mirror) > Canary(weight)',
  'Ready > Canary(header+mirror+weight)',
  'Canary(header+mirror+weight) > Canary(weight)',
  'Ready > Canary(weight)',
  'Canary(weight) > Canary(weight)',
  'Canary(weight) > Promoted',
  'Promoted > Proven',
];

/** What happens besides going on: a newer commit, git going back, something that holds it, an edit, another engine, an end. */
const BESIDES: Readonly<Record<string, readonly string[]>> = {
  Fetching: ['preempted', 'ends Refused'],
  Warming: ['preempted', 'taken back', 'ends Failed', 'ends Waiting'],
  Ready: ['taken back', 'back to Warming'],
  Preview: ['ends Failed', 'back to Warming'],
  Rolling: ['preempted', 'edited', 'removed', 'back to Warming', 'ends Failed', '> Leaving'],
  'Canary(header)': ['preempted', 'ends Failed'],
  'Canary(mirror)': ['ends Failed'],
  'Canary(weight)': [
    'preempted',
    'reverted',
    'taken back',
    'edited',
    'removed',
    'back to Warming',
    'ends Failed',
    'ends Waiting',
    'ends Inconclusive',
  ],
  Promoted: [
    'preempted',
    'edited',
    'removed',
    'goes back with its group',
    'ends without proof',
    '> Judging',
    '> Degraded',
  ],
  Judging: ['ends Failed', 'ends Waiting', 'removed'],
  Leaving: ['> gone'],
};

/** A change of what several cells hold, in each of the entries that link it: the same edges, counted for themselves. */
const SHARED: readonly string[] = [
  '> Promoted',
  '> Proven',
  '> Judging',
  'ends Failed',
  'ends Refused',
  'ends Waiting',
  'preempted',
];

/** Of the ceilings over all entries. */
const POLICIES: readonly string[] = ['Policies > in force', 'Policies > held', 'held > in force'];

export const EDGES: readonly string[] = [
  ...THROUGH,
  ...SHARED.map((event) => `shared change ${event}`),
  ...POLICIES,
  ...Object.entries(BESIDES).flatMap(([state, events]) => events.map((event) => `${state} ${event}`)),
];
