/** A component without any HTTP in it: called with JSON through a Route, gated, rolled back, and described. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, describe, expect, it } from 'vitest';
import type { Daemon } from '../support/daemon.ts';
import { environment, example } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { chapters, provenAfter } from './story.ts';

const KEY = 'shop/pricing';
const INTERFACE = 'shop:cart/pricing@1.0.0';
const MAX_BODY_BYTES = 2048;

function componentText(wasm: string): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: pricing, namespace: shop}
spec:
  source: {path: wasm/${wasm}.wasm}
  probes:
    readiness: {export: {interface: "${INTERFACE}", function: currencies}, period: 50ms, timeout: 5s, deadline: 10s}
  limits: {queue: 1024, requestTimeout: 5s}
  rollout:
    strategy: {type: Canary, canary: {steps: [{weight: 50, minDuration: 300ms, deadline: 1m}]}}
    gate:
      errors: {tolerable: "0.5%", intolerable: "5%"}
      hardStops: {consecutiveErrors: 5, crashes: 2, window: 60s}
      minSamples: 50
      warmUp: {requests: 10, duration: 1s}
      insufficientData: Synthesize
      synthetic: {requests: 200, export: {interface: "${INTERFACE}", function: currencies}}
    bake: {duration: 1s, deadline: 10m}
    breaker: {maxRollbacks: 100, window: 1h}
`;
}

function routeText(quote = 'quote'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: pricing, namespace: shop}
spec:
  rules:
    - matches: [{path: {type: Exact, value: /quote}}]
      backendRef: {name: pricing, export: {interface: "${INTERFACE}", function: ${quote}}}
      limits: {requestBody: "${MAX_BODY_BYTES}"}
    - matches: [{path: {type: Exact, value: /currencies}}]
      backendRef: {name: pricing, export: {interface: "${INTERFACE}", function: currencies}}
    - matches: [{path: {type: Exact, value: /about}}]
      backendRef: {name: pricing, export: {function: about}}
`;
}

function swapTo(wasm: string): Changes {
  return { 'shop/pricing.yaml': componentText(wasm), [`wasm/${wasm}.wasm`]: example(wasm) };
}

const now = chapters({ 'environment.yaml': environment(), 'shop/route.yaml': routeText(), ...swapTo('pricing-v1') });

const BASKET = { items: [{ sku: 'pot', count: 3 }], currency: 'usd' };

function quote(daemon: Daemon, body: unknown, more: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${daemon.url}/quote`, { method: 'POST', headers, body: JSON.stringify(body), ...more });
}

/** Visitors who ask for one quote after the other; what they got is counted by status and by the version that signed it. */
class Visitors {
  readonly statuses = new Map<number, number>();
  readonly versions = new Map<string, number>();
  #isOver = false;
  readonly #running: Promise<unknown>;

  constructor(daemon: Daemon) {
    this.#running = Promise.all(Array.from({ length: 4 }, () => this.#visit(daemon)));
  }

  async stop(): Promise<this> {
    this.#isOver = true;
    await this.#running;
    return this;
  }

  async #visit(daemon: Daemon): Promise<void> {
    while (!this.#isOver) {
      const response = await quote(daemon, BASKET);
      const { discount = '' } = (await response.json()) as { discount?: string };
      this.statuses.set(response.status, (this.statuses.get(response.status) ?? 0) + 1);
      const version = /says (.*)$/.exec(discount)?.[1];
      if (version !== undefined) this.versions.set(version, (this.versions.get(version) ?? 0) + 1);
    }
  }
}

let visitors: Visitors | undefined;
afterAll(() => visitors?.stop());

