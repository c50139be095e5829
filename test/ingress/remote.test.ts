/** Calls of one cell to another: which release they meet, how each ends, what of them counts, and what no cell may send. */
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { remoteOptions } from '../../src/host/remote-calls.ts';
import type { EntryKey } from '../../src/model/component.ts';
import type { CellSpec } from '../../src/model/engine.ts';
import { MAX_REMOTE_DEPTH } from '../../src/model/remote.ts';
import { groupId, type GroupId, type RemoteTarget, type Snapshot } from '../../src/model/snapshot.ts';
import { Abort, FromCell, Outcome } from '../../src/wire/frames.ts';
import { RemoteStatus } from '../../src/wire/remote-frames.ts';
import { arm, NEXT, release, rule, snapshot, STABLE, startIngress, type Fixture, type Replica } from './fixture.ts';
import { until, type Script, type ScriptedCall } from './scripted-cell.ts';

const TAX = groupId('shop/tax', 'tax-stable');
const TAX_NEXT = groupId('shop/tax', 'tax-next');
const RATE = 'shop:tax/rates@0.2.0#rate';
const LINKS: ReadonlyMap<string, EntryKey> = new Map([['0 shop:tax/rates@0.2.0', 'shop/tax']]);
const [TYPED, REMOTE, MIRRORED] = [64, 16, 8];

const taxArm = (group: GroupId, weight: number) => arm(group, weight, group === TAX ? 'c' : 'd');

function target(more: Partial<RemoteTarget> = {}): RemoteTarget {
  return {
    entry: 'shop/tax',
    requestTimeoutMs: 2_000,
    requestBodyBytes: 1024 * 1024,
    responseBodyBytes: 1024 * 1024,
    arms: [taxArm(TAX, 100)],
    ...more,
  };
}

const withRemotes = (remotes: readonly RemoteTarget[], generation = 1, rules = [rule()]): Snapshot => ({
  ...snapshot(rules, generation),
  remotes,
});

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startIngress(withRemotes([target()]));
});
afterEach(() => fixture.stop());

/** Asks for a rate and says what came back: `status text`. */
const asks: Script = (call) => {
  call.onAnswer = ({ status, text }) => call.reply(200, `${status} ${text}`);
  call.remote(RATE, '{"region":"de"}');
};

function caller(group: GroupId = STABLE, script: Script = asks, links = LINKS): Promise<Replica> {
  return fixture.add(group, script, { remote: { group, links, call: fixture.ingress.callRemote } });
}

const says = (body: string) => (call: ScriptedCall) => call.reply(200, body);
const trafficOf = (prefix: string) => fixture.ingress.samples().find((one) => one.release === release(prefix))?.traffic;

describe('a call', () => {
  test('comes to the other cell as a typed call of its own, and its answer goes back', async () => {
    await caller();
    const tax = await fixture.add(TAX, says('190'));
    expect((await fixture.get('/')).body).toBe(`${RemoteStatus.Ok} 190`);
    const [call] = tax.cell.calls;
    expect(call!.request).toMatchObject({ flags: TYPED | REMOTE, method: 'POST', path: RATE });
    expect(call!.body.toString()).toBe('{"region":"de"}');
    expect(call!.request.deadlineMs).toBeGreaterThan(1_000);
    expect(call!.request.deadlineMs).toBeLessThanOrEqual(2_000);
    expect(trafficOf('c')).toMatchObject({ requests: 1, failures: 0 });
    expect(fixture.ingress.remoteCounts()).toEqual([{ from: 'shop/checkout', to: 'shop/tax', calls: 1, failures: 0 }]);
  });

  test('an err is an answer: it counts as a client error, and is no failure', async () => {
    await caller();
    await fixture.add(TAX, (call) => call.reply(422, '{"error":"no rate for xx"}'));
    expect((await fixture.get('/')).body).toBe(`${RemoteStatus.Err} "no rate for xx"`);
    expect(trafficOf('c')).toMatchObject({ requests: 1, failures: 0, status4xx: 1 });
  });

  test('nothing to say is an empty answer', async () => {
    await caller();
    await fixture.add(TAX, (call) => call.reply(204));
    expect((await fixture.get('/')).body).toBe(`${RemoteStatus.Ok} `);
  });

  test('a long answer comes whole, over the credit that it needs', async () => {
    await caller();
    const text = JSON.stringify('x'.repeat(600_000));
    await fixture.add(TAX, (call) => {
      call.head(200);
      let sent = 0;
      const more = (): void => {
        const upTo = Math.min(text.length, 256 * 1024 + call.credit);
        call.chunk(Buffer.from(text.slice(sent, upTo)));
        sent = upTo;
        if (sent < text.length) return;
        call.onCredit = () => undefined;
        call.bodyEnd();
        call.done();
      };
      call.onCredit = more;
      more();
    });
    expect((await fixture.get('/')).body).toBe(`${RemoteStatus.Ok} ${text}`);
  });
});

