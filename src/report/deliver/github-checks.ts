/**
 * Check runs in the place of statuses: they know `neutral`, and their summary has room for all there is to say. Only tokens
 * of GitHub Apps (those of Actions too) may write them. https://docs.github.com/rest/checks/runs
 */
import type { Delivered, Message, ReportState } from '../../model/report.ts';
import { fencedText, lineOf } from '../../model/report-text.ts';
import { nonsense } from './call.ts';
import { findIn, idOf, repositoryPath, type Ask, type Forge, type ForgeOptions } from './forge.ts';

const MAX_TITLE = 140;
/** GitHub takes 65,535. */
const MAX_SUMMARY = 60_000;

const CONCLUSIONS: Readonly<Record<Exclude<ReportState, 'Pending'>, string>> = {
  Success: 'success',
  Failure: 'failure',
  Neutral: 'neutral',
};

export function checkRuns(options: ForgeOptions): Forge['status'] {
  const root = repositoryPath(options);
  return async (ask, message, item) => {
    const known = item.remote === undefined && item.unsure ? await runOf(ask, message) : { id: item.remote };
    if ('outcome' in known) return known.outcome;
    const json = bodyOf(message, options);
    if (known.id !== undefined) {
      const told = await ask({ method: 'PATCH', path: `${root}/check-runs/${known.id}`, json });
      return { ...(told.type === 'Failed' ? told.outcome : { type: 'Delivered' as const }), remote: known.id };
    }
    const made = await ask({ method: 'POST', path: `${root}/check-runs`, json: { ...json, head_sha: message.commit } });
    if (made.type === 'Failed') return made.outcome;
    const id = idOf(made.value, 'id');
    return id === undefined
      ? nonsense(`${root}/check-runs`, 'the check run has no id')
      : { type: 'Delivered', remote: id };
  };

  /** The one that an earlier call may have made. */
  async function runOf(
    ask: Ask,
    { commit, context }: Message,
  ): Promise<{ readonly id: string | undefined } | { readonly outcome: Delivered }> {
    const query = new URLSearchParams({ check_name: context, filter: 'latest', per_page: '100' });
    const found = await ask({ method: 'GET', path: `${root}/commits/${commit}/check-runs?${query.toString()}` });
    if (found.type === 'Failed') return found;
    const { check_runs: runs } = found.value as { readonly check_runs?: unknown };
    const run = findIn(runs, ({ name, external_id: mark }) => name === context && mark === context);
    return { id: run && idOf(run, 'id') };
  }
}

function bodyOf(message: Message, { pageUrl }: ForgeOptions): Readonly<Record<string, unknown>> {
  const { state, context } = message;
  return {
    name: context,
    // Ours are told from others of the same name by it.
    external_id: context,
    ...(pageUrl === undefined ? {} : { details_url: pageUrl }),
    ...(state === 'Pending' ? { status: 'in_progress' } : { status: 'completed', conclusion: CONCLUSIONS[state] }),
    output: { title: lineOf(message, MAX_TITLE), summary: fencedText(message, MAX_SUMMARY) },
  };
}
