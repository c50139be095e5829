/** What a component may be and have, in a process that it shares: a Singleton, a store and its migration, files, sockets, a remote link, no replica. */
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isReady, readyReplica } from '../support/entries.ts';
import { component, environment, example, immediatePolicy, route, sharingPolicy } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { chapters, provenAfter, traffic } from './story.ts';

const NOW = '{policyRef: {name: now}}';
/** Readiness asks for a price, so that the one waits for the other. */
const GROUP = '{policyRef: {name: now}, group: prices}';
const PRICE = '/price?net=1000';
const SHARED = '  isolation: Shared\n';
/** One process has eight places, each for one cell in its life. */
const NAMES = ['counter', 'desk', 'caller', 'checkout', 'tax', 'sleeper'] as const;
type Name = (typeof NAMES)[number];

function sharing(
  name: Name,
  wasm: string,
  extra: string,
  more: { readonly attempt?: string; readonly readinessPath?: string; readonly rollout?: string } = {},
) {
  const text = component({
    name,
    wasm: `wasm/${wasm}.wasm`,
    rollout: more.rollout ?? NOW,
    extra: SHARED + extra,
    attempt: more.attempt ?? 'first',
    readinessPath: more.readinessPath ?? '/healthz',
    // While a Singleton is handed over, each request waits until its deadline.
    requestTimeout: '14s',
  });
  return { [`shop/${name}.yaml`]: text, [`wasm/${wasm}.wasm`]: example(wasm) };
}

const counter = (attempt: string, wasm = 'counter-v1', state = ''): Changes =>
  sharing(
    'counter',
    wasm,
    `  instancePolicy: Singleton
  capabilities: [{name: counters, keyValue: {store: counters, access: ReadWrite}}]
${state}`,
    { attempt },
  );

