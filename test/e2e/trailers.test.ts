/** Trailers of guests, through all of the real program: pushed, prepared, sandboxed, asked for, and from one entry to another. */
import http from 'node:http';
import { expect, it } from 'vitest';
import { guest, TEXT } from '../cell/kit/guest.ts';
import { component, environment, example, immediatePolicy, route, shop } from '../support/manifests.ts';
import { coreImportsOf } from '../wasi/kit/functions.ts';
import { guestOf } from '../wasi/kit/guest.ts';
import { ANSWER, BODY, CLOSE, REQUEST_BODY, RESPONSE, SET } from '../wasi/kit/row.ts';
import { call, get, put, R, text, u32, u8 } from '../wasi/kit/wat.ts';
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

/** Answers with the trailer `x-sum` of a request whose body it does not read; without one it answers as others do. */
const TELLS_SUM = `${REQUEST_BODY} ${call('input-stream.drop', get('e'))} ${put('f', call('incoming-body.finish', get('d')))}
  ${call('pollable.block', call('future-trailers.subscribe', get('f')))} ${call('future-trailers.get', get('f'), R)}
  (if ${u8(24)} (then ${put('a', u32(28))} ${call('fields.get', get('a'), text('x-sum'), R)} ${put('d', u32(0))}
    ${RESPONSE} ${BODY} ${call('output-stream.check-write', get('c'), R)}
    ${call('output-stream.write', get('c'), '(i32.load (local.get $d))', '(i32.load offset=4 (local.get $d))', R)} ${CLOSE} ${SET})
    (else ${ANSWER}))`;

it('an entry that asks another ends its request with trailers, and the other gets them', async () => {
  const extra = '  capabilities: [{name: inside, outboundHttp: {hosts: [cart.shop.headway]}}]\n';
  const rollout = '{policyRef: {name: now}}';
  const front = component({ name: 'front', wasm: 'wasm/front.wasm', rollout, extra });
  const { daemon } = await story({
    'environment.yaml': environment(),
    'shop/policies.yaml': immediatePolicy(),
    'shop/route.yaml': route({ name: 'front', hostname: 'front.example' }),
    'shop/front.yaml': front,
    'wasm/front.wasm': example('testbed-outbound'),
    'shop/cart.yaml': component({ name: 'cart', wasm: 'wasm/cart.wasm', rollout }),
    'wasm/cart.wasm': await guestOf([TELLS_SUM], await coreImportsOf(['io', 'http'])),
  });
  for (const key of ['shop/front', 'shop/cart'] as const) await provenAfter(daemon, undefined, key);
  const asked = async (more: string): Promise<string> => {
    const { body } = await daemon.ask(`/send?to=cart.shop.headway&method=POST&bytes=${more}`, 'front.example');
    return body.replaceAll(/^[a-z-]+: .*$\n?/gm, '');
  };
  // More than there is credit for, of which the other reads nothing.
  expect(await asked('700000&trailers=1')).toBe('200\n\n1');
  expect(await asked('700000')).toBe('200\n\nhello');
});