describe('it meets', () => {
  const spread = async (count: number) => {
    const seen: Record<string, number> = {};
    for (let at = 0; at < count; at++) {
      const { body } = await fixture.get('/');
      seen[body] = (seen[body] ?? 0) + 1;
    }
    return seen;
  };

  beforeEach(async () => {
    await fixture.add(TAX, says('"old"'));
    await fixture.add(TAX_NEXT, says('"new"'));
  });

  test('the weights of the rollout of what it calls', async () => {
    await caller();
    fixture.ingress.apply(withRemotes([target({ arms: [taxArm(TAX, 75), taxArm(TAX_NEXT, 25)] })], 2));
    expect(await spread(8)).toEqual({ '0 "old"': 6, '0 "new"': 2 });
  });

  test('in a group only its like, whatever the weights', async () => {
    await caller(STABLE);
    await caller(NEXT);
    const pairs = [
      { from: STABLE, arm: taxArm(TAX, 0) },
      { from: NEXT, arm: taxArm(TAX_NEXT, 0) },
    ];
    const arms = [taxArm(TAX, 50), taxArm(TAX_NEXT, 50)];
    const rules = [rule({ arms: [arm(STABLE, 50), arm(NEXT, 50)] })];
    fixture.ingress.apply(withRemotes([target({ arms, pairs })], 2, rules));
    const seen = new Set<string>();
    for (let at = 0; at < 8; at++) {
      const { headers, body } = await fixture.get('/');
      seen.add(`${String(headers['x-headway-release'])[0]} ${body}`);
    }
    expect([...seen].sort()).toEqual(['a 0 "old"', 'b 0 "new"']);
    // Nobody stands in for the like that is away.
    fixture.ingress.setReplicas(TAX_NEXT, []);
    const answers = await Promise.all([fixture.get('/'), fixture.get('/')]);
    expect(answers.map(({ body }) => body).sort()).toEqual([
      '0 "old"',
      `2 HW4612 shop/tax: release ${'d'.padEnd(12, '0')} has no ready replica`,
    ]);
  });
});

