/** Guests that ask other entries over HTTP: the broker's own client against the door of an ingress with scripted cells behind it. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpAuthority } from '../../src/broker/http/authority.ts';
import type { HttpExchange } from '../../src/broker/http/exchange.ts';
import type { HttpRequest } from '../../src/broker/http/request.ts';
import { HttpService } from '../../src/broker/http/service.ts';
import { Records } from '../../src/broker/records.ts';
import { Resolver } from '../../src/broker/resolver.ts';
import { MAX_REMOTE_DEPTH } from '../../src/model/remote.ts';
import { groupId, type GroupId, type RemoteTarget, type Snapshot } from '../../src/model/snapshot.ts';
import type { Lineage } from '../../src/wire/cell-caller.ts';
import type { CallInFlight } from '../../src/wire/door.ts';
import { Abort, Outcome } from '../../src/wire/frames.ts';
import type { HttpFailure } from '../../src/wire/http-frames.ts';
import { lineOf } from '../broker/support.ts';
import { arm, release, snapshot, STABLE, startIngress, type Fixture } from './fixture.ts';
import { until, type Script } from './scripted-cell.ts';

const CART = groupId('shop/cart', 'cart-stable');
const CART_NEXT = groupId('shop/cart', 'cart-next');
const FRONT_NEXT = groupId('shop/front', 'front-next');
const TOKEN = '00112233';
const [CELL, CALL] = [4, 9];
const cartArm = (group: GroupId, weight: number) => arm(group, weight, group === CART ? 'c' : 'd');

function target(more: Partial<RemoteTarget> = {}): RemoteTarget {
  return {
    entry: 'shop/cart',
    requestTimeoutMs: 2_000,
    requestBodyBytes: 1024 * 1024,
    responseBodyBytes: 1024 * 1024,
    arms: [cartArm(CART, 100)],
    ...more,
  };
}
const inForce = (remotes: readonly RemoteTarget[], generation = 1): Snapshot => ({
  ...snapshot([], generation),
  remotes,
});

let fixture: Fixture;
let folder: string;
/** The call that the cell is serving, as the engine knows it. */
let serving: CallInFlight | undefined;
let records: Records;
let service: HttpService;
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'headway-door-'));
  fixture = await startIngress(inForce([target()]));
  serve();
  records = new Records(() => undefined);
  service = new HttpService({
    records,
    wallMs: () => 0,
    maxBodyBytes: 16 * 1024 * 1024,
    resolver: new Resolver(() => Promise.reject(new Error('a resolver was asked'))),
  });
  await fixture.ingress.openDoor({ path: path.join(folder, 'door'), token: TOKEN }, (cell, call) =>
    cell === CELL && call === CALL ? serving : undefined,
  );
});
afterEach(async () => {
  await fixture.stop();
  rmSync(folder, { recursive: true });
});

function serve(lineage: Lineage = { depth: 0, counts: 'Traffic' }, timeMs = 5_000, group = groupId('shop/front', 'r')) {
  serving = { group, lineage, deadlineAtMs: performance.now() + timeMs };
}

interface Asked {
  readonly authority?: string;
  readonly headers?: readonly string[];
  readonly path?: string;
  readonly method?: string;
  readonly body?: Buffer;
  readonly call?: number;
  readonly token?: string;
  readonly hosts?: readonly string[];
}

interface Heard {
  readonly status?: number;
  readonly headers?: readonly string[];
  readonly text: string;
  readonly trailers?: readonly string[];
  readonly failure?: HttpFailure;
}

