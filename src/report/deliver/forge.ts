/** What the forges have in common: how their APIs are asked, and what a channel of one does with each message. */
import type { Clock } from '../../kit/clock.ts';
import type { ChannelKind, Delivered, Message, OutboxItem } from '../../model/report.ts';
import type { ReportChannel } from '../../reconcile/ports.ts';
import { callReceiver, failureOf, jsonOf, nonsense, placeOf, type Answered, type Call, type Receiver } from './call.ts';

export type ForgeType = 'GitHub' | 'GitLab' | 'Gitea';

export type ForgeCredentials =
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string };

export interface ForgeOptions {
  readonly type: ForgeType;
  /** Of the API: `https://api.github.com`, `https://gitlab.example.com/api/v4`, `https://codeberg.org/api/v1`. */
  readonly url: string;
  /** `owner/name`; of GitLab the whole path of the project, or its number. */
  readonly repository: string;
  readonly credentials: () => ForgeCredentials;
  readonly caFile?: string;
  readonly deadlineMs: number;
  /** Where people find more, as a link of a status. */
  readonly pageUrl?: string;
  /** GitHub: check runs in the place of statuses. */
  readonly checks?: boolean;
  /** The branch that is followed: GitLab wants to know it of a deployment. */
  readonly branch: string;
}

/** A request for a new pull request, whose branches are pushed already. */
export interface PullRequest {
  readonly from: string;
  readonly into: string;
  readonly title: string;
  readonly text: string;
}

/** The documented calls of one forge. Each is total; what the forge says is read by the shapes of its API alone. */
export interface Forge {
  status(ask: Ask, message: Message, item: Pick<OutboxItem, 'remote' | 'unsure'>): Promise<Delivered>;
  /** Absent: the forge knows none. `remote` is what an earlier call made. */
  deployment?(ask: Ask, message: Message, item: Pick<OutboxItem, 'remote' | 'unsure'>): Promise<Delivered>;
  pullRequest(ask: Ask, request: PullRequest): Promise<Delivered>;
}

export type Asked =
  | { readonly type: 'Json'; readonly value: unknown; readonly answer: Answered }
  | { readonly type: 'Failed'; readonly outcome: Delivered; readonly answer?: Answered };

/** One call: JSON, or what becomes of the message instead. */
export type Ask = (call: Omit<Call, 'body' | 'headers'> & { readonly json?: unknown }) => Promise<Asked>;

export function askOf(options: ForgeOptions, clock: Clock, signal: AbortSignal): Ask {
  const receiver = receiverOf(options);
  return async ({ json, ...call }) => {
    const body = json === undefined ? {} : { body: JSON.stringify(json) };
    const called = await callReceiver(receiver, { ...call, ...body }, signal);
    if ('failed' in called) return { type: 'Failed', outcome: called.failed };
    const { answer } = called;
    const place = placeOf(new URL(`${options.url}${call.path}`));
    const failure = failureOf(answer, place, clock.now().wallMs);
    if (failure) return { type: 'Failed', outcome: failure, answer };
    const value = jsonOf(answer.text);
    if (typeof value !== 'object' || value === null) {
      return { type: 'Failed', outcome: nonsense(place, 'the answer is no JSON'), answer };
    }
    return { type: 'Json', value, answer };
  };
}

/** Each forge has its own words for a token. */
function receiverOf({ type, url, credentials, caFile, deadlineMs }: ForgeOptions): Receiver {
  const headers = (): Readonly<Record<string, string>> => {
    const known = credentials();
    const basic = known.type === 'basic' && Buffer.from(`${known.username}:${known.password}`).toString('base64');
    if (known.type === 'basic') return { authorization: `Basic ${basic}` };
    if (type === 'GitLab') return { 'private-token': known.token };
    if (type === 'Gitea') return { authorization: `token ${known.token}` };
    return {
      authorization: `Bearer ${known.token}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    };
  };
  return { url, headers, deadlineMs, ...(caFile === undefined ? {} : { caFile }) };
}

export function forgeChannel(
  name: string,
  kind: Extract<ChannelKind, 'Statuses' | 'Deployments'>,
  forge: Forge,
  options: ForgeOptions,
  clock: Clock,
): ReportChannel {
  const tell = (item: OutboxItem, ask: Ask): Promise<Delivered> =>
    kind === 'Statuses' ? forge.status(ask, item.message, item) : forge.deployment!(ask, item.message, item);
  return {
    name,
    kind,
    batch: 1,
    deliver: async (items, signal) => {
      const ask = askOf(options, clock, signal);
      const outcomes: Delivered[] = [];
      for (const item of items) outcomes.push(await tell(item, ask));
      return outcomes;
    },
  };
}

/** Of the APIs of GitHub and Gitea. */
export function repositoryPath({ repository }: ForgeOptions): string {
  return `/repos/${repository.split('/').map(encodeURIComponent).join('/')}`;
}

/** The first item of a list that is as looked for; every field of a stranger's JSON may be anything. */
export function findIn(
  value: unknown,
  matches: (item: Readonly<Record<string, unknown>>) => boolean,
): Readonly<Record<string, unknown>> | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.filter((item) => typeof item === 'object' && item !== null) as Record<string, unknown>[];
  return items.find(matches);
}

/** A number or a text under which the forge knows what was made. */
export function idOf(value: unknown, field: string): string | undefined {
  const id = (value as Readonly<Record<string, unknown>>)[field];
  return typeof id === 'number' || (typeof id === 'string' && id !== '') ? String(id) : undefined;
}
