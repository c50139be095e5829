/**
 * A whole life of a cell with a component of our own, played inside a process before it says that it waits: what a start runs
 * through (frames, the import of bindings, WebAssembly, instances, the classes of `wasi:http`) has then been loaded, compiled
 * and run once, and the call that waits for the real start does not pay for it.
 *
 * Nothing of it is left but that: it has a channel of its own that leads nowhere, no broker, and its instance is dropped.
 */
import { Duplex } from 'node:stream';
import { FrameWriter } from '../wire/encoder.ts';
import { FromCell, ToCell, WIRE_VERSION, type Assignment } from '../wire/frames.ts';
import { Framer } from '../wire/framer.ts';
import { writeRequest } from '../wire/request-head.ts';
import { Cell } from './cell.ts';
import type { Suspension } from './suspension.ts';

/** A process that cannot play it in this time is as good without. */
const REHEARSAL_DEADLINE_MS = 2_000;
/** So many requests, one after the other. */
const REQUESTS = 3;
const PATH = '/healthz';
const HTTP = 'wasi:http/types@0.2.0';
const STREAMS = 'wasi:io/streams@0.2.0';
const HANDLER = 'wasi:http/incoming-handler@0.2.0';

/**
 * A memory, imported as modules of a bundle import theirs (ADR 0174), a table, and `handle`, which calls `respond` with the place
 * of a text.
 */
const MODULE = Buffer.from(
  'AGFzbQEAAAABBgFgAn9/AAInAgRob3N0B3Jlc3BvbmQAAAtoZWFkd2F5IG93bgZtZW1vcnkCAQEBAwIBAAQEAXAAAQcbAwZtZW1vcnkCAAV0' +
    'YWJsZQEABmhhbmRsZQABCQcBAEEACwEBCgoBCABBEEEFEAALCwsBAEEQCwVoZWxsbwAbEmhlYWR3YXkgb3duIG1lbW9yeQEAAAABAAAA',
  'base64',
);

/** In the shape of generated bindings, and as they use the host: a request read, a response with a header and a body. */
const BINDINGS = Buffer.from(`export function instantiate(getCoreModule, imports, instantiateCore) {
  const { Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam } = imports['wasi:http/types'];
  const { OutputStream } = imports['wasi:io/streams'];
  const handles = [0];
  const text = new TextDecoder('utf-8', { fatal: true });
  let request, outparam;
  const { exports } = instantiateCore(getCoreModule('component.core.wasm'), {
    host: {
      respond: new WebAssembly.Suspending((at, length) => {
        if (!(request instanceof IncomingRequest)) throw new TypeError('no request');
        const path = request.pathWithQuery();
        const headers = request.headers();
        const entries = headers.entries();
        headers[Symbol.dispose]();
        request[Symbol.dispose]();
        const fields = new Fields();
        fields.append('x-entries', new TextEncoder().encode(path + entries.length));
        const response = new OutgoingResponse(fields);
        response.setStatusCode(200);
        const body = response.body();
        handles.push(body);
        const stream = body.write();
        if (!(stream instanceof OutputStream) || !(body instanceof OutgoingBody)) throw new TypeError('no stream');
        const bytes = new Uint8Array(exports.memory.buffer, at, length);
        if (text.decode(bytes) !== 'hello' || stream.checkWrite() < 5n) throw new TypeError('no text');
        stream.write(bytes.slice());
        stream[Symbol.dispose]();
        OutgoingBody.finish(handles.pop(), undefined);
        ResponseOutparam.set(outparam, { tag: 'ok', val: response });
      }),
    },
  });
  const run = WebAssembly.promising(exports.handle);
  return {
    '${HANDLER}': {
      async handle(given, out) {
        request = given;
        outparam = out;
        await run(0, 0);
      },
    },
  };
}
`);

const ASSIGNMENT: Assignment = {
  wire: WIRE_VERSION,
  replica: 'rehearsal',
  entry: 'rehearsal',
  revision: '',
  files: [
    { name: 'component.js', bytes: BINDINGS.length },
    { name: 'component.core.wasm', bytes: MODULE.length },
  ],
  imports: [
    HTTP,
    STREAMS,
    'wasi:io/error@0.2.0',
    'wasi:io/poll@0.2.0',
    'wasi:cli/environment@0.2.0',
    'wasi:cli/stdin@0.2.0',
    'wasi:cli/stdout@0.2.0',
    'wasi:cli/stderr@0.2.0',
    'wasi:clocks/monotonic-clock@0.2.0',
    'wasi:clocks/wall-clock@0.2.0',
    'wasi:random/random@0.2.0',
  ],
  exports: [HANDLER],
  blockingExports: [`${HANDLER}#handle`],
  env: [],
  config: [],
  args: [],
  memoryBytes: 1 << 20,
  logBytesPerSecond: 0,
  handles: 64,
  concurrency: 2,
  requestBodyBytes: 1 << 16,
  responseBodyBytes: 1 << 16,
  instancePolicy: 'Pooled',
  startTimeoutMs: REHEARSAL_DEADLINE_MS,
  warmUp: { path: PATH, headers: [], timeoutMs: REHEARSAL_DEADLINE_MS, proves: true },
};

/** Whether it was played to its end. */
export function rehearse(nodeVersion: string, suspension: Suspension): Promise<boolean> {
  return new Promise((resolve) => {
    let answered = 0;
    const done = (played: boolean): void => {
      clearTimeout(timer);
      channel.removeAllListeners();
      resolve(played);
    };
    const timer = setTimeout(() => done(false), REHEARSAL_DEADLINE_MS);
    const said = new Framer((type) => {
      if (type === FromCell.LoadFailed || type === FromCell.Done) done(false);
      if (type === FromCell.Response) answered += 1;
      if (type !== FromCell.Loaded && type !== FromCell.Response) return true;
      if (answered === REQUESTS) done(true);
      else ask(engine, answered + 1);
      return true;
    });
    const channel = new Duplex({
      read() {},
      write(bytes: Buffer, _encoding, taken) {
        said.push(bytes);
        taken();
      },
    });
    const engine = new FrameWriter({
      destroyed: false,
      writableLength: 0,
      write(bytes: Buffer, taken: () => void) {
        channel.push(Buffer.from(bytes));
        taken();
        return true;
      },
    });
    const openBroker = (): never => {
      throw new TypeError('a rehearsal has no broker');
    };
    new Cell({ channel, openBroker, nodeVersion, exit: () => done(false), suspension, collect: () => undefined }).boot(
      false,
    );
    engine.json(ToCell.Assign, 0, ASSIGNMENT);
    engine.frame(ToCell.FileChunk, 0, BINDINGS);
    engine.frame(ToCell.FileChunk, 0, MODULE);
  });
}

function ask(engine: FrameWriter, id: number): void {
  const headers = ['host', 'localhost', 'accept', '*/*'];
  const head = {
    flags: 0,
    deadlineMs: REHEARSAL_DEADLINE_MS,
    method: 'GET',
    path: PATH,
    authority: 'localhost',
  };
  writeRequest(engine, id, { ...head, scheme: 'http', headers, headerStrings: headers.length }, undefined);
}