describe('a Route to exported functions', () => {
  it('is ready by a probe of an export, and answers with JSON', async () => {
    const { daemon } = now();
    await provenAfter(daemon, undefined, KEY);
    const response = await quote(daemon, BASKET);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await response.json()).toEqual({
      'total-cents': '10530',
      currency: 'usd',
      discount: 'a tenth off from 100.00, says v1',
    });
    expect(await (await fetch(`${daemon.url}/currencies`)).json()).toEqual(['eur', 'usd']);
    expect(await (await fetch(`${daemon.url}/about`)).json()).toBe('prices of three things, by v1');
    const small = await quote(daemon, { items: [{ sku: 'tea', count: 1 }], currency: 'eur' });
    expect(await small.json()).toEqual({ 'total-cents': '450', currency: 'eur', discount: null });
  });

  it('gives the err of the result as 422', async () => {
    const { daemon } = now();
    const cases: readonly [object, object][] = [
      [{ items: [], currency: 'eur' }, { error: { 'empty-basket': null } }],
      [{ items: [{ sku: 'fork', count: 1 }], currency: 'eur' }, { error: { 'unknown-sku': 'fork' } }],
      [{ items: [{ sku: 'tea', count: 1001 }], currency: 'eur' }, { error: { 'too-many': 1001 } }],
    ];
    for (const [body, expected] of cases) {
      const response = await quote(daemon, body);
      expect([response.status, await response.json()]).toEqual([422, expected]);
    }
  });

  it('says what is wrong with a request, and where', async () => {
    const { daemon } = now();
    const wrong = await quote(daemon, { items: [{ sku: 'tea', count: -1 }], currency: 'eur' });
    expect([wrong.status, await wrong.json()]).toMatchObject([
      400,
      { error: { code: 'HW4543', pointer: '/items/0/count' } },
    ]);
    const large = await quote(daemon, { items: [{ sku: 'x'.repeat(MAX_BODY_BYTES), count: 1 }], currency: 'eur' });
    expect([large.status, await large.json()]).toMatchObject([413, { error: { code: 'HW4512' } }]);
    const form = await quote(daemon, BASKET, { headers: { 'content-type': 'text/plain' } });
    expect(form.status).toBe(415);
    const get = await fetch(`${daemon.url}/quote`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    const head = await fetch(`${daemon.url}/currencies`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('is described by a document at the status address, which only can be read', async () => {
    const { daemon } = now();
    const address = `${daemon.statusUrl}/api/v1/openapi`;
    const response = await fetch(`${address}/${KEY}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    const document = (await response.json()) as { openapi: string; paths: Record<string, object> };
    expect(document.openapi).toMatch(/^3\.1\./);
    expect([Object.keys(document.paths).sort(), Object.keys(document.paths['/quote']!)]).toEqual([
      ['/about', '/currencies', '/quote'],
      ['post'],
    ]);
    expect((await new Validator().validate({ ...document })).errors).toBeUndefined();
    const unknown = await fetch(`${address}/shop/nobody`);
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { error: 'nothing of shop/nobody serves', code: 'HW4546' },
    ]);
    const post = await fetch(`${address}/${KEY}`, { method: 'POST', body: '{}' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('walks a canary under calls, loses none, and is proven', async () => {
    const { daemon, repository } = now();
    const before = (await daemon.status())!.entries.find(({ key }) => key === KEY);
    visitors = new Visitors(daemon);
    // Readiness by a function of the world itself.
    const better = componentText('pricing-v2').replace(
      `{interface: "${INTERFACE}", function: currencies}, period`,
      '{function: about}, period',
    );
    expect(better).toContain('{function: about}');
    await repository.push('Price better', { ...swapTo('pricing-v2'), 'shop/pricing.yaml': better });
    await provenAfter(daemon, before, KEY);
    const { statuses, versions } = await visitors.stop();
    expect([...statuses.keys()]).toEqual([200]);
    expect([...versions.keys()].sort()).toEqual(['v1', 'v2']);
  });

  it('rolls a release back that traps on calls, while the other goes on', async () => {
    const { daemon, repository } = now();
    const before = (await daemon.status())!.entries.find(({ key }) => key === KEY)!;
    visitors = new Visitors(daemon);
    await repository.push('Price worse', swapTo('pricing-traps'));
    const after = await daemon.entry(KEY, 'the bad one is quarantined', ({ quarantined }) => quarantined.length > 0);
    const { statuses } = await visitors.stop();
    expect(after.proven!.release).toBe(before.proven!.release);
    expect(Object.keys(Object.fromEntries(statuses)).sort()).toEqual(['200', '502']);
    expect(statuses.get(502)!).toBeLessThan(statuses.get(200)!);
    // Status says what was decided; the snapshot is in force a moment later.
    await expect.poll(async () => (await quote(daemon, BASKET)).status).toBe(200);
  });

  it('keeps what it had where a commit names a function that is not there, and says which are', async () => {
    const { daemon, repository } = now();
    const head = await repository.push('Call what is not there', {
      ...swapTo('pricing-v2'),
      'shop/route.yaml': routeText('qoute'),
    });
    const status = await daemon.until('the commit was read', ({ source }) => source.acceptedCommit === head);
    const finding = status.diagnostics.find(({ code }) => code === 'HW1090');
    expect(finding).toMatchObject({
      message: `shop/pricing exports no function qoute in ${INTERFACE}`,
      remedy: 'it exports quote, currencies',
      span: { file: 'shop/route.yaml', line: 7 },
    });
    expect((await quote(daemon, BASKET)).status).toBe(200);
  });
});
