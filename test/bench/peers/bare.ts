/**
 * The yardstick: a bare node:http server that answers what the greeting answers, sends back what is posted, and does nothing
 * else. Prints its URL; ends when its standard input does.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const BODY = 'Hello, world! (greeting v1)\n';

const server = http.createServer((request, response) => {
  if (request.method === 'POST') {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    request.pipe(response);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'x-greeting-version': 'v1' });
  response.end(BODY);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`);
});
process.stdin.resume().once('end', () => process.exit(0));
