/**
 * A forge on this machine that speaks the shapes of the APIs of GitHub, GitLab and Gitea and checks what it is sent as
 * they do; and that can lose, delay and refuse.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ToldStatus {
  readonly sha: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
}

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** What happens to a request instead of, or after, what the forge would do. */
export type Fault =
  /** Taken in, and then no answer. */
  | 'loseAnswer'
  /** Not taken in, no answer. */
  | 'loseRequest'
  | 'delay'
  /** Taken in when the test says so. */
  | 'hold'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> };

type Reply = readonly [status: number, value: unknown];

export class ForgeServer {
  readonly sent: Sent[] = [];
  /** Oldest first, as they were taken in. */
  readonly statuses: ToldStatus[] = [];
  readonly deployments: { id: number; sha: string; environment: string; description: string; states: string[] }[] = [];
  readonly pulls: { number: number; from: string; into: string; title: string; text: string }[] = [];
  readonly checks: { id: number; sha: string; name: string; external_id: string; said: string[]; summary: string }[] =
    [];
  /** For the next requests, one each. */
  readonly faults: (Fault | undefined)[] = [];
  readonly #server: http.Server;
  readonly #late: Promise<void>[] = [];
  readonly #held: (() => void)[] = [];
  delayMs = 300;

  private constructor() {
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<ForgeServer> {
    const forge = new ForgeServer();
    await new Promise<void>((resolve) => void forge.#server.listen(0, '127.0.0.1', resolve));
    return forge;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => void this.#server.close(resolve));
    await Promise.all(this.#late);
  }

  /** Takes in what is held. */
  release(): void {
    for (const take of this.#held.splice(0)) take();
  }

  /** The newest of a commit. */
  statusOf(sha: string): ToldStatus | undefined {
    return this.statuses.findLast((status) => status.sha === sha);
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const sent = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
    this.sent.push(sent);
    const fault = this.faults.shift();
    if (fault === 'loseRequest') return void request.socket.destroy();
    if (typeof fault === 'object') {
      response.writeHead(fault.status, fault.headers);
      return void response.end(JSON.stringify({ message: 'not now' }));
    }
    if (fault === 'hold') return void this.#held.push(() => void this.#take(sent));
    if (fault === 'delay') {
      // Taken in long after whoever asked has given up.
      const late = new Promise<void>((resolve) => setTimeout(resolve, this.delayMs)).then(() => void this.#take(sent));
      return void this.#late.push(late);
    }
    const [status, value] = this.#take(sent);
    if (fault === 'loseAnswer') return void request.socket.destroy();
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  }

  #take({ method, path, headers, body }: Sent): Reply {
    const url = new URL(path, 'http://forge');
    const json = (body === '' ? {} : JSON.parse(body)) as Record<string, unknown>;
    const route = `${method} ${url.pathname}`;
    if (route === 'POST /hook') return [202, {}];
    const known = /^(Bearer|token) t0ken$/.test(headers.authorization ?? '') || headers['private-token'] === 't0ken';
    if (!known) return [401, { message: 'Bad credentials' }];
    return (
      this.#github(route, url.searchParams, json) ??
      this.#gitlab(route, url.searchParams, json) ?? [404, { message: 'Not Found' }]
    );
  }

  /** Gitea too: its lists of statuses have another address and call the state `status`. */
  #github(route: string, query: URLSearchParams, json: Record<string, unknown>): Reply | undefined {
    const at = /^(GET|POST|PATCH) \/repos\/acme\/fleet\/(.+)$/.exec(route);
    if (!at) return undefined;
    const [, method, rest] = at as unknown as [string, string, string];
    const status = /^statuses\/([0-9a-f]{40})$/.exec(rest);
    if (status && method === 'POST') {
      const { state, context, description } = json as unknown as ToldStatus;
      if (!['pending', 'success', 'failure', 'error', 'warning'].includes(state)) return [422, { message: 'state' }];
      if (description.length > 140) return [422, { message: 'description is too long (maximum is 140 characters)' }];
      this.statuses.push({ sha: status[1]!, state, context, description });
      return [201, { id: this.statuses.length, state, context, description }];
    }
    const list = /^(?:commits\/([0-9a-f]{40})\/statuses|statuses\/([0-9a-f]{40}))$/.exec(rest);
    if (list) {
      const [, github, gitea] = list;
      const own = this.statuses.filter(({ sha }) => sha === (github ?? gitea)).toReversed();
      return [200, own.map(({ state, ...more }) => (github ? { state, ...more } : { status: state, ...more }))];
    }
    const runs = /^commits\/([0-9a-f]{40})\/check-runs$/.exec(rest);
    if (runs) return [200, { total_count: 1, check_runs: this.checks.filter(({ sha }) => sha === runs[1]) }];
    const run = /^check-runs(?:\/(\d+))?$/.exec(rest);
    if (run) return this.#check(run[1], json);
    if (rest === 'deployments' && method === 'GET') {
      const sha = query.get('sha');
      return [200, this.deployments.filter((one) => one.sha === sha).map(({ states: _, ...one }) => one)];
    }
    if (rest === 'deployments') {
      if (json['auto_merge'] !== false || !Array.isArray(json['required_contexts']))
        return [409, { message: 'Conflict' }];
      return [201, this.#deploy(String(json['ref']), String(json['environment']), String(json['description']))];
    }
    const told = /^deployments\/(\d+)\/statuses$/.exec(rest);
    if (told) {
      const deployment = this.deployments[Number(told[1]) - 1];
      if (!deployment) return [404, { message: 'Not Found' }];
      deployment.states.push(String(json['state']));
      return [201, { id: 1, state: json['state'] }];
    }
    if (rest !== 'pulls') return undefined;
    return this.#pull(
      String(json['head']),
      String(json['base']),
      String(json['title']),
      String(json['body']),
      422,
      'number',
    );
  }

  #gitlab(route: string, query: URLSearchParams, json: Record<string, unknown>): Reply | undefined {
    const at = /^(GET|POST|PUT) \/projects\/acme%2Ffleet\/(.+)$/.exec(route);
    if (!at) return undefined;
    const [, method, rest] = at as unknown as [string, string, string];
    const list = /^repository\/commits\/([0-9a-f]{40})\/statuses$/.exec(rest);
    if (list) {
      const own = this.statuses.findLast(({ sha, context }) => sha === list[1] && context === query.get('name'));
      return [200, own ? [{ sha: own.sha, name: own.context, status: own.state, description: own.description }] : []];
    }
    const status = /^statuses\/([0-9a-f]{40})$/.exec(rest);
    if (status) {
      const { state, name: context, description } = json as { state: string; name: string; description: string };
      if (!['pending', 'running', 'success', 'failed', 'canceled'].includes(state)) return [400, { message: 'state' }];
      const before = this.statusOf(status[1]!)?.state;
      const message = `Cannot transition status via :run from :${before} (Reason(s): Status cannot transition via "run")`;
      if (before === state) return [400, { message }];
      this.statuses.push({ sha: status[1]!, state, context, description });
      return [201, { status: state, name: context }];
    }
    if (rest === 'deployments' && method === 'GET') {
      return [200, this.deployments.map(({ states: _, ...one }) => one).toReversed()];
    }
    if (rest === 'deployments') {
      if (typeof json['ref'] !== 'string' || json['tag'] !== false) return [400, { message: 'ref is missing' }];
      const made = this.#deploy(String(json['sha']), String(json['environment']), '');
      this.deployments[made.id - 1]!.states.push(String(json['status']));
      return [201, made];
    }
    const told = /^deployments\/(\d+)$/.exec(rest);
    if (told) {
      this.deployments[Number(told[1]) - 1]!.states.push(String(json['status']));
      return [200, { id: Number(told[1]) }];
    }
    if (rest !== 'merge_requests') return undefined;
    const { source_branch: from, target_branch: into, title, description } = json as Record<string, string>;
    return this.#pull(from!, into!, title!, description!, 409, 'iid');
  }

  #check(id: string | undefined, json: Record<string, unknown>): Reply {
    const { name, head_sha: sha, external_id, status, conclusion, output } = json as Record<string, string>;
    const { summary, title } = (output ?? {}) as unknown as { summary?: string; title?: string };
    if (!summary || !title || (status === 'completed') === (conclusion === undefined))
      return [422, { message: 'output' }];
    const number = id === undefined ? this.checks.length + 1 : Number(id);
    if (id === undefined) {
      this.checks.push({ id: number, sha: sha!, name: name!, external_id: external_id!, said: [], summary });
    }
    const check = this.checks[number - 1];
    if (!check) return [404, { message: 'Not Found' }];
    check.said.push(conclusion ?? status!);
    check.summary = summary;
    return [id === undefined ? 201 : 200, { id: number }];
  }

  #deploy(sha: string, environment: string, description: string): { readonly id: number; readonly sha: string } {
    const id = this.deployments.length + 1;
    this.deployments.push({ id, sha, environment, description, states: [] });
    return { id, sha };
  }

  #pull(from: string, into: string, title: string, text: string, exists: number, idName: string): Reply {
    if (this.pulls.some((pull) => pull.from === from)) return [exists, { message: 'A pull request already exists' }];
    const number = this.pulls.length + 1;
    this.pulls.push({ number, from, into, title, text });
    return [201, { [idName]: number }];
  }
}
