/** What `headway status` says of several engines, and `headway explain` of the walls around an entry. */
import { describe, expect, test } from 'vitest';
import { explainText } from '../../src/check/explain.ts';
import { statusText } from '../../src/check/status.ts';
import type { EngineMember } from '../../src/model/engine.ts';
import type { EntryStatus, Status } from '../../src/model/status.ts';

const ONE = { connected: true, generation: 7, sandbox: 'Strict' };
const FIRST: EngineMember = { name: '1', state: 'Serving', epoch: 'e1', generation: 7, requests: 30 };

function linesOf(engine: Status['engine']): readonly string[] {
  const condition = { type: 'Synced', status: 'True', reason: 'InSync', message: '', since: '' };
  const source = { repository: 'r', ref: 'main', condition };
  const status = { source, engine, entries: [], diagnostics: [] } as unknown as Status;
  return statusText(status)
    .split('\n')
    .filter((line) => line.startsWith('engine'));
}

describe('engines', () => {
  test('one is a line', () => expect(linesOf(ONE)).toEqual(['engine   generation 7, cells Strict']));

  test.each([
    ['Serving', 'serves'],
    ['CatchingUp', 'is being given what the others have'],
    ['Away', 'gives no answer'],
  ] as const)('each of several has a line of its own: %s', (state, words) => {
    const second: EngineMember = { name: '2', state, epoch: 'e2', generation: 6, requests: 12 };
    expect(linesOf({ ...ONE, engines: [FIRST, second] })).toEqual([
      'engine 1 serves, generation 7, 30 requests',
      `engine 2 ${words}, generation 6, 12 requests`,
      'engine   generation 7, cells Strict',
    ]);
  });
});

describe('explain says of the isolation', () => {
  const lines = (replicas: readonly object[]): readonly string[] =>
    explainText({ key: 'shop/cart', conditions: [], quarantined: [], replicas } as unknown as EntryStatus)
      .split('\n')
      .filter((line) => line.startsWith('isolation'));

  test('nothing where nothing runs', () => expect(lines([])).toEqual([]));

  test('once what all replicas have', () =>
    expect(lines([{ isolation: 'Strict' }, { isolation: 'Strict' }])).toEqual([
      'isolation Strict: a process for each replica',
    ]));

  test('and why it is this one', () => {
    const isolationWhy = 'spec.isolation is Auto: bubblewrap is not installed';
    const text = explainText({
      key: 'shop/cart',
      conditions: [],
      quarantined: [],
      replicas: [{ isolation: 'Process', isolationWhy }],
    } as unknown as EntryStatus);
    expect(text).toContain(`\nisolation Process: a process for each replica\n  why      ${isolationWhy}\n`);
  });

  test('with whom a process is shared, and why', () =>
    expect(lines([{ isolation: 'Shared (Strict)', sharedBy: 3 }])).toEqual([
      'isolation Shared (Strict): spec.isolation asks for it and a Policy allows it; cells in the process: 3',
    ]));
});

test('explain says how instances are used where that is not what git says, once', () => {
  const why = 'a second call on one instance failed: RuntimeError: unreachable\u001b[2J';
  const replicas = [
    { instancePolicy: 'PerRequest', instancePolicyReason: why },
    { instancePolicy: 'PerRequest', instancePolicyReason: why },
    { instancePolicy: 'Pooled' },
  ];
  const entry = { key: 'shop/cart', conditions: [], quarantined: [], replicas } as unknown as EntryStatus;
  const lines = explainText(entry)
    .split('\n')
    .filter((line) => line.startsWith('instances'));
  expect(lines).toEqual([expect.stringMatching(/^instances PerRequest: a second call .*: unreachable/)]);
  expect(lines[0]).not.toContain('\u001b');
});
