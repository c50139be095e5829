/** Whom the guests of the rows call: an HTTP server of this process, there before any row is written down. */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

const server = http.createServer((request, response) => {
  if (request.url === '/never') return;
  if (request.url === '/cut') {
    response.writeHead(200, { 'content-length': '10' });
    response.write('hi', () => response.destroy());
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/trailers') {
      const [name, value] = request.rawTrailers;
      response.end(`${name}: ${value}`);
      return;
    }
    response.writeHead(207, { 'x-up': 'yes', trailer: 'x-sum' });
    response.write(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`);
    response.addTrailers({ 'x-sum': '7' });
    response.end();
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
server.unref();

export const UPSTREAM_PORT = (server.address() as net.AddressInfo).port;
export const UPSTREAM = `127.0.0.1:${UPSTREAM_PORT}`;

/** Resets who connects, a moment later. */
const resetting = net.createServer((socket) => setTimeout(() => socket.resetAndDestroy(), 20));
resetting.listen(0, '127.0.0.1');
await once(resetting, 'listening');
resetting.unref();

export const RESETTING_PORT = (resetting.address() as net.AddressInfo).port;

/** Ends what hangs. */
export function closeUpstream(): void {
  server.closeAllConnections();
  server.close();
  resetting.close();
}