function begin(asked: Asked = {}): { readonly exchange: HttpExchange; readonly heard: Promise<Heard> } {
  const { authority = 'cart.shop.headway', method = 'GET', body, hosts = ['cart.shop.headway'] } = asked;
  const settings = { hosts, schemes: ['https'], ports: [443] };
  const grant = { name: 'inside', capability: 'outboundHttp', settings, enforcement: 'Enforce' } as const;
  const { promise: heard, resolve } = Promise.withResolvers<Heard>();
  const chunks: Buffer[] = [];
  let head: Pick<Heard, 'status' | 'headers'> = {};
  const over = (rest: Partial<Heard>) => resolve({ ...head, text: Buffer.concat(chunks).toString(), ...rest });
  const request: HttpRequest = {
    flags: 0,
    seat: 1,
    call: asked.call ?? CALL,
    timeouts: { connectMs: 0, firstByteMs: 0, betweenBytesMs: 0 },
    asked: { method, scheme: 'http', authority, path: asked.path ?? '/' },
    headers: asked.headers ?? [],
    hasBody: body !== undefined,
  };
  const exchange = service.begin(
    {
      actor: { component: 'shop/front', group: 'shop/front@r' },
      http: new HttpAuthority('shop', [grant], []),
      mirrored: false,
      door: { path: path.join(folder, 'door'), token: asked.token ?? TOKEN, cell: CELL },
    },
    request,
    {
      head: (status, headers) => (head = { status, headers }),
      body(bytes) {
        chunks.push(Buffer.from(bytes));
        setImmediate(() => exchange.addCredit(bytes.length));
      },
      end: (trailers) => over({ trailers }),
      failed: (failure) => over({ failure }),
      credit: () => undefined,
      started: () => undefined,
      mayWrite: () => true,
    },
  );
  if (body) {
    exchange.push(body);
    exchange.endBody();
  }
  return { exchange, heard };
}

const ask = (asked?: Asked): Promise<Heard> => begin(asked).heard;
const lines = (): string[] => records.drain(0, true).map(lineOf);
const says =
  (body: string): Script =>
  (call) =>
    call.reply(200, body);
const samplesOf = (prefix: string) => fixture.ingress.samples().find((one) => one.release === release(prefix));

describe('a request', () => {
  test('comes to the other cell with what the guest says, and who it is by the word of the engine', async () => {
    const cart = await fixture.add(CART, (call) => {
      call.head(201, ['x-mine', 'yes']);
      call.chunk(Buffer.from('the cart'));
      call.bodyEnd(['x-sum', '8']);
      call.done();
    });
    const lie = ['x-headway-caller', 'bank/safe', 'x-headway-door', `${TOKEN} 1 1`, 'x-forwarded-for', '1.2.3.4'];
    const heard = await ask({
      method: 'PUT',
      path: '/a?b=c',
      body: Buffer.from('two'),
      headers: ['x-id', '7', ...lie],
    });
    expect(heard).toMatchObject({ status: 201, text: 'the cart', trailers: ['x-sum', '8'] });
    expect(heard.headers).toEqual(expect.arrayContaining(['x-mine', 'yes']));
    const [call] = cart.cell.calls;
    await until(() => call!.body.toString() === 'two');
    expect(call!.request).toMatchObject({
      method: 'PUT',
      path: '/a?b=c',
      authority: 'cart.shop.headway',
      scheme: 'http',
    });
    expect(call!.request.deadlineMs).toBeLessThanOrEqual(2_000);
    const own = call!.request.headers.filter((text) => text.startsWith('x-') && text !== 'x-request-id');
    expect(own).toEqual(['x-id', 'x-headway-caller', 'x-forwarded-proto', 'x-forwarded-host']);
    expect([call!.header('x-headway-caller'), call!.header('x-id')]).toEqual(['shop/front', '7']);
    expect(samplesOf('c')?.traffic).toMatchObject({ requests: 1, failures: 0 });
    expect(fixture.ingress.remoteCounts()).toEqual([{ from: 'shop/front', to: 'shop/cart', calls: 1, failures: 0 }]);
    expect(lines()).toEqual(['Allowed inside PUT http://cart.shop.headway:80 ×1']);
  });

  test('streams 1 MB each way', async () => {
    const body = Buffer.alloc(200 * 1024, 'x');
    const large = Buffer.alloc(1024 * 1024, 'y');
    await fixture.add(CART, (call) => {
      call.onBodyEnd = () => {
        call.head(200);
        let sent = 0;
        const more = (): void => {
          const upTo = Math.min(large.length, 256 * 1024 + call.credit);
          call.chunk(large.subarray(sent, upTo));
          sent = upTo;
          if (sent < large.length) return;
          call.onCredit = () => undefined;
          call.bodyEnd();
          call.done();
        };
        call.onCredit = more;
        more();
      };
    });
    const heard = await ask({ method: 'POST', body });
    expect(heard.text).toHaveLength(large.length);
  });

  test('has no more time than the call that it is made for, and haste is no failure of the other', async () => {
    const cart = await fixture.add(CART, () => undefined);
    serve(undefined, 1_000);
    expect((await ask()).failure).toEqual({ tag: 'HTTP-response-timeout' });
    expect(cart.cell.calls[0]!.request.deadlineMs).toBeLessThanOrEqual(1_000);
    cart.cell.calls[0]!.done(Outcome.Deadline);
    await until(() => samplesOf('c')?.traffic.clientAborts === 1);
    expect(samplesOf('c')?.traffic).toMatchObject({ requests: 0, failures: 0 });
    expect(lines()[1]).toMatch(/HW4628 shop\/cart: release c0+: the component did not answer in time$/);
  });

  test('ends with whoever asked', async () => {
    const cart = await fixture.add(CART, () => undefined);
    const { exchange } = begin();
    await until(() => cart.cell.calls.length === 1);
    exchange.abandon();
    await until(() => cart.cell.calls[0]!.cancels.length === 1);
    expect(cart.cell.calls[0]!.cancels).toEqual([Abort.ClientGone]);
  });

  test('of a mirrored call is mirrored there too, and counts with the copies', async () => {
    serve({ depth: 1, counts: 'Mirrored' });
    const cart = await fixture.add(CART, says(''));
    await ask();
    expect(cart.cell.calls[0]!.request.flags & 8).toBe(8);
    await until(() => samplesOf('c')?.mirrored?.requests === 1);
    expect(samplesOf('c')?.traffic.requests).toBe(0);
  });

  test('of a probe counts nowhere', async () => {
    serve({ depth: 0, counts: 'Uncounted' });
    await fixture.add(CART, says(''));
    expect((await ask()).status).toBe(200);
    expect(samplesOf('c')?.traffic.requests).toBe(0);
  });
});

