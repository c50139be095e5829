/** `onRollback: proposeRevert`: the branch by git, the pull request by the forge. */
import type { Clock } from '../kit/clock.ts';
import type { Problem } from '../model/problem.ts';
import type { Delivered, OutboxItem } from '../model/report.ts';
import type { Publisher } from '../git/publish.ts';
import { pushRevert } from '../git/revert.ts';
import type { ReportChannel } from '../reconcile/ports.ts';
import { isTold } from '../model/report-text.ts';
import { askOf, type Forge, type ForgeOptions } from '../report/deliver/forge.ts';

export function proposalsChannel(
  publisher: Publisher,
  forge: Forge,
  options: ForgeOptions,
  clock: Clock,
): ReportChannel {
  const into = options.branch.replace(/^refs\/heads\//, '');
  const propose = async ({ message }: OutboxItem, signal: AbortSignal): Promise<Delivered> => {
    const { wallMs } = clock.now();
    const pushed = await publisher.inTurn(() => pushRevert(publisher, message, options.branch, wallMs));
    if (!pushed.ok) return notProposed(pushed.error);
    if (!pushed.value) return { type: 'Delivered' };
    const { branch, title, text } = pushed.value;
    return forge.pullRequest(askOf(options, clock, signal), { from: branch, into, title, text });
  };
  return {
    name: 'proposals',
    kind: 'Proposals',
    batch: 1,
    deliver: async (items, signal) => {
      const outcomes: Delivered[] = [];
      // Once is enough: somebody may have closed it since.
      for (const item of items) outcomes.push(isTold(item) ? { type: 'Delivered' } : await propose(item, signal));
      return outcomes;
    },
  };
}

function notProposed({ code, message, remedy, policy }: Problem): Delivered {
  const said = { code, message: `${message}. ${remedy}` };
  return policy === 'Terminal' ? { type: 'Refused', problem: said } : { type: 'Retry', problem: said, unsure: false };
}
