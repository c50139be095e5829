/** Schedules that give a function its parameters, with the real program and the real clock: one minute, because cron does. */
import { describe, expect, it } from 'vitest';
import type { EntryStatus, ScheduleStatus } from '../../src/model/status.ts';
import { headway } from '../support/headway.ts';
import { component, environment, example, immediatePolicy } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { chapters } from './story.ts';

const PATIENCE_MS = 110_000;

/** A component of its own for each, so that what one firing says is not about another's release. */
function priced(name: string, parameters: string): Changes {
  const text = component({ name, wasm: 'wasm/pricing-v1.wasm', rollout: '{policyRef: {name: now}}' }).replace(
    / {2}probes:\n.*\n/,
    '',
  );
  return {
    [`shop/${name}.yaml`]: text,
    [`shop/${name}-schedule.yaml`]: `apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: ${name}, namespace: shop}
spec:
  schedule: "* * * * *"
  backendRef:
    name: ${name}
    export: {interface: "shop:cart/pricing@1.0.0", function: quote}
    parameters:
      items: ${parameters}
      currency: eur
`,
  };
}

const story = chapters({
  'environment.yaml': environment(),
  'shop/policies.yaml': immediatePolicy(),
  'wasm/pricing-v1.wasm': example('pricing-v1'),
  ...priced('tea', '[{sku: tea, count: 2}]'),
  ...priced('nothing', '[]'),
});

async function fired(name: string): Promise<ScheduleStatus['ended'][number]> {
  const endOf = ({ schedules = [] }: EntryStatus) => schedules[0]?.ended[0];
  const status = await story().daemon.entry(
    `shop/${name}`,
    'it fired',
    (seen) => endOf(seen) !== undefined,
    PATIENCE_MS,
  );
  return endOf(status)!;
}

describe('parameters of a Schedule', { timeout: 2 * PATIENCE_MS }, () => {
  it('that do not fit are found at their place by lint and by the daemon, and the last valid form stays', async () => {
    const { daemon, repository } = story();
    const head = await repository.push('Ask for less than nothing', priced('tea', '[{sku: tea, count: -1}]'));
    const lint = await headway(['lint', repository.work]);
    expect(lint.code).toBe(1);
    expect(lint.out).toMatch(/shop\/tea-schedule\.yaml:10:33\b.*HW1083.*found -1 at \/items\/0\/count/s);
    const { diagnostics } = await daemon.until('it was read', ({ source }) => source.acceptedCommit === head);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toMatchObject([
      { code: 'HW1083', span: { file: 'shop/tea-schedule.yaml', line: 10, column: 33 } },
    ]);
  });

  it('reach the function, and what it returned is told', async () => {
    const { outcome, why } = await fired('tea');
    expect([outcome, why]).toEqual([
      'Succeeded',
      'it ended well: {"total-cents":"900","currency":"eur","discount":null}',
    ]);
    const explained = await headway(['explain', 'shop/tea', '--status', story().daemon.statusAddress]);
    expect(explained.out).toContain('it ended well: {"total-cents":"900"');
  });

  it('whose err is a failure, with its value', async () => {
    const { outcome, code, why } = await fired('nothing');
    expect([outcome, code, why]).toEqual(['Failed', 'HW4601', 'it returned an error: {"empty-basket":null}']);
    const { timeline } = (await story().daemon.status())!;
    const told = timeline.find(({ entry, reason }) => entry === 'shop/nothing' && reason === 'FiringFailed');
    expect(told!.message).toContain('{"empty-basket":null}');
  });
});
