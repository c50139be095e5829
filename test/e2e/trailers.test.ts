/** Trailers of a guest, through all of the real program: pushed, prepared, sandboxed, asked for. */
import http from 'node:http';
import { expect, it } from 'vitest';
import { guest, TEXT } from '../cell/kit/guest.ts';
import { shop } from '../support/manifests.ts';
import { KEY, provenAfter, story } from './story.ts';

const { respond, openBody, hello, set, closeBody, openRequest, askTrailers, takeTrailer, tellTrailer } = TEXT;
const WITH_TRAILER = `${respond} ${openBody} ${set} ${hello} (call $out_drop (local.get $stream))
  (local.set $fields (call $fields))
  (call $fields_append (local.get $fields) (i32.const 24) (i32.const 3) (i32.const 16) (i32.const 5) (i32.const 64))
  (call $body_finish (local.get $body) (i32.const 1) (local.get $fields) (i32.const 64))`;

/** Answers with the trailer `x-a` of the request. */
const TELLS_TRAILER = `${openRequest} ${askTrailers} ${takeTrailer} ${respond} ${openBody} ${tellTrailer} ${closeBody} ${set}`;

function post(url: string, body: string, trailers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.once('error', reject).once('end', () => resolve(`${response.statusCode} ${text}`));
    });
    request.once('error', reject);
    request.write(body);
    request.addTrailers(trailers);
    request.end();
  });
}

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

it('a guest that asks for the trailers of a request gets them, behind a body that it does not read', async () => {
  const first = shop();
  const [artifact] = Object.keys(first).filter((path) => path.endsWith('.wasm'));
  const handle = `(if (call $is_post (local.get $req)) (then ${TELLS_TRAILER}) (else ${WITH_TRAILER}))`;
  const functions = `(func $is_post (param $req i32) (result i32)
    (call $request_method (local.get $req) (i32.const 64)) (i32.eq (i32.load8_u (i32.const 64)) (i32.const 2)))`;
  const { daemon } = await story({ ...first, [artifact!]: await guest({ handle, functions }) });
  expect((await provenAfter(daemon, undefined)).key).toBe(KEY);
  expect(await post(`${daemon.url}/`, 'x'.repeat(700_000), { 'x-a': 'sha-256=abc', cookie: 'a=b' })).toBe(
    '200 sha-256=abc',
  );
});