function first(port: number): Changes {
  return {
    'environment.yaml': environment(),
    'policy.yaml': sharingPolicy(),
    'shop/policies.yaml': immediatePolicy(),
    'shop/routes.yaml': NAMES.filter((name) => name !== 'tax')
      .map((name) => route({ name, hostname: `${name}.example` }))
      .join('---\n'),
    'notes/welcome.txt': 'Welcome.',
    ...counter('first'),
    ...sharing(
      'desk',
      'testbed-files',
      `  capabilities:
    - {name: notes, filesystem: {path: notes, mountPath: /notes}}
    - {name: uploads, filesystem: {volume: uploads, mountPath: /uploads, access: ReadWrite, maxSize: 1Mi}}
`,
    ),
    ...sharing(
      'caller',
      'testbed-sockets',
      `  capabilities:
    - {name: peers, sockets: {protocols: [Tcp, Udp], hosts: [127.0.0.1], ports: [${port}]}}
    - {name: names, nameLookup: {hosts: [localhost]}}
`,
    ),
    ...sharing(
      'checkout',
      'checkout',
      '  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}, mode: Remote}]\n',
      { readinessPath: `"${PRICE}"`, rollout: GROUP },
    ),
    'shop/tax.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: tax, namespace: shop}
spec:
  source: {path: wasm/tax-v1.wasm}
  rollout: ${GROUP}
${SHARED}`,
    'wasm/tax-v1.wasm': example('tax-v1'),
    ...sharing('sleeper', 'testbed', '  scaling: {minReplicas: 0, scaleDownAfter: 4s}\n'),
  };
}

describe('in a process that six components share', () => {
  const echo = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  let port = 0;
  beforeAll(async () => {
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    port = (echo.address() as net.AddressInfo).port;
  });
  afterAll(() => void echo.close());
  const now = chapters({ 'environment.yaml': environment() });

  async function ask(name: Name, path: string, method = 'GET'): Promise<string> {
    const { status, body } = await now().daemon.ask(path, `${name}.example`, method);
    return `${status} ${body.trim()}`;
  }
  const awake = (): readonly Name[] => NAMES.filter((name) => name !== 'sleeper');
  /** Of each that is not parked, where it is. */
  async function pids(): Promise<ReadonlyMap<Name, number>> {
    const entries = await Promise.all(awake().map((name) => now().daemon.entry(`shop/${name}`, 'it serves', isReady)));
    for (const entry of entries) expect(readyReplica(entry)!.isolation).toMatch(/^Shared/);
    return new Map(entries.map((entry, at) => [awake()[at]!, readyReplica(entry)!.pid!]));
  }
  const connect = `tcp,0,4;start-connect,0,4.127.0.0.1.`;
  async function eachDoesItsOwn(): Promise<void> {
    expect(await ask('desk', '/run?open:0:5:welcome.txt:-:r;read:5:99:0')).toBe('200 ok\nWelcome. (end)');
    expect(await ask('caller', `/?do=${connect}${port};wait,0;finish-connect,0;send,0,hello;receive,0`)).toMatch(
      /\nhello$/,
    );
    expect(await ask('checkout', PRICE)).toBe('200 1190');
  }

  it('each does what it is there for', async () => {
    const { daemon, repository } = now();
    await repository.push('Six of them', first(port));
    // What only another calls has no samples of its own.
    const buying = traffic(daemon, { host: 'checkout.example' }, PRICE);
    for (const name of NAMES) await provenAfter(daemon, undefined, `shop/${name}`);
    await buying.stop();
    expect(new Set((await pids()).values()).size).toBe(1);
    await eachDoesItsOwn();
    expect(await ask('desk', '/run?open:1:6:order.txt:c:w;write:6:0:an-order')).toBe('200 ok\n8');
    expect(await ask('counter', '/count?name=a', 'POST')).toMatch(/^200/);
    const { replicas } = await daemon.entry('shop/counter', 'it serves', isReady);
    expect(replicas.map(({ phase, instancePolicy }) => [phase, instancePolicy])).toEqual([['Ready', 'Singleton']]);
  }, 180_000);

  it('what nothing calls leaves its place, and comes back for the first call', async () => {
    const { daemon } = now();
    await daemon.entry('shop/sleeper', 'it is parked', ({ replicas }) =>
      replicas.every(({ phase }) => phase === 'Parked' || phase === 'Ended'),
    );
    expect(await ask('sleeper', '/healthz')).toMatch(/^200/);
    const woken = await daemon.entry('shop/sleeper', 'it is awake', isReady);
    expect(readyReplica(woken)!.isolation).toMatch(/^Shared/);
  }, 120_000);

  it('a Singleton is handed over under load: it is never there twice, every answer was counted once, and nobody else notices', async () => {
    const { daemon, repository } = now();
    const before = await daemon.entry('shop/counter', 'it serves', isReady);
    const counting = traffic(
      daemon,
      { host: 'counter.example', method: 'POST', requestsPerSecond: 50 },
      '/count?name=b',
    );
    const buying = traffic(daemon, { host: 'checkout.example', requestsPerSecond: 50 }, PRICE);
    await repository.push('Count again', counter('second'));
    await provenAfter(daemon, before, 'shop/counter');
    const [counted, bought] = [await counting.stop(), await buying.stop()];
    expect([counted.lost, Object.keys(counted.byStatus), Object.keys(counted.byRelease).length]).toEqual([
      [],
      ['200'],
      2,
    ]);
    expect([bought.lost, Object.keys(bought.byStatus)]).toEqual([[], ['200']]);
    expect(await ask('counter', '/count?name=b')).toBe(`200 ${counted.answers}`);
  }, 120_000);

  it('its data is brought into another form by the next one', async () => {
    const { daemon, repository } = now();
    const before = await daemon.entry('shop/counter', 'it serves', isReady);
    await repository.push('Count in another form', counter('third', 'counter-v3', '  state: {version: "2"}\n'));
    const after = await provenAfter(daemon, before, 'shop/counter');
    expect([after.state?.version, readyReplica(after)!.isolation]).toEqual(['2', expect.stringMatching(/^Shared/)]);
    expect(await ask('counter', '/count?name=a')).toBe('200 1');
  }, 120_000);

  it('when a process is killed, all that were in it are back with what they keep', async () => {
    const before = await pids();
    const killed = before.get('desk')!;
    const lost = awake().filter((name) => before.get(name) === killed);
    expect(lost.length).toBeGreaterThan(3);
    process.kill(killed, 'SIGKILL');
    for (const name of lost)
      await now().daemon.entry(
        `shop/${name}`,
        'it is back',
        (entry) => ![undefined, killed].includes(readyReplica(entry)?.pid),
      );
    await eachDoesItsOwn();
    expect(await ask('desk', '/run?open:1:6:order.txt:-:r;read:6:99:0')).toBe('200 ok\nan-order (end)');
    expect(await ask('counter', '/count?name=a')).toBe('200 1');
  }, 120_000);
});