describe('it meets', () => {
  const spread = async (count: number) => {
    const seen: Record<string, number> = {};
    for (let at = 0; at < count; at++) {
      const { text } = await ask();
      seen[text] = (seen[text] ?? 0) + 1;
    }
    return seen;
  };
  beforeEach(async () => {
    await fixture.add(CART, says('old'));
    await fixture.add(CART_NEXT, says('new'));
  });

  test('the weights of the other entry', async () => {
    fixture.ingress.apply(inForce([target({ arms: [cartArm(CART, 75), cartArm(CART_NEXT, 25)] })], 2));
    expect(await spread(40)).toEqual({ old: 30, new: 10 });
  });

  test('what it is paired with', async () => {
    const pairs = [{ from: FRONT_NEXT, arm: cartArm(CART_NEXT, 0) }];
    fixture.ingress.apply(inForce([target({ pairs })], 2));
    expect(await spread(4)).toEqual({ old: 4 });
    serve(undefined, undefined, FRONT_NEXT);
    expect(await spread(4)).toEqual({ new: 4 });
  });
});

describe('without an answer', () => {
  const failing = async (asked?: Asked) => {
    const { failure } = await ask(asked);
    return [failure?.tag, lines().at(-1)];
  };

  test('nobody of the name', async () => {
    const hosts = ['*.shop.headway'];
    expect(await failing({ authority: 'shelf.shop.headway', hosts })).toEqual([
      'destination-not-found',
      'Allowed inside GET http://shelf.shop.headway:80 ×1: HW4625 shop/shelf: there is no such entry',
    ]);
    expect(await failing({ authority: 'a.cart.shop.headway', hosts })).toEqual([
      'destination-not-found',
      'Allowed inside GET http://a.cart.shop.headway:80 ×1: HW4625 a.cart.shop.headway: no entry has such a name',
    ]);
    expect(fixture.ingress.remoteCounts()).toEqual([]);
  });

  test('nothing ready', async () => {
    expect(await failing()).toEqual([
      'connection-refused',
      `Allowed inside GET http://cart.shop.headway:80 ×1: HW4626 shop/cart: release ${release('c').slice(0, 12)} has no ready replica`,
    ]);
    expect(fixture.ingress.remoteCounts()).toEqual([{ from: 'shop/front', to: 'shop/cart', calls: 1, failures: 1 }]);
  });

  test('no room', async () => {
    await fixture.add(CART, () => undefined, { concurrency: 1, queue: 0 });
    const first = begin();
    await until(() => fixture.ingress.samples().some(({ inFlight }) => inFlight === 1));
    expect((await failing())[0]).toBe('connection-limit-reached');
    first.exchange.abandon();
  });

  test('a trap in the other is told, and counts as its failure', async () => {
    await fixture.add(CART, (call) => call.done(Outcome.Trap, 'unreachable'));
    const [tag, line] = await failing();
    expect(tag).toBe('connection-terminated');
    expect(line).toMatch(/HW4628 shop\/cart: release c0+: the component trapped$/);
    expect(samplesOf('c')?.traffic).toMatchObject({ requests: 1, failures: 1, traps: 1 });
  });

  test('a body over the limit of the other', async () => {
    fixture.ingress.apply(inForce([target({ requestBodyBytes: 3 })], 2));
    await fixture.add(CART, says(''));
    expect((await ask({ method: 'POST', body: Buffer.from('123'), headers: ['content-length', '3'] })).status).toBe(
      200,
    );
    const [tag] = await failing({ method: 'POST', body: Buffer.from('1234'), headers: ['content-length', '4'] });
    expect(tag).toBe('HTTP-request-body-size');
  });

  test('more headers than the other takes', async () => {
    fixture.ingress.apply(inForce([target({ headers: 8 })], 2));
    await fixture.add(CART, says('taken'));
    // With `host`, which counts as it does for a client.
    const many = (count: number) => Array.from({ length: count - 1 }, (_, at) => [`x-${at}`, '1']).flat();
    expect((await ask({ headers: many(8) })).text).toBe('taken');
    lines();
    expect(await failing({ headers: many(9) })).toEqual([
      'HTTP-request-header-section-size',
      'Allowed inside GET http://cart.shop.headway:80 ×1: HW4628 shop/cart: 9 headers, its limits.headers is 8',
    ]);
    expect(fixture.limitHits).toEqual(['shop/cart headers']);
  });

  test('the deepest call is made, one deeper is not', async () => {
    await fixture.add(CART, says('deep'));
    serve({ depth: MAX_REMOTE_DEPTH - 1, counts: 'Traffic' });
    expect((await ask()).text).toBe('deep');
    lines();
    serve({ depth: MAX_REMOTE_DEPTH, counts: 'Traffic' });
    expect(await failing()).toEqual([
      'loop-detected',
      'Denied inside GET http://cart.shop.headway:80 ×1: HW4627 shop/cart: it would be call 17 in a row from entry to entry, the most is 16',
    ]);
  });

  test('on behalf of a call that the cell does not serve', async () => {
    await fixture.add(CART, says(''));
    expect(await failing({ call: CALL + 1 })).toEqual([
      'HTTP-request-denied',
      'Denied inside GET http://cart.shop.headway:80 ×1: HW4629 cart.shop.headway: it is asked on behalf of no call',
    ]);
  });
});