describe('a call without an answer says why', () => {
  const TAX_RELEASE = `shop/tax: release ${'c'.padEnd(12, '0')}`;

  test.each<[string, Script | undefined, Partial<RemoteTarget> | undefined, string]>([
    ['no such entry', undefined, undefined, 'HW4611 shop/tax: there is no such entry'],
    ['nothing serves it', undefined, { arms: [] }, 'HW4612 shop/tax: nothing serves it yet'],
    ['no replica', undefined, {}, `HW4612 ${TAX_RELEASE} has no ready replica`],
    ['a trap', (call) => call.done(Outcome.Trap, 'unreachable'), {}, `HW4614 ${TAX_RELEASE} failed: unreachable`],
    ['a deadline', () => undefined, { requestTimeoutMs: 100 }, `HW4615 ${TAX_RELEASE} did not answer within 100 ms`],
    [
      'a function that is not there',
      (call) => call.reply(501, '{"error":{"code":"HW4545","message":"no such function"}}'),
      {},
      `HW4618 ${TAX_RELEASE} cannot be called so: HW4545 no such function`,
    ],
    [
      'what says nothing sensible',
      (call) => call.reply(418, 'tea'),
      {},
      `HW4618 ${TAX_RELEASE} cannot be called so: it gave no reason`,
    ],
    [
      'arguments over its limit',
      says('1'),
      { requestBodyBytes: 14 },
      'HW4619 shop/tax: 15 bytes of arguments, its limits.requestBody is 14',
    ],
    [
      'an answer over its limit',
      says('12345'),
      { responseBodyBytes: 4 },
      `HW4619 ${TAX_RELEASE} answered with more than 4 bytes`,
    ],
  ])('%s', async (_what, script, more, said) => {
    fixture.ingress.apply(withRemotes(more ? [target(more)] : [], 2));
    await caller();
    if (script) await fixture.add(TAX, script);
    expect((await fixture.get('/')).body).toBe(`${RemoteStatus.Failed} ${said}`);
  });

  test('a cell that dies, and the call is not made a second time', async () => {
    await caller();
    const dying = await fixture.add(TAX, () => dying.cell.die());
    const other = await fixture.add(TAX, says('1'), { concurrency: 1 });
    const answers = await Promise.all([fixture.get('/'), fixture.get('/')]);
    expect(answers.map(({ body }) => body)).toContain(`2 HW4616 ${TAX_RELEASE}: its cell ended during the call`);
    expect(dying.cell.calls.length + other.cell.calls.length).toBe(2);
    expect(trafficOf('c')).toMatchObject({ failures: 1 });
  });

  test('no room, after the queue is full; who waits is served when there is', async () => {
    await caller();
    const tax = await fixture.add(TAX, () => undefined, { concurrency: 1, queue: 1 });
    const first = fixture.get('/');
    await until(() => tax.cell.calls.length === 1);
    const second = fixture.get('/');
    await until(() => fixture.ingress.samples().find((one) => one.group === TAX)?.inFlight === 2);
    const refused = `2 HW4613 ${TAX_RELEASE}: every replica is busy and the queue is full`;
    expect((await fixture.get('/')).body).toBe(refused);
    tax.cell.script = says('2');
    tax.cell.calls[0]!.reply(200, '1');
    expect([(await first).body, (await second).body]).toEqual(['0 1', '0 2']);
    expect(trafficOf('c')).toMatchObject({ requests: 2, overloads: 1 });
  });

  test('none is lost to the handover of a singleton: it waits in the mailbox and comes to the one that takes over', async () => {
    fixture.ingress.apply(withRemotes([target({ mailbox: 2 })], 2));
    await caller();
    const waiting = [fixture.get('/'), fixture.get('/')];
    await until(() => fixture.ingress.samples().find((one) => one.group === TAX)?.inFlight === 2);
    expect((await fixture.get('/')).body).toMatch(/^2 HW4613 /);
    await fixture.add(TAX_NEXT, says('"next"'), { concurrency: 1 });
    fixture.ingress.apply(withRemotes([target({ mailbox: 2, arms: [taxArm(TAX_NEXT, 100)] })], 3));
    expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(['0 "next"', '0 "next"']);
  });

  test(`a circle ends after ${MAX_REMOTE_DEPTH} cells`, async () => {
    const again: Script = (call) => {
      call.onAnswer = ({ status, text }) => call.reply(200, status === RemoteStatus.Failed ? `"${text}"` : text);
      call.remote(RATE);
    };
    await caller(STABLE, again);
    const tax = await caller(TAX, again);
    expect((await fixture.get('/')).body).toBe(
      `"HW4617 shop/tax: it would be remote call ${MAX_REMOTE_DEPTH + 1} in a row, the most is ${MAX_REMOTE_DEPTH}"`,
    );
    expect(tax.cell.calls).toHaveLength(MAX_REMOTE_DEPTH);
  });
});

describe('the end of a caller', () => {
  const forever: Script = (call) => {
    call.onCancel = () => call.done(Outcome.Cancelled);
  };

  test('its deadline ends the call, and is not held against who had too little time', async () => {
    fixture.ingress.apply(withRemotes([target()], 2, [rule({ requestTimeoutMs: 1_000 })]));
    const shop = await caller();
    shop.cell.script = (call) => {
      call.onCancel = () => call.done(Outcome.Deadline);
      call.remote(RATE);
    };
    const tax = await fixture.add(TAX, forever);
    expect((await fixture.get('/')).status).toBe(504);
    await until(() => tax.cell.calls[0]!.cancels.length > 0);
    expect(tax.cell.calls[0]!.request.deadlineMs).toBeLessThanOrEqual(1_000);
    await until(() => trafficOf('c')!.clientAborts === 1);
    expect(trafficOf('c')).toMatchObject({ requests: 0, failures: 0, deadlines: 0 });
  });

  test('one that had its whole time is to blame, although the caller ran out of it as well', async () => {
    fixture.ingress.apply(withRemotes([target({ requestTimeoutMs: 2_000 })], 2, [rule({ requestTimeoutMs: 2_000 })]));
    const shop = await caller();
    shop.cell.script = (call) => {
      call.onCancel = () => call.done(Outcome.Deadline);
      call.remote(RATE);
    };
    await fixture.add(TAX, forever);
    await fixture.get('/');
    await until(() => trafficOf('c')!.failures === 1);
    expect(trafficOf('c')).toMatchObject({ requests: 1, deadlines: 1 });
  });

  test.each<[string, (shop: Replica) => void]>([
    ['its client goes', () => undefined],
    ['its guest has ended', (shop) => shop.cell.calls[0]!.done(Outcome.Trap, 'trap')],
    ['its cell dies', (shop) => shop.cell.die()],
  ])('%s: the other cell is told to stop', async (what, end) => {
    const shop = await caller();
    const tax = await fixture.add(TAX, forever);
    const asked = request({ host: '127.0.0.1', port: fixture.port, path: '/', method: 'POST', agent: false });
    asked.on('error', () => undefined);
    asked.end();
    await until(() => tax.cell.calls.length === 1);
    if (what === 'its client goes') asked.destroy();
    else end(shop);
    await until(() => tax.cell.calls[0]!.cancels.length > 0);
    expect(tax.cell.calls[0]!.cancels).toEqual([Abort.Draining]);
    await until(() => trafficOf('c')!.clientAborts === 1);
    expect(trafficOf('c')).toMatchObject({ requests: 0, failures: 0 });
  });
});

