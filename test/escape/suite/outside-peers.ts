/** What is on the machine beside the program: who may be asked, who may not, and a file that nobody was given. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { RawUpstream } from '../kit.ts';

export const SECRET = 'what-nobody-was-given';
/** Other addresses of the machine, with the port of the granted one. */
const INSIDE = ['127.0.0.2', '127.0.0.3'] as const;

export interface Outside {
  /** At 127.0.0.1: answers `/redirect/<status>?<location>` with that, and everything else with its path. */
  readonly granted: http.Server;
  readonly port: number;
  /** Connections to what nobody is granted. */
  readonly insideSeen: () => number;
  /** What was asked of the granted one, as `GET /path`. */
  readonly asked: string[];
  readonly secretFile: string;
  close(): void;
}

export async function openOutside(folder: string): Promise<Outside> {
  const asked: string[] = [];
  const granted = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const redirect = /^\/redirect\/(\d+)\?(.*)$/.exec(request.url!);
    request.resume();
    if (redirect) response.writeHead(Number(redirect[1]), { location: decodeURIComponent(redirect[2]!) }).end('moved');
    else if (request.url === '/hints')
      response
        .writeHead(200, {
          refresh: '0;url=http://127.0.0.2/',
          link: '<http://127.0.0.2/>; rel=preload',
          'alt-svc': 'h2="127.0.0.2:443"',
        })
        .end('hints');
    else response.end(`got ${request.url}`);
  });
  granted.listen(0, '127.0.0.1');
  await once(granted, 'listening');
  const { port } = granted.address() as { port: number };
  const inside = await Promise.all(INSIDE.map((address) => RawUpstream.open(address, port)));
  mkdirSync(folder, { recursive: true });
  const secretFile = path.join(folder, 'secret.txt');
  writeFileSync(secretFile, SECRET, { mode: 0o666 });
  return {
    granted,
    port,
    asked,
    secretFile,
    insideSeen: () => inside.reduce((sum, { seen }) => sum + seen.length, 0),
    close() {
      granted.closeAllConnections();
      granted.close();
      for (const one of inside) one.close();
    },
  };
}