describe('nobody else', () => {
  test('gets in by the door', async () => {
    const cart = await fixture.add(CART, says(''));
    expect((await ask({ token: '00112234' })).failure?.tag).toBe('connection-terminated');
    expect((await ask({ token: '0011' })).failure?.tag).toBe('connection-terminated');
    const plain = http.get({ socketPath: path.join(folder, 'door'), headers: { host: 'cart.shop.headway' } });
    const [error] = (await once(plain, 'error')) as [Error];
    expect(error.message).toBe('socket hang up');
    expect(cart.cell.calls).toEqual([]);
  });

  test('is let in by the name at the front', async () => {
    const match = { path: { type: 'PathPrefix', value: '/' }, headers: [] } as const;
    fixture.ingress.apply({
      ...inForce([target()], 2),
      rules: [{ ...target(), match, route: 'shop/all', arms: [arm(STABLE, 100)] }],
    });
    const stable = await fixture.add(STABLE, says('hello'));
    const header = ['x-headway-caller', 'x-headway-door'];
    const headers = { host: 'a.example', [header[0]!]: 'shop/front', [header[1]!]: `${TOKEN} ${CELL} ${CALL}` };
    expect((await fixture.get('/', { headers })).body).toBe('hello');
    expect(header.map((name) => stable.cell.calls[0]!.header(name))).toEqual([undefined, undefined]);
    for (const host of ['cart.shop.headway', 'CART.shop.headway.:80', 'headway']) {
      expect((await fixture.get('/', { headers: { host } })).status).toBe(404);
    }
  });
});
