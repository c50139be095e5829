/** GitLab (REST, v4). https://docs.gitlab.com/api/commits · /deployments · /merge_requests */
import type { Message, ReportState } from '../../model/report.ts';
import { lineOf } from '../../model/report-text.ts';
import { nonsense } from './call.ts';
import { findIn, idOf, type Ask, type Asked, type Forge, type ForgeOptions } from './forge.ts';

const MAX_DESCRIPTION = 255;

/** `canceled` and not `skipped`, which older versions do not take. */
const STATES: Readonly<Record<ReportState, string>> = {
  Pending: 'running',
  Success: 'success',
  Failure: 'failed',
  Neutral: 'canceled',
};

export function gitlab(options: ForgeOptions): Forge {
  const root = `/projects/${encodeURIComponent(options.repository)}`;
  return {
    status: async (ask, message, { unsure }) => {
      const { commit, context } = message;
      const state = STATES[message.state];
      const description = lineOf(message, MAX_DESCRIPTION);
      if (unsure) {
        const query = new URLSearchParams({ name: context, per_page: '100' });
        const found = await ask({
          method: 'GET',
          path: `${root}/repository/commits/${commit}/statuses?${query.toString()}`,
        });
        if (found.type === 'Failed') return found.outcome;
        const known = findIn(found.value, ({ name }) => name === context);
        if (known?.['status'] === state && known['description'] === description) return { type: 'Delivered' };
      }
      const link = options.pageUrl === undefined ? {} : { target_url: options.pageUrl };
      const json = { state, name: context, description, ...link };
      const told = await ask({ method: 'POST', path: `${root}/statuses/${commit}`, json });
      return told.type === 'Json' || isAlready(told, state) ? { type: 'Delivered' } : told.outcome;
    },
    deployment: async (ask, message, { remote, unsure }) => {
      const id = remote ?? (unsure ? await deploymentOf(ask, message) : undefined);
      if (typeof id === 'object') return id.outcome;
      const status = STATES[message.state];
      if (id !== undefined) {
        const told = await ask({ method: 'PUT', path: `${root}/deployments/${id}`, json: { status } });
        const done = told.type === 'Json' || isAlready(told, status);
        return { ...(done ? { type: 'Delivered' as const } : told.outcome), remote: id };
      }
      const { environment, commit } = message;
      const json = { environment, sha: commit, ref: options.branch, tag: false, status };
      const made = await ask({ method: 'POST', path: `${root}/deployments`, json });
      if (made.type === 'Failed') return made.outcome;
      const number = idOf(made.value, 'id');
      return number === undefined
        ? nonsense(`${root}/deployments`, 'the deployment has no id')
        : { type: 'Delivered', remote: number };
    },
    pullRequest: async (ask, { from, into, title, text }) => {
      const json = { source_branch: from, target_branch: into, title, description: text, remove_source_branch: true };
      const made = await ask({ method: 'POST', path: `${root}/merge_requests`, json });
      if (made.type === 'Json') {
        const remote = idOf(made.value, 'iid');
        return { type: 'Delivered', ...(remote === undefined ? {} : { remote }) };
      }
      const exists = made.answer?.status === 409 && /already exists/i.test(made.answer.text);
      return exists ? { type: 'Delivered' } : made.outcome;
    },
  };

  /** The number of the one that an earlier call may have made; undefined: there is none. */
  async function deploymentOf(
    ask: Ask,
    { commit, environment }: Message,
  ): Promise<string | undefined | Extract<Asked, { type: 'Failed' }>> {
    const query = new URLSearchParams({ environment, order_by: 'id', sort: 'desc', per_page: '100' });
    const found = await ask({ method: 'GET', path: `${root}/deployments?${query.toString()}` });
    if (found.type === 'Failed') return found;
    const known = findIn(found.value, ({ sha }) => sha === commit);
    return known && idOf(known, 'id');
  }
}

/** GitLab refuses to set a state that is there ("Cannot transition status via :run from :running"). */
function isAlready({ answer }: Asked, state: string): boolean {
  if (answer?.status !== 400) return false;
  const from = /Cannot transition status via :\w+ from :(\w+)/.exec(answer.text)?.[1];
  return from === state;
}