test('what a copy calls stays a copy: without effect, and counted with the copies', async () => {
  const rules = [rule({ arms: [arm(STABLE, 100), { ...arm(NEXT, 0), mirror: 100 }] })];
  fixture.ingress.apply(withRemotes([target()], 2, rules));
  await fixture.add(STABLE, says('original'));
  await caller(NEXT);
  const tax = await fixture.add(TAX, says('1'));
  await fixture.get('/');
  await until(() => tax.cell.calls.length === 1);
  expect(tax.cell.calls[0]!.request.flags).toBe(TYPED | REMOTE | MIRRORED);
  const sample = () => fixture.ingress.samples().find((one) => one.release === release('c'))!;
  await until(() => sample().mirrored?.requests === 1);
  expect(sample().traffic.requests).toBe(0);
});

describe('a cell is ended for', () => {
  const violation = async (act: (call: ScriptedCall) => void, links = LINKS) => {
    const shop = await caller(STABLE, act, links);
    await fixture.add(TAX, () => undefined);
    void fixture.get('/');
    await until(() => shop.owner.closed);
    return shop.owner.problem?.message;
  };
  const bytes = (name: string, rest: number) => {
    const head = Buffer.alloc(3);
    head.writeUInt16LE(name.length, 1);
    return Buffer.concat([head, Buffer.from(name), Buffer.alloc(rest)]);
  };

  test.each<[string, (call: ScriptedCall) => void, RegExp]>([
    [
      'a call that none of its links allows',
      (call) => call.remote('shop:bank/vault@1.0.0#open'),
      /shop:bank\/vault@1\.0\.0#open, which its member 0 does not link/,
    ],
    ['a link of another member', (call) => call.remote(RATE, '{}', 1), /which its member 1 does not link/],
    ['the version that it does not link', (call) => call.remote('shop:tax/rates@0.3.0#rate'), /does not link/],
    ['a name without a function', (call) => call.remote('shop:tax'), /does not link/],
    [
      'two calls on behalf of one',
      (call) => void [call.remote(RATE), call.remote(RATE)],
      /a second remote call on behalf of one call/,
    ],
    [
      'a call on behalf of none',
      ({ writer }) => writer.frame(FromCell.Remote, 31, bytes(RATE, 0)),
      /for the call 31, which is not in flight/,
    ],
    ['one about the channel', ({ writer }) => writer.frame(FromCell.Remote, 0, bytes(RATE, 0)), /for the channel/],
    [
      'a frame that ends early',
      ({ writer, id }) => writer.frame(FromCell.Remote, id, Buffer.of(0, 200, 0)),
      /a remote call that ends early/,
    ],
    [
      'a name that is too long',
      ({ writer, id }) => writer.frame(FromCell.Remote, id, bytes('x'.repeat(513), 0)),
      /a name of 513 characters/,
    ],
    [
      'arguments that are too long',
      ({ writer, id }) => writer.frame(FromCell.Remote, id, bytes(RATE, 1024 * 1024 - 4095)),
      /1044481 bytes of arguments/,
    ],
  ])('%s', async (_what, act, says) => {
    expect(await violation(act)).toMatch(says);
  });

  test('any call, where it links nobody', async () => {
    const shop = await fixture.add(STABLE, (call) => call.remote(RATE));
    void fixture.get('/');
    await until(() => shop.owner.closed);
    expect(shop.owner.problem?.message).toMatch(/a remote call, and links nobody/);
  });
});

test('what a cell may call is what its members link, each by its place; without such links it is nothing', () => {
  const link = (mode: 'Inline' | 'Remote', component: EntryKey) => ({
    import: 'shop:tax/rates@0.2.0',
    component,
    mode,
  });
  const specOf = (...links: readonly ReturnType<typeof link>[]) =>
    ({ group: STABLE, members: links.map((each) => ({ member: { links: [each] } })) }) as unknown as CellSpec;
  const call = () => ({ cancel: () => undefined });
  const options = remoteOptions(specOf(link('Inline', 'shop/duty'), link('Remote', 'shop/tax')), { call });
  expect([...options!.links]).toEqual([['1 shop:tax/rates@0.2.0', 'shop/tax']]);
  expect(options!.group).toBe(STABLE);
  expect(remoteOptions(specOf(link('Inline', 'shop/duty')), { call })).toBeUndefined();
});
