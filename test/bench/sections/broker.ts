/**
 * What a guest's question to the broker costs: the cell's own end of the channel in this process, the broker in one of its
 * own, a store on the disk between. The bindings and the guest come on top (section `bindings`).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { BrokerChannel, Seat } from '../../../src/cell/broker.ts';
import { Fate, Scope } from '../../../src/cell/scope.ts';
import { keyValueStore, type Bucket } from '../../../src/cell/wasi/key-value.ts';
import { SocketPairs } from '../../../src/host/spawner/socketpair.ts';
import { seatsOf } from '../../../src/wire/broker-frames.ts';
import type { ToBrokerProcess } from '../../../src/wire/broker-link.ts';
import { grant, volume } from '../../broker/support.ts';
import { fileSubjects } from './broker-files.ts';
import { measureInTurn, summarise, type Metrics, type SectionResult, type Subject } from '../harness.ts';

const BROKER = path.resolve(import.meta.dirname, '../../../src/process/broker.ts');
const IN_FLIGHT = 32;
const SMALL = 100;
const LARGE = 64 * 1024;
const MEGABYTE = 1e6;

export interface BrokerSettings {
  readonly rounds: number;
  readonly seconds: number;
}

type Store = { readonly open: (name: string) => Promise<Bucket> };

export async function benchBroker(
  { rounds, seconds }: BrokerSettings,
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'headway-bench-'));
  const pairs = await SocketPairs.open(path.join(folder, 'run'));
  const { engineEnd, cellEnd } = await pairs.create();
  const child = fork(BROKER, [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  try {
    const { channel, buckets } = await connect(child, folder, engineEnd, cellEnd);
    const [first] = buckets;
    await first!.set('small', new Uint8Array(SMALL));
    await first!.set('large', new Uint8Array(LARGE));
    const budgetMs = (seconds * 1_000) / 10;
    const subject = (
      name: string,
      among: readonly Bucket[],
      ask: (bucket: Bucket, index: number) => unknown,
      bytes = SMALL,
    ): Subject => ({
      name,
      measure: () => perSecond(among, budgetMs, bytes, ask, () => processorMsOf(child.pid!)),
    });
    const subjects = [
      subject('get, one at a time', buckets.slice(0, 1), (bucket) => bucket.get('small')),
      subject('set, one at a time', buckets.slice(0, 1), (bucket) => bucket.set('own', new Uint8Array(SMALL))),
      subject(`get, ${IN_FLIGHT} in flight`, buckets, (bucket) => bucket.get('small')),
      subject(`set, ${IN_FLIGHT} in flight`, buckets, (bucket, index) =>
        bucket.set(`key ${index}`, new Uint8Array(SMALL)),
      ),
      subject('get of 64 kB, 8 in flight', buckets.slice(0, 8), (bucket) => bucket.get('large'), LARGE),
      ...(await fileSubjects(channel, budgetMs)),
    ];
    const measured = await measureInTurn(subjects, rounds, onMeasured);
    const setting = `values of ${SMALL} bytes, ${budgetMs} ms each, Node ${process.versions.node}`;
    return summarise(
      'Questions of a cell to the broker',
      setting,
      measured,
      [],
      [
        { subject: 'get, one at a time', metric: 'µs each', atMost: 100 },
        { subject: `get, ${IN_FLIGHT} in flight`, metric: 'µs each', atMost: 5 },
        { subject: 'get of 64 kB, 8 in flight', metric: 'MB/s', atLeast: 400 },
      ],
    );
  } finally {
    child.kill('SIGKILL');
    cellEnd.destroy();
    engineEnd.destroy();
    pairs.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One bucket per seat, as many instances would have. */
async function connect(
  child: ChildProcess,
  folder: string,
  brokerEnd: net.Socket,
  cellEnd: net.Socket,
): Promise<{ readonly channel: BrokerChannel; readonly buckets: readonly Bucket[] }> {
  const token = randomBytes(16);
  const send = (message: ToBrokerProcess, handle?: net.Socket): boolean => child.send(message, handle);
  send({
    type: 'configure',
    config: { storesFolder: path.join(folder, 'stores'), volumesFolder: path.join(folder, 'volumes') },
  });
  await once(child, 'message');
  const grants = [grant('things', { maxSize: 2 ** 30, maxValueSize: LARGE }), volume('media', { maxSize: 2 ** 30 })];
  const seats = seatsOf(IN_FLIGHT);
  const cell = {
    cell: 1,
    replica: 'r',
    component: 'shop/bench',
    group: 'shop/bench@1',
    grants,
    seats,
    most: { sockets: 64, files: 512 },
  } as const;
  send({ type: 'cell', cell: { ...cell, token: token.toString('hex') } }, brokerEnd);
  const channel = new BrokerChannel(
    () => cellEnd.resume(),
    (why) => {
      throw new Error(why);
    },
  );
  channel.furnish(seats);
  channel.announce(token);
  const buckets: Bucket[] = [];
  for (let count = 0; count < IN_FLIGHT; count++) {
    const scope = new Scope(1_000, new Fate(() => undefined));
    scope.enter(undefined, true);
    const store = keyValueStore(scope, new Seat(channel).of(scope), 2) as unknown as Store;
    buckets.push(await store.open('things'));
  }
  return { channel, buckets };
}

async function perSecond(
  buckets: readonly Bucket[],
  budgetMs: number,
  valueBytes: number,
  ask: (bucket: Bucket, index: number) => unknown,
  brokerMs: () => number,
): Promise<Metrics> {
  const [startMs, brokerStartMs, cellStartMs] = [performance.now(), brokerMs(), processorMsOf('thread-self')];
  let asked = 0;
  await Promise.all(
    buckets.map(async (bucket, index) => {
      while (performance.now() - startMs < budgetMs) {
        const answer = await ask(bucket, index);
        if (answer !== null && typeof answer === 'object' && 'tag' in answer) throw new Error(JSON.stringify(answer));
        asked += 1;
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  return {
    'µs each': (seconds * 1e6) / asked,
    'MB/s': (asked * valueBytes) / seconds / MEGABYTE,
    'broker µs': ((brokerMs() - brokerStartMs) * 1e3) / asked,
    'cell µs': ((processorMsOf('thread-self') - cellStartMs) * 1e3) / asked,
  };
}

/** What a process's first thread has had of the processor, which other work on the machine changes little; NaN where Linux is not. */
function processorMsOf(process: number | 'thread-self'): number {
  try {
    return Number(readFileSync(`/proc/${process}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}
