/**
 * GitHub (REST, 2022-11-28) and what speaks its words: Gitea and Forgejo take the same statuses and pull requests.
 * https://docs.github.com/rest/commits/statuses · /deployments · /pulls
 */
import type { Delivered, Message, ReportState } from '../../model/report.ts';
import { lineOf } from '../../model/report-text.ts';
import { findIn, idOf, repositoryPath, type Ask, type Forge, type ForgeOptions, type PullRequest } from './forge.ts';
import { nonsense } from './call.ts';
import { checkRuns } from './github-checks.ts';

const MAX_DESCRIPTION = 140;

/** GitHub's statuses know nothing neutral; `error` says that it was not decided, and never opens a gate. */
const GITHUB_STATES: Readonly<Record<ReportState, string>> = {
  Pending: 'pending',
  Success: 'success',
  Failure: 'failure',
  Neutral: 'error',
};
const GITEA_STATES: Readonly<Record<ReportState, string>> = { ...GITHUB_STATES, Neutral: 'warning' };
const DEPLOYMENT_STATES: Readonly<Record<ReportState, string>> = {
  Pending: 'in_progress',
  Success: 'success',
  Failure: 'failure',
  Neutral: 'inactive',
};

export function github(options: ForgeOptions): Forge {
  const root = repositoryPath(options);
  return {
    status: options.checks
      ? checkRuns(options)
      : statusCall(root, GITHUB_STATES, options, (sha) => `${root}/commits/${sha}/statuses?per_page=100`),
    deployment: async (ask, message, { remote, unsure }) => {
      const made = remote === undefined ? await deploymentOf(ask, message, unsure === true) : { id: remote };
      if ('outcome' in made) return made.outcome;
      const description = lineOf(message, MAX_DESCRIPTION);
      const state = DEPLOYMENT_STATES[message.state];
      const page = options.pageUrl === undefined ? {} : { log_url: options.pageUrl };
      const json = { state, description, environment: message.environment, auto_inactive: true, ...page };
      const told = await ask({ method: 'POST', path: `${root}/deployments/${made.id}/statuses`, json });
      return { ...(told.type === 'Failed' ? told.outcome : { type: 'Delivered' as const }), remote: made.id };
    },
    pullRequest: (ask, request) => openPull(ask, root, request, 422),
  };

  async function deploymentOf(
    ask: Ask,
    { commit, environment, context }: Message,
    unsure: boolean,
  ): Promise<{ readonly id: string } | { readonly outcome: Delivered }> {
    const path = `${root}/deployments`;
    if (unsure) {
      const query = new URLSearchParams({ sha: commit, environment, task: 'deploy', per_page: '100' });
      const found = await ask({ method: 'GET', path: `${path}?${query.toString()}` });
      if (found.type === 'Failed') return found;
      const known = findIn(found.value, ({ sha, description }) => sha === commit && description === context);
      const id = known && idOf(known, 'id');
      if (id !== undefined) return { id };
    }
    // Without `required_contexts: []` GitHub asks for green checks first, ours among them.
    const json = {
      ref: commit,
      environment,
      task: 'deploy',
      auto_merge: false,
      required_contexts: [],
      description: context,
    };
    const made = await ask({ method: 'POST', path, json });
    if (made.type === 'Failed') return made;
    const id = idOf(made.value, 'id');
    return id === undefined ? { outcome: nonsense(path, 'the deployment has no id') } : { id };
  }
}

export function gitea(options: ForgeOptions): Forge {
  const root = repositoryPath(options);
  const list = (sha: string): string => `${root}/statuses/${sha}?sort=recentupdate&limit=50`;
  return {
    status: statusCall(root, GITEA_STATES, options, list),
    pullRequest: (ask, request) => openPull(ask, root, request, 409),
  };
}

function link({ pageUrl }: ForgeOptions): { readonly target_url?: string } {
  return pageUrl === undefined ? {} : { target_url: pageUrl };
}

function statusCall(
  root: string,
  states: Readonly<Record<ReportState, string>>,
  options: ForgeOptions,
  list: (sha: string) => string,
): Forge['status'] {
  return async (ask, message, { unsure }) => {
    const { commit, context } = message;
    const state = states[message.state];
    const description = lineOf(message, MAX_DESCRIPTION);
    if (unsure) {
      const found = await ask({ method: 'GET', path: list(commit) });
      if (found.type === 'Failed') return found.outcome;
      // Newest first. Gitea calls the state of a status `status`.
      const newest = findIn(found.value, (item) => item['context'] === context);
      const isThere = (newest?.['state'] ?? newest?.['status']) === state && newest?.['description'] === description;
      if (isThere) return { type: 'Delivered' };
    }
    const json = { state, description, context, ...link(options) };
    const told = await ask({ method: 'POST', path: `${root}/statuses/${commit}`, json });
    return told.type === 'Failed' ? told.outcome : { type: 'Delivered' };
  };
}

/** `existsStatus`: what the forge answers where there is one of the same branches already. */
async function openPull(ask: Ask, root: string, request: PullRequest, existsStatus: number): Promise<Delivered> {
  const { from, into, title, text } = request;
  const json = { title, head: from, base: into, body: text };
  const made = await ask({ method: 'POST', path: `${root}/pulls`, json });
  if (made.type === 'Json') {
    const remote = idOf(made.value, 'number');
    return { type: 'Delivered', ...(remote === undefined ? {} : { remote }) };
  }
  const exists = made.answer?.status === existsStatus && /already exists/i.test(made.answer.text);
  return exists ? { type: 'Delivered' } : made.outcome;
}
