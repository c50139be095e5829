import { spawn, type ChildProcess } from 'node:child_process';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** How the server treats the next requests. Everything but `Normal` is a fault. */
export type Behaviour =
  | { readonly type: 'Normal' }
  /** Accepts and never answers. */
  | { readonly type: 'Stall' }
  /** Answers the first bytes of the truth, then nothing more, the connection open. */
  | { readonly type: 'StallAfter'; readonly bytes: number }
  /** The truth, cut off after so many bytes. */
  | { readonly type: 'CutAfter'; readonly bytes: number }
  | { readonly type: 'Garbage' }
  /** A web page with status 200, as captive portals and single-page applications answer. */
  | { readonly type: 'WebPage' }
  | { readonly type: 'Status'; readonly status: number }
  | { readonly type: 'Redirect'; readonly to: string }
  /** Pack bytes without an end. */
  | { readonly type: 'EndlessPack' };

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
}

export interface GitServerOptions {
  /** PEM key and certificate: the server speaks https. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** `git http-backend` behind node:http: what a git host is, with faults on demand. */
export class GitServer {
  readonly seen: SeenRequest[] = [];
  readonly #server: Server;
  readonly #root: string;
  readonly #scheme: string;
  readonly #children = new Set<ChildProcess>();
  #login: Login | undefined;
  #behaviour: Behaviour = { type: 'Normal' };

  private constructor(root: string, options: GitServerOptions) {
    this.#root = root;
    this.#scheme = options.tls ? 'https' : 'http';
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => this.#answer(request, response);
    this.#server = options.tls ? createHttpsServer(options.tls, onRequest) : createHttpServer(onRequest);
  }

  /** Serves every bare repository in `root`. */
  static async start(root: string, options: GitServerOptions = {}, port = 0): Promise<GitServer> {
    const server = new GitServer(root, options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(repository = 'repo.git'): string {
    return `${this.#scheme}://127.0.0.1:${this.port}/${repository}`;
  }

  /** From now on a login is needed; `undefined`: none. */
  setLogin(login: Login | undefined): void {
    this.#login = login;
  }

  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
    if (behaviour.type === 'Normal') this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    for (const child of this.#children) child.kill('SIGKILL');
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { authorization } = request.headers;
    this.seen.push({ method: request.method ?? '', url: request.url ?? '', authorization });
    const behaviour = this.#behaviour;
    switch (behaviour.type) {
      case 'Stall':
        return;
      case 'Garbage':
        request.socket.end('\u0000\u0001not http at all\r\n\r\n');
        return;
      case 'WebPage':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Welcome</title>\n');
        return;
      case 'Status':
        response.writeHead(behaviour.status).end();
        return;
      case 'Redirect':
        response.writeHead(301, { location: behaviour.to + request.url }).end();
        return;
      case 'EndlessPack':
      case 'StallAfter':
      case 'CutAfter':
      case 'Normal':
        break;
    }
    if (this.#login && authorization !== authorizationOf(this.#login)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (behaviour.type === 'EndlessPack' && body.includes('command=fetch')) {
        return answerEndlessPack(response, body.includes('done\n'));
      }
      this.#runBackend(request, body, response, behaviour);
    });
  }

  #runBackend(request: IncomingMessage, requestBody: Buffer, response: ServerResponse, behaviour: Behaviour): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const child = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        GIT_PROJECT_ROOT: path.resolve(this.#root),
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        REQUEST_METHOD: request.method ?? 'GET',
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        CONTENT_LENGTH: request.headers['content-length'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_USER: this.#login?.username ?? '',
        REMOTE_ADDR: '127.0.0.1',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#children.add(child);
    child.on('close', () => this.#children.delete(child));
    child.stdin.on('error', () => undefined);
    child.stdin.end(requestBody);
    const body = new CgiBody(response, behaviour);
    child.stdout.on('data', (chunk: Buffer) => body.write(chunk));
    child.stdout.on('end', () => body.end());
  }
}

function authorizationOf(login: Login): string {
  return `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
}

/** Turns CGI output into a response: header lines, an empty line, the body, with the faults that cut a body. */
class CgiBody {
  readonly #response: ServerResponse;
  readonly #behaviour: Behaviour;
  #head: Buffer | undefined = Buffer.alloc(0);
  #sent = 0;

  constructor(response: ServerResponse, behaviour: Behaviour) {
    this.#response = response;
    this.#behaviour = behaviour;
  }

  write(chunk: Buffer): void {
    if (!this.#head) return this.#send(chunk);
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const lines = this.#head.toString('latin1', 0, end).split('\r\n');
    const rest = this.#head.subarray(end + 4);
    this.#head = undefined;
    let status = 200;
    for (const line of lines) {
      const colon = line.indexOf(':');
      const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else this.#response.setHeader(name, value);
    }
    this.#response.writeHead(status);
    this.#send(rest);
  }

  end(): void {
    if (this.#behaviour.type === 'StallAfter' && this.#sent >= this.#behaviour.bytes) return;
    this.#response.end();
  }

  #send(chunk: Buffer): void {
    const limit = 'bytes' in this.#behaviour ? this.#behaviour.bytes : Number.POSITIVE_INFINITY;
    const piece = chunk.subarray(0, Math.max(0, limit - this.#sent));
    this.#sent += piece.length;
    const cut = this.#sent >= limit && this.#behaviour.type === 'CutAfter';
    if (piece.length > 0) this.#response.write(piece, () => cut && this.#response.destroy());
  }
}

/** A well-formed start of a fetch's answer whose pack never ends: 4 GB announced, noise after that. */
function answerEndlessPack(response: ServerResponse, negotiated: boolean): void {
  response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
  if (!negotiated) {
    const DELIMITER = '0001';
    response.write(packet(Buffer.from('acknowledgments\n')));
    response.write(packet(Buffer.from('ready\n')));
    response.write(DELIMITER);
  }
  response.write(packet(Buffer.from('packfile\n')));
  // "PACK", version 2, two objects; then a blob that says it is 2^34 bytes, stored uncompressed.
  const start = Buffer.from([0x50, 0x41, 0x43, 0x4b, 0, 0, 0, 2, 0, 0, 0, 2]);
  const blob = Buffer.from([0xb0, 0x80, 0x80, 0x80, 0x80, 0x08, 0x78, 0x01]);
  const DEFLATE_BLOCK_BYTES = 60_000;
  const block = Buffer.alloc(DEFLATE_BLOCK_BYTES + 5, 'x');
  block[0] = 0;
  block.writeUInt16LE(DEFLATE_BLOCK_BYTES, 1);
  block.writeUInt16LE(~DEFLATE_BLOCK_BYTES & 0xffff, 3);
  response.write(packet(Buffer.concat([Buffer.from([1]), start, blob])));
  const more = (): void => {
    while (!response.destroyed && response.write(packet(Buffer.concat([Buffer.from([1]), block]))));
  };
  response.on('drain', more);
  more();
}

function packet(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from((payload.length + 4).toString(16).padStart(4, '0')), payload]);
}
