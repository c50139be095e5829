/** Trailers of a guest, through all of the real program: pushed, prepared, sandboxed, asked for. */
import http from 'node:http';
import { expect, it } from 'vitest';
import { guest, TEXT } from '../cell/kit/guest.ts';
import { shop } from '../support/manifests.ts';
import { KEY, provenAfter, story } from './story.ts';

const { respond, openBody, hello, set } = TEXT;
const WITH_TRAILER = `${respond} ${openBody} ${set} ${hello} (call $out_drop (local.get $stream))
  (local.set $fields (call $fields))
  (call $fields_append (local.get $fields) (i32.const 24) (i32.const 3) (i32.const 16) (i32.const 5) (i32.const 64))
  (call $body_finish (local.get $body) (i32.const 1) (local.get $fields) (i32.const 64))`;

function ask(url: string, headers: http.OutgoingHttpHeaders): Promise<{ body: string; trailers: object }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('error', reject).once('end', () => resolve({ body, trailers: response.trailers }));
    });
    request.once('error', reject);
  });
}

it('a client that says TE: trailers gets them, another does not, and both get the whole body', async () => {
  const first = shop();
  const [artifact] = Object.keys(first).filter((path) => path.endsWith('.wasm'));
  const { daemon } = await story({ ...first, [artifact!]: await guest({ handle: WITH_TRAILER }) });
  expect((await provenAfter(daemon, undefined)).key).toBe(KEY);
  expect(await ask(`${daemon.url}/`, { te: 'trailers' })).toEqual({ body: 'hello', trailers: { 'x-a': 'hello' } });
  expect(await ask(`${daemon.url}/`, {})).toEqual({ body: 'hello', trailers: {} });
});
