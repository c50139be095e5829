/**
 * The data plane's front: HTTP/1.1 in, calls of cells out, by the snapshot in force. Clients come by the public listener, guests
 * that ask other entries by the door (`inner-requests.ts`).
 *
 * Invariants
 * N1 A swap of the snapshot is one assignment; a request keeps the rule that it found (I2, D1).
 * N2 The hot path costs no timer, no closure and no object beyond Node's own.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { err, ok, type Result } from '../kit/result.ts';
import type { GroupLoad, ReleaseSamples, RemoteCount, SyntheticRun } from '../model/engine.ts';
import type { EntryKey } from '../model/component.ts';
import type { TellLimit } from '../model/limits.ts';
import { problem, type Problem } from '../model/problem.ts';
import { entryOfGroup, type GroupId, type Snapshot } from '../model/snapshot.ts';
import type { Beside, CellCaller } from '../wire/cell-caller.ts';
import type { Door, FindCall } from '../wire/door.ts';
import type { CallRemote } from '../wire/remote-call.ts';
import { REFUSALS } from './answers.ts';
import { compileRules, type CompiledRule } from './compiled-rule.ts';
import { Dispatcher } from './dispatcher.ts';
import { isBehindTheLast, onExchangeClose, type Exchange } from './exchange.ts';
import { InnerExchange } from './inner-exchange.ts';
import { InnerRequests } from './inner-requests.ts';
import { DEFAULT_LISTENER_LIMITS, Listener, type ListenerEvents, type ListenerLimits } from './listener.ts';
import { FailureLog } from './failure-log.ts';
import { Forward, takeClient } from './forward.ts';
import type { Ejected } from './outliers.ts';
import { Firings } from './firings.ts';
import { Loads } from './load.ts';
import { Previews } from './previews.ts';
import { Remotes } from './remotes.ts';
import type { Request } from './request.ts';
import { RequestFacts } from './request-facts.ts';
import { RouteTable } from './route-table.ts';
import { SyntheticRuns, type SyntheticProgress } from './synthetic.ts';
import { gather, MAX_GATHERED_BYTES } from './upload.ts';

export interface IngressOptions {
  readonly log: Logger;
  readonly limits?: Partial<ListenerLimits>;
  /** A release has failed 3, 6, 12, … times in a row, real and synthetic requests together. */
  readonly onFailureRun?: (release: string, run: number) => void;
  readonly onSyntheticDone?: (run: string) => void;
  readonly onFiringDone?: () => void;
  /** A replica gets no requests for a while because it fails, or may have them again. */
  readonly onEjected?: () => void;
  /** To the engine that has what this one has not, where there are several. */
  readonly connectHome?: () => Socket;
  /** A group asks for another number of replicas than it did. */
  readonly onLoad?: () => void;
  /** A limit of an entry was hit. */
  readonly onLimit?: TellLimit;
}

export interface Address {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface ListenHow {
  /** With other processes of this user that say so too: each gets its share of the connections. */
  readonly shared?: boolean;
}

export interface Ingress {
  /** Opens the listener. Before the first snapshot everything is answered 503 `Starting`. */
  listen(address: Address, how?: ListenHow): Promise<Result<Address, Problem>>;
  /** Opens a second listener, on a unix socket, for what other engines of this node hand over. */
  listenForEngines(path: string): Promise<void>;
  /** Puts a snapshot in force and returns its generation; an older one than the present is refused. */
  apply(snapshot: Snapshot): Result<number, Problem>;
  /** Of the snapshot in force; 0 before the first. */
  readonly generation: number;
  /** Absent before the first. */
  readonly snapshot: Snapshot | undefined;
  /** The replicas of a group that may take traffic now. */
  setReplicas(group: GroupId, ready: readonly CellCaller[], beside?: Beside): void;
  samples(): readonly ReleaseSamples[];
  loads(): readonly GroupLoad[];
  ejected(): readonly Ejected[];
  /** Resolves when the run has ended; a run of the same id is started once. */
  synthesize(run: SyntheticRun): Promise<void>;
  syntheticRuns(): readonly SyntheticProgress[];
  readonly firings: Firings;
  /** Opens the door for what guests ask of other entries. Rejects where the socket cannot be made. */
  openDoor(door: Door, callOf: FindCall): Promise<void>;
  /** A guest calls another entry. */
  readonly callRemote: CallRemote;
  remoteCounts(): readonly RemoteCount[];
  /** Accepts nothing more, lets what is in flight end until the deadline, then cuts it off. */
  close(deadlineMs: number): Promise<void>;
}

export function createIngress(options: IngressOptions): Ingress {
  return new HttpIngress(options);
}

interface InForce {
  readonly snapshot: Snapshot;
  readonly rules: ReadonlyMap<string, CompiledRule>;
  readonly table: RouteTable<CompiledRule>;
  readonly previews: Previews | undefined;
  /** Entries that another engine has. */
  readonly elsewhere: ReadonlySet<EntryKey> | undefined;
}

/** More than a node has. */
const MAX_ENGINES = 16;

class HttpIngress implements Ingress {
  readonly #log: Logger;
  readonly #listener: Listener;
  readonly #limits: ListenerLimits;
  readonly #forward: Forward | undefined;
  #inner: Listener | undefined;
  readonly #facts = new RequestFacts();
  readonly #dispatcher: Dispatcher;
  readonly #synthetic: SyntheticRuns;
  readonly firings: Firings;
  readonly callRemote: CallRemote;
  readonly #remotes: Remotes;
  readonly #loads: Loads;
  #door: { readonly listener: Listener; readonly requests: InnerRequests } | undefined;
  readonly #onLimit: TellLimit;
  readonly #requestIdPrefix = randomUUID().slice(0, 8);
  #requests = 0;
  #inForce: InForce | undefined;

