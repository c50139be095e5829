/**
 * A request as Node's parser gives it, without the object of headers that Node would make of it: `RequestFacts` reads
 * the raw ones, and Node itself asks for four names only.
 */
import { IncomingMessage } from 'node:http';
import { KnownNames } from './known-names.ts';

/** What node:http asks of a request's headers between its head and its handler. */
const ASKED_BY_NODE: ReadonlySet<string> = new Set(['content-length', 'expect', 'te', 'transfer-encoding']);
const KNOWN = new KnownNames(ASKED_BY_NODE);
const NONE: NodeJS.Dict<string> = Object.freeze({});

export class Request extends IncomingMessage {
  /** Said by the engine that the client is connected to; empty where it is this one. */
  saidClient = '';

  get clientAddress(): string {
    return this.saidClient === '' ? (this.socket.remoteAddress ?? '') : this.saidClient;
  }
}

// The declared property cannot be overridden by an accessor in the class.
Object.defineProperty(Request.prototype, 'headers', {
  get(this: Request): NodeJS.Dict<string> {
    let asked: NodeJS.Dict<string> | undefined;
    const { rawHeaders } = this;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      if (!KNOWN.mayHave(rawHeaders[index]!)) continue;
      const name = rawHeaders[index]!.toLowerCase();
      if (!ASKED_BY_NODE.has(name)) continue;
      asked ??= {};
      const before = asked[name];
      asked[name] = before === undefined ? rawHeaders[index + 1]! : `${before}, ${rawHeaders[index + 1]!}`;
    }
    return asked ?? NONE;
  },
});
