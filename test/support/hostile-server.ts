import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestCertificate } from './certificate.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly acceptEncoding: string | undefined;
  readonly body: string;
}

/** An https server whose answers a test makes up, and which remembers what it was asked. */
export class HostileServer {
  readonly seen: SeenRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #handler: Handler = (_request, response) => void response.writeHead(404).end();

  private constructor({ key, cert }: Pick<TestCertificate, 'key' | 'cert'>) {
    this.#server = createServer({ key, cert }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const { method = '', url = '', headers } = request;
        const acceptEncoding = String(headers['accept-encoding']);
        this.seen.push({ method, url, authorization: headers.authorization, acceptEncoding, body });
        this.#handler(request, response, body);
      });
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(certificate: Pick<TestCertificate, 'key' | 'cert'>): Promise<HostileServer> {
    const server = new HostileServer(certificate);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return server;
  }

  /** `127.0.0.1:port` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  url(path: string): string {
    return `https://${this.host}/${path}`;
  }

  answer(handler: Handler): void {
    this.seen.length = 0;
    this.#handler = handler;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

/** Sends pieces until the other side has had enough, each when the one before has gone. */
export function endless(response: ServerResponse, piece: Uint8Array, everyMs = 0): void {
  response.on('error', () => undefined);
  const timer = everyMs > 0 ? setInterval(() => response.write(piece), everyMs) : undefined;
  response.on('close', () => clearInterval(timer));
  if (timer) return;
  const send = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', send);
  send();
}
