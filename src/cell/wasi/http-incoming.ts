/** `wasi:http/types`, the side of the request: what the guest reads. */
import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import { HostTrap } from '../trap.ts';
import type { RequestBody } from '../serve/request-body.ts';
import type { ErrorCode } from './error-code.ts';
import { Fields, type UnreadFields } from './fields.ts';
import { Pollable } from './poll.ts';
import { failed, type Failed } from './result.ts';
import { InputStream } from './streams.ts';

interface Method {
  readonly tag: string;
  readonly val?: string;
}

const METHODS: ReadonlyMap<string, Method> = new Map(
  ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'].map((name): [string, Method] => {
    return [name, Object.freeze({ tag: name.toLowerCase() })];
  }),
);

const SCHEMES: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['http', Object.freeze({ tag: 'HTTP' })],
  ['https', Object.freeze({ tag: 'HTTPS' })],
]);

const TAKEN: Failed<undefined> = Object.freeze(failed(undefined));

/** What the engine said about a request. */
export interface RequestText extends UnreadFields {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
}

export class IncomingRequest extends HostResource {
  readonly #head: RequestText;
  readonly #body: RequestBody;
  #consumed = false;

  constructor(scope: Scope, head: RequestText, body: RequestBody) {
    super(scope);
    this.#head = head;
    this.#body = body;
  }

  method(): Method {
    return METHODS.get(this.#head.method) ?? { tag: 'other', val: this.#head.method };
  }

  pathWithQuery(): string {
    return this.#head.path;
  }

  scheme(): Method {
    return SCHEMES.get(this.#head.scheme) ?? { tag: 'other', val: this.#head.scheme };
  }

  authority(): string | undefined {
    return this.#head.authority === '' ? undefined : this.#head.authority;
  }

  headers(): Fields {
    return Fields.unread(this.scope, this.#head, this);
  }

  consume(): IncomingBody | Failed<undefined> {
    if (this.#consumed) return TAKEN;
    this.#consumed = true;
    return new IncomingBody(this.scope, this.#body);
  }
}

export class IncomingBody extends HostResource {
  readonly #body: RequestBody;
  #stream: 'NotTaken' | 'Open' | 'Dropped' = 'NotTaken';

  constructor(scope: Scope, body: RequestBody) {
    super(scope);
    this.#body = body;
  }

  stream(): InputStream | Failed<undefined> {
    if (this.#stream !== 'NotTaken') return TAKEN;
    this.#stream = 'Open';
    return new InputStream(
      this.scope,
      this.#body,
      () => {
        this.#stream = 'Dropped';
      },
      this,
    );
  }

  static finish(body: IncomingBody): FutureTrailers {
    if (body.#stream === 'Open') throw new HostTrap('incoming-body.finish before its stream was dropped');
    body.giveAway();
    return new FutureTrailers(body.scope, body.#body);
  }

  protected override dropped(): void {
    this.#body.abandon();
  }
}

type Trailers =
  | { readonly tag: 'ok'; readonly val: Fields | undefined }
  | { readonly tag: 'err'; readonly val: ErrorCode };

/** They come behind the body, whatever of it was read. */
export class FutureTrailers extends HostResource {
  readonly #body: RequestBody;
  #taken = false;

  constructor(scope: Scope, body: RequestBody) {
    super(scope);
    this.#body = body;
  }

  subscribe(): Pollable {
    const body = this.#body;
    return new Pollable(this.scope, { ready: () => body.trailersReady(), dueMs: Number.POSITIVE_INFINITY });
  }

  get(): { readonly tag: 'ok'; readonly val: Trailers } | Failed<undefined> | undefined {
    if (this.#taken) return TAKEN;
    if (!this.#body.trailersReady()) return undefined;
    this.#taken = true;
    const failure = this.#body.failure;
    const { trailers } = this.#body;
    const fields = trailers && new Fields(this.scope, trailers as string[], true);
    if (!failure) return { tag: 'ok', val: { tag: 'ok', val: fields } };
    return { tag: 'ok', val: { tag: 'err', val: failure.code ?? { tag: 'connection-terminated' } } };
  }

  protected override dropped(): void {
    this.#body.abandon();
  }
}
