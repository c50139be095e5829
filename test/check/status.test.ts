/** The text of `headway status` where a node has several engines. */
import { describe, expect, test } from 'vitest';
import { statusText } from '../../src/check/status.ts';
import type { EngineMember } from '../../src/model/engine.ts';
import type { Status } from '../../src/model/status.ts';

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
