import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bundle } from '../../src/model/engine.ts';
import type { Isolation } from '../../src/model/component.ts';
import { Outcome } from '../../src/wire/frames.ts';
import { bundleOf } from './bundles.ts';
import { cellOf, get, MIB, RunningHost } from './running.ts';

describe.each(['Strict', 'Process'] as const satisfies Isolation[])('a replica as %s', (isolation) => {
  let running: RunningHost;
  let testbed: Bundle;

  beforeAll(async () => {
    running = new RunningHost();
    testbed = await bundleOf('testbed', running.storeFolder, 16 * MIB);
  });
  afterAll(() => running.stop());

  it('serves, and says what it is', async () => {
    const caller = await running.ready('a', cellOf(testbed, { isolation }));
    const answer = await get(caller, '/healthz');
    expect(answer).toMatchObject({ end: Outcome.Ok, status: 200 });
    expect(running.replica('a')).toMatchObject({ phase: 'Ready', isolation, inFlight: 0 });
  });
});
