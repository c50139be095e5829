import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { contentPath } from '../../src/model/content.ts';
import type { Bundle } from '../../src/model/engine.ts';
import type { TestBundle } from '../cell/kit/bundle.ts';

/** A bundle of the cell's tests, as the engine finds one: its files in the content store. */
export function storedBundle(bundle: TestBundle, storeFolder: string): Bundle {
  const files = [...bundle.files].map(([name, bytes]) => {
    const digest = digestOfBytes(bytes);
    const file = path.join(storeFolder, contentPath(digest));
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return { name, digest, bytes: bytes.length };
  });
  const { tier, imports, exports, blockingExports } = bundle;
  const artifact = files[0]!.digest;
  const facts = { initialMemoryBytes: 8 * 65_536, toolchain: 'test' };
  return { digest: artifact, artifact, tier, files, imports, exports, blockingExports, ...facts };
}

/** Whether the first request is there with all that its head announces: a sender that is slow is no smuggler. */
function isWhole(bytes: string): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const head = bytes.slice(0, end);
  const rest = bytes.slice(end + 4);
  if (/^transfer-encoding:/im.test(head)) return /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(rest);
  return rest.length >= Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
}

/** Takes connections, keeps every byte, answers a request with an empty 200. */
export class RawUpstream {
  /** Of each connection. */
  readonly seen: string[] = [];
  readonly #server: net.Server;

  private constructor(server: net.Server, answerAfterMs: number) {
    this.#server = server;
    server.on('connection', (socket) => {
      const at = this.seen.push('') - 1;
      socket.on('error', () => undefined);
      let isAnswered = false;
      socket.on('data', (chunk: Buffer) => {
        this.seen[at] += chunk.toString('latin1');
        if (isAnswered || !isWhole(this.seen[at]!)) return;
        isAnswered = true;
        setTimeout(() => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'), answerAfterMs);
      });
    });
  }

  static async open(host: string, port = 0, answerAfterMs = 20): Promise<RawUpstream> {
    const server = net.createServer().listen(port, host);
    await once(server, 'listening');
    return new RawUpstream(server, answerAfterMs);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}
