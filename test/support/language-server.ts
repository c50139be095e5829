/**
 * yaml-language-server as an editor starts it: over standard input and output, by the Language Server Protocol. It asks
 * nobody for schemas: what it knows is what a document's own modeline names.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Deferred } from '../../src/kit/deferred.ts';

export interface EditorDiagnostic {
  readonly message: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: unknown;
}

const SERVER = path.resolve(import.meta.dirname, '../../node_modules/yaml-language-server/bin/yaml-language-server');
const SETTINGS = { validate: true, hover: false, completion: false, schemaStore: { enable: false }, schemas: {} };

export class LanguageServer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<string, Deferred<readonly EditorDiagnostic[]>>();
  readonly #initialized = new Deferred<void>();
  #input = Buffer.alloc(0);

  constructor() {
    this.#process = spawn(process.execPath, [SERVER, '--stdio'], { env: { ...process.env, NODE_OPTIONS: '' } });
    this.#process.stdout.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#process.stderr.resume();
    this.#send({
      id: 1,
      method: 'initialize',
      params: { processId: process.pid, rootUri: null, capabilities: { workspace: { configuration: true } } },
    });
  }

  /** What the editor would underline in this text. */
  async diagnose(file: string, text: string): Promise<readonly EditorDiagnostic[]> {
    await this.#initialized.promise;
    const uri = pathToFileURL(file).href;
    const answer = new Deferred<readonly EditorDiagnostic[]>();
    this.#waiting.set(uri, answer);
    this.#send({
      method: 'textDocument/didOpen',
      params: { textDocument: { uri, languageId: 'yaml', version: 1, text } },
    });
    return answer.promise;
  }

  close(): void {
    this.#process.kill('SIGKILL');
  }

  #receive(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    for (;;) {
      const head = this.#input.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(this.#input.toString('latin1', 0, head))?.[1]);
      const end = head + 4 + length;
      if (this.#input.length < end) return;
      const message = JSON.parse(this.#input.toString('utf8', head + 4, end)) as Message;
      this.#input = this.#input.subarray(end);
      this.#answer(message);
    }
  }

  #answer({ id, method, params }: Message): void {
    if (id === 1 && method === undefined) {
      this.#send({ method: 'initialized', params: {} });
      this.#send({ method: 'workspace/didChangeConfiguration', params: { settings: { yaml: SETTINGS } } });
      this.#initialized.resolve();
    } else if (method === 'workspace/configuration') {
      const { items } = params as { readonly items: readonly { readonly section: string }[] };
      this.#send({ id, result: items.map(({ section }) => (section === 'yaml' ? SETTINGS : {})) });
    } else if (method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = params as { uri: string; diagnostics: readonly EditorDiagnostic[] };
      this.#waiting.get(uri)?.resolve(diagnostics);
    } else if (id !== undefined && method !== undefined) {
      this.#send({ id, result: null });
    }
  }

  #send(message: object): void {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#process.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }
}
