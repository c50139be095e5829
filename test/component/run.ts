import type { Prepared } from '../../src/component/job.ts';
import { MEMORY_MODULE, MEMORY_NAME, MEMORY_SECTION, memoryShape } from '../../src/model/imported-memory.ts';

type Imports = Record<string, Record<string, unknown>>;
export type Exports = Record<string, Record<string, (...args: unknown[]) => unknown>>;

/** What a cell does with a bundle, in the test's own process: only for components of ours. */
export async function instantiate(
  prepared: Pick<Prepared, 'files'>,
  imports: Imports,
  source?: string,
): Promise<Exports> {
  return (await load(prepared, source))(imports);
}

/** The same in two steps: what is compiled and loaded once makes as many instances as one likes. */
export async function load(prepared: Pick<Prepared, 'files'>, source?: string): Promise<(imports: Imports) => Exports> {
  const files = new Map(prepared.files.map((file) => [file.name, file.bytes]));
  const text = source ?? new TextDecoder().decode(files.get('component.js'));
  const url = `data:text/javascript;base64,${Buffer.from(`${text}\n//# sourceURL=component.js`).toString('base64')}`;
  const bindings = (await import(url)) as { instantiate: (...args: unknown[]) => unknown };
  const modules = new Map<string, WebAssembly.Module>();
  for (const [name, bytes] of files) {
    if (name.endsWith('.wasm')) modules.set(name, new WebAssembly.Module(Uint8Array.from(bytes)));
  }
  const getCoreModule = (name: string): WebAssembly.Module => {
    const module = modules.get(name);
    if (!module) throw new Error(`the bindings ask for ${name}, which the bundle does not have`);
    return module;
  };
  return (imports) => {
    const exports = bindings.instantiate(getCoreModule, imports, instantiateCore);
    if (exports instanceof Promise) throw new Error('instantiation did not end at once');
    return exports as Exports;
  };
}

/** With a memory of its own, where that is what the module imports (ADR 0174). */
export function instantiateCore(module: WebAssembly.Module, imports: object = {}): WebAssembly.Instance {
  const shape = memoryShape(WebAssembly.Module.customSections(module, MEMORY_SECTION)[0]);
  const memory = shape && { [MEMORY_MODULE]: { [MEMORY_NAME]: new WebAssembly.Memory(shape) } };
  return new WebAssembly.Instance(module, { ...imports, ...memory });
}

/** What the host hands out: it knows that it was dropped. */
class Handle {
  dropped = false;
  [Symbol.dispose](): void {
    this.dropped = true;
  }
}

export interface Answer {
  status: number;
  body: string;
  readonly streams: Handle[];
}

export interface TinyHost {
  readonly answer: Answer;
  readonly imports: Imports;
  /** Arguments for one call of `handle`. */
  readonly call: () => [request: object, outparam: object];
}

/** The least of wasi:http that the greeting needs, for a GET without a body; writes suspend if `suspend` is set. */
export function tinyHost(path: string, suspend: boolean): TinyHost {
  const answer: Answer = { status: 0, body: '', streams: [] };
  const Fields = class extends Handle {
    static fromList(): object {
      return new Fields();
    }
    append(): void {}
    set(): void {}
    get(): unknown[] {
      return [];
    }
    entries(): unknown[] {
      return [];
    }
  };
  const OutputStream = class extends Handle {
    blockingWriteAndFlush(bytes: Uint8Array): void | Promise<void> {
      answer.body += new TextDecoder().decode(bytes);
      return suspend ? new Promise((resolve) => void setImmediate(resolve)) : undefined;
    }
  };
  const OutgoingBody = class extends Handle {
    static finish(): void {}
    write(): Handle {
      const stream = new OutputStream();
      answer.streams.push(stream);
      return stream;
    }
  };
  const OutgoingResponse = class extends Handle {
    setStatusCode(status: number): void {
      answer.status = status;
    }
    headers(): Handle {
      return new Fields();
    }
    body(): Handle {
      return new OutgoingBody();
    }
  };
  const ResponseOutparam = class extends Handle {
    static set(_outparam: Handle, result: { tag: string }): void {
      if (result.tag === 'err') answer.status = -1;
    }
  };
  const IncomingRequest = class extends Handle {
    method(): unknown {
      return { tag: 'get' };
    }
    headers(): Handle {
      return new Fields();
    }
    pathWithQuery(): string {
      return path;
    }
  };
  const [IncomingBody, InputStream, IoError] = [
    class extends Handle {},
    class extends Handle {},
    class extends Handle {},
  ];
  return {
    answer,
    imports: {
      'wasi:io/error': { Error: IoError },
      'wasi:io/streams': { InputStream, OutputStream },
      'wasi:http/types': { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam, IncomingBody, IncomingRequest },
    },
    call: () => [new IncomingRequest(), new ResponseOutparam()],
  };
}
