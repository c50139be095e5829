import { pino } from 'pino';
import { expect, test } from 'vitest';
import { FailureLog } from '../../src/ingress/failure-log.ts';
import { Outcome } from '../../src/wire/frames.ts';
import { release } from './fixture.ts';

test('the log says why a call failed, once a second for each release, and how many it left out', () => {
  let now = 5_000;
  const lines: Record<string, unknown>[] = [];
  const log = new FailureLog(
    pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
    () => now,
  );
  for (let count = 0; count < 100; count++) log.note(release('a'), Outcome.Trap, 'wasm trap: unreachable');
  log.note(release('b'), Outcome.ErrorCode, 'connection-refused');
  now += 1_000;
  log.note(release('a'), Outcome.Deadline, '');
  expect(lines.map(({ release, outcome, detail, leftOut }) => ({ release, outcome, detail, leftOut }))).toEqual([
    { release: 'a00000000000', outcome: 'Trap', detail: 'wasm trap: unreachable', leftOut: 0 },
    { release: 'b00000000000', outcome: 'ErrorCode', detail: 'connection-refused', leftOut: 0 },
    { release: 'a00000000000', outcome: 'Deadline', detail: '', leftOut: 99 },
  ]);
});