  constructor(options: IngressOptions) {
    this.#log = options.log;
    const onLimit = options.onLimit ?? ((): void => undefined);
    this.#onLimit = onLimit;
    const failures = new FailureLog(options.log, () => performance.now());
    this.#dispatcher = new Dispatcher({
      facts: this.#facts,
      newClient: () => randomUUID(),
      onFailureRun: options.onFailureRun ?? (() => undefined),
      reroute: (exchange) => this.#reroute(exchange),
      failures,
      onEjected: options.onEjected ?? (() => undefined),
      onLimit,
    });
    this.#loads = new Loads({
      groups: () => this.#dispatcher.groups(),
      onChange: options.onLoad ?? (() => undefined),
    });
    const { tallies, onRoom } = this.#dispatcher;
    this.#remotes = new Remotes(this.#dispatcher, { tallies, onRoom, failures, onLimit });
    this.callRemote = (call) => this.#remotes.call(call);
    this.#synthetic = new SyntheticRuns(
      this.#dispatcher,
      this.#dispatcher.tallies,
      options.onSyntheticDone ?? (() => undefined),
    );
    this.firings = new Firings(this.#dispatcher, options.log, options.onFiringDone ?? (() => undefined));
    this.#limits = { ...DEFAULT_LISTENER_LIMITS, ...options.limits };
    this.#listener = new Listener(
      this.#limits,
      this.#events((request, exchange) => this.#onRequest(request, exchange)),
    );
    this.#forward = options.connectHome && new Forward(options.connectHome);
  }

  #events(onRequest: ListenerEvents['onRequest']): ListenerEvents {
    return {
      onRequest,
      onRequestWithExpectation: (request, exchange) => {
        exchange.awaitsContinue = true;
        onRequest(request, exchange);
      },
      onUnmetExpectation: (_request, exchange) => {
        exchange.owner = this.#dispatcher;
        exchange.shouldKeepAlive = false;
        exchange.answer(REFUSALS.ExpectationFailed);
      },
    };
  }

  async listen({ host, port }: Address, { shared = false }: ListenHow = {}): Promise<Result<Address, Problem>> {
    const at = shared ? { host, port, reusePort: true } : { host, port };
    const opened = await this.#listener.open(at, (error) => {
      this.#log.error({ error: error.message }, 'listener failed');
    });
    if (!opened.ok) {
      const { code, message } = opened.error;
      const why = code === 'EADDRINUSE' ? 'another program listens there' : message;
      return err(problem('HW4501', `cannot listen on ${host}:${port}: ${why}`));
    }
    const address = { host: opened.value.address, port: opened.value.port };
    this.#log.info(address, 'listening for traffic');
    return ok(address);
  }

  async openDoor({ path, token }: Door, callOf: FindCall): Promise<void> {
    const remotes = this.#remotes;
    const [dispatcher, facts, onLimit] = [this.#dispatcher, this.#facts, this.#onLimit];
    const requests = new InnerRequests({ token, callOf, remotes, dispatcher, facts, onLimit });
    const onRequest = (request: Request, exchange: Exchange): void =>
      this.#onInner(request, exchange as InnerExchange, requests);
    // The broker sends no `expect`; and a body may take as long as the call has time.
    const limits = { ...DEFAULT_LISTENER_LIMITS, requestTimeoutMs: 0 };
    const events = { onRequest, onRequestWithExpectation: onRequest, onUnmetExpectation: onRequest };
    const listener = new Listener(limits, events, InnerExchange);
    this.#door = { listener, requests };
    await listener.openPath(path, (error) => this.#log.error({ error: error.message }, 'the door failed'));
  }

  async listenForEngines(path: string): Promise<void> {
    const events = this.#events((request, exchange) => {
      const client = takeClient(request);
      if (client === undefined) {
        exchange.owner = this.#dispatcher;
        exchange.answer(REFUSALS.BadRequest, 'no engine says such a head');
        return;
      }
      request.saidClient = client;
      this.#onRequest(request, exchange);
    });
    // Each of the others keeps to its own share of the clients.
    this.#inner = new Listener({ ...this.#limits, maxConnections: MAX_ENGINES * this.#limits.maxConnections }, events);
    await this.#inner.openPath(path, (error) => this.#log.error({ error: error.message }, 'the handover failed'));
  }

  get generation(): number {
    return this.#inForce?.snapshot.generation ?? 0;
  }

  get snapshot(): Snapshot | undefined {
    return this.#inForce?.snapshot;
  }

  apply(snapshot: Snapshot): Result<number, Problem> {
    if (snapshot.generation < this.generation) {
      return err(problem('HW4122', `generation ${snapshot.generation} is older than ${this.generation}`));
    }
    const rules = compileRules(snapshot, this.#inForce?.rules ?? new Map(), this.#dispatcher);
    const previews = Previews.of(snapshot, this.#dispatcher);
    const remotes = this.#remotes.apply(snapshot);
    const unseen = (snapshot.previews ?? []).flatMap((one) => one.rules);
    this.#dispatcher.tallies.judgeBy([...snapshot.rules, ...unseen, ...remotes]);
    const elsewhere = this.#forward && snapshot.elsewhere ? new Set(snapshot.elsewhere) : undefined;
    this.#inForce = { snapshot, rules, table: new RouteTable([...rules.values()]), previews, elsewhere };
    const named = [...snapshot.rules, ...(previews?.rules ?? []).map(({ rule }) => rule), ...remotes];
    const arms = named.flatMap((rule) => rule.arms);
    const mailboxes = named.flatMap(({ mailbox = 0, arms: own }) =>
      own.map((arm): [GroupId, number] => [arm.group, mailbox]),
    );
    this.#dispatcher.tallies.retain(new Set(arms.map((arm) => arm.release)));
    this.#dispatcher.retain(new Set(arms.map((arm) => arm.group)), new Map(mailboxes));
    this.#log.info(
      { generation: snapshot.generation, commit: snapshot.commit, rules: rules.size },
      'snapshot in force',
    );
    return ok(snapshot.generation);
  }

  setReplicas(group: GroupId, ready: readonly CellCaller[], beside?: Beside): void {
    this.#dispatcher.setReplicas(group, ready, beside);
  }

  samples(): readonly ReleaseSamples[] {
    return this.#dispatcher.tallies.read();
  }

  loads(): readonly GroupLoad[] {
    return this.#loads.read();
  }

  ejected(): readonly Ejected[] {
    return [...this.#dispatcher.groups()].flatMap((group) => group.ejected);
  }

  synthesize(run: SyntheticRun): Promise<void> {
    return this.#synthetic.start(run);
  }

  syntheticRuns(): readonly SyntheticProgress[] {
    return this.#synthetic.progress();
  }

  remoteCounts(): readonly RemoteCount[] {
    return this.#remotes.read();
  }

  async close(deadlineMs: number): Promise<void> {
    this.#dispatcher.isClosing = true;
    this.#synthetic.close();
    this.#loads.close();
    const [{ wasCutOff }] = await Promise.all([
      this.#listener.drain(deadlineMs),
      this.firings.close(deadlineMs),
      this.#inner?.drain(deadlineMs),
    ]);
    this.#forward?.close();
    // What guests ask is asked on behalf of what has ended by now.
    await this.#door?.listener.drain(0);
    if (wasCutOff) this.#log.warn({ deadlineMs }, 'connections cut off at the deadline of the drain');
  }

  #onRequest(request: Request, exchange: Exchange): void {
    if (isBehindTheLast(exchange) || !this.#readHead(request, exchange)) return;
    exchange.awaitsContinue &&= this.#facts.hasBody;
    exchange.acceptsTrailers = this.#facts.acceptsTrailers;
    this.#begin(request, exchange);
  }

  /** What a guest asks of another entry. */
  #onInner(request: Request, exchange: InnerExchange, requests: InnerRequests): void {
    const call = requests.identify(request);
    if (call === 'Stranger') return void request.socket.destroy();
    const asker = call === 'NoCall' ? undefined : entryOfGroup(call.group);
    if (this.#readHead(request, exchange, asker) && requests.introduce(exchange, call)) this.#begin(request, exchange);
  }

  /** `false`: it is refused, and answered. */
  #readHead(request: Request, exchange: Exchange, asker?: EntryKey): boolean {
    exchange.owner = this.#dispatcher;
    exchange.requestId = `${this.#requestIdPrefix}-${(++this.#requests).toString(36)}`;
    const fault = this.#facts.read(request, exchange.requestId, asker);
    if (fault === undefined) return true;
    // Where it ends is in doubt, and so is what comes behind it.
    exchange.shouldKeepAlive = false;
    exchange.answer(REFUSALS[fault.type], fault.why);
    return false;
  }

  #begin(request: Request, exchange: Exchange): void {
    const facts = this.#facts;
    exchange.on('close', onExchangeClose);
    const isGathered = facts.contentLength > 0 && facts.contentLength <= MAX_GATHERED_BYTES && !exchange.awaitsContinue;
    exchange.hasStreamedBody = facts.hasBody && !isGathered;
    if (!isGathered) {
      this.#route(exchange);
      return;
    }
    // It begins when it is whole: a slow client keeps neither a cell nor a snapshot.
    gather(request, (body) => {
      exchange.body = body;
      this.#reroute(exchange);
    });
  }

  /** Of a request that is not the present one: its head is read again. */
  #reroute(exchange: Exchange): void {
    this.#facts.read(exchange.req, exchange.requestId, exchange.asker);
    this.#route(exchange);
  }

  /** By the snapshot in force now; `#facts` hold this request's head. */
  #route(exchange: Exchange): void {
    const facts = this.#facts;
    if (this.#inForce === undefined) {
      exchange.answer(REFUSALS.Starting);
      return;
    }
    if (exchange instanceof InnerExchange) return this.#door!.requests.route(exchange);
    if (facts.isEntryHost) {
      exchange.answer(REFUSALS.NoRoute, `${facts.host} is met by entries alone`);
      return;
    }
    const previewed = this.#inForce.previews?.find(facts);
    if (previewed !== undefined && 'missing' in previewed) {
      exchange.answer(REFUSALS.NoPreview, previewed.missing);
      return;
    }
    const rule = previewed === undefined ? this.#inForce.table.find(facts) : previewed.rule;
    if (rule === undefined) {
      exchange.answer(REFUSALS.NoRoute, `${facts.host}${facts.target.path}`);
      return;
    }
    exchange.rule = rule;
    if (this.#inForce.elsewhere?.has(rule.rule.entry)) {
      this.#forward!.send(exchange);
      return;
    }
    const { requestBodyBytes, requestTimeoutMs } = rule.rule;
    if (facts.headerCount > rule.maxHeaders) {
      this.#onLimit(rule.rule.entry, 'headers');
      exchange.answer(REFUSALS.TooManyHeaders, `${facts.headerCount} headers, limits.headers is ${rule.maxHeaders}`);
      return;
    }
    if (facts.contentLength > requestBodyBytes) {
      this.#onLimit(rule.rule.entry, 'requestBody');
      exchange.endWithAnswer();
      exchange.answer(REFUSALS.BodyTooLarge, `${facts.contentLength} bytes, the limit is ${requestBodyBytes}`);
      return;
    }
    if (exchange.acceptedAtMs === 0) {
      exchange.acceptedAtMs = performance.now();
      exchange.deadlineAtMs = exchange.acceptedAtMs + requestTimeoutMs;
    }
    this.#dispatcher.admit(exchange, rule);
  }
}
