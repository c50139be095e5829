/**
 * What throughput does not tell, beside a bare node:http server in turn: latency at a fixed rate, bodies of 1 MB both ways,
 * and whether memory stays where it is (ten minutes: `npm run bench -- memory --rounds 60 --seconds 10`).
 */
import { randomBytes } from 'node:crypto';
import { measureInTurn, summarise, type Metrics, type SectionResult } from '../harness.ts';
import { chooseMeter, measureLoad, TEN_HEADERS, type Load } from '../meter.ts';
import { ECHO_PATH, startHeadway } from '../peers/headway.ts';
import { startBare, type Peer } from '../peers/peer.ts';
import { residentBytes } from '../processes.ts';

const RATE = 8000;
const BODY_BYTES = 1024 * 1024;
/** Enough to fill both processors; more would only queue. */
const BODY_CONNECTIONS = 8;
const WARM_UP_SECONDS = 2;
const MEBIBYTE = 1024 * 1024;
const BARE = 'bare node:http';
const HEADWAY = 'headway';

type OnMeasured = (round: number, subject: string, metrics: Metrics) => void;

export interface SteadySettings extends Load {
  readonly rounds: number;
}

export function benchRate(settings: SteadySettings, onMeasured: OnMeasured): Promise<SectionResult> {
  const { connections, seconds, rounds } = settings;
  return withBoth(async (peers) => {
    const ask = (url: string, duration: number): Promise<Metrics> =>
      measureLoad({ url, connections, seconds: duration, rate: RATE, headers: TEN_HEADERS });
    for (const { url } of peers.values()) await ask(url, WARM_UP_SECONDS);
    const subjects = [...peers].map(([name, { url }]) => ({ name, measure: () => ask(url, seconds) }));
    const measured = await measureInTurn(subjects, rounds, onMeasured);
    const conditions = `${RATE} requests a second on ${connections} connections, ${seconds} s each, Node ${process.versions.node}`;
    return summarise('HTTP at a fixed rate', conditions, measured, [
      { subject: HEADWAY, to: BARE, metric: 'p99 ms', atMost: 2 },
    ]);
  });
}

export function benchBodies({ seconds, rounds }: SteadySettings, onMeasured: OnMeasured): Promise<SectionResult> {
  return withBoth(async (peers) => {
    const ask = async (url: string, duration: number): Promise<Metrics> => {
      const metrics = await measureLoad({
        url,
        connections: BODY_CONNECTIONS,
        seconds: duration,
        bodyBytes: BODY_BYTES,
      });
      return { 'MB/s each way': (metrics['req/s']! * BODY_BYTES) / 1e6, ...metrics };
    };
    const urls = [...peers].map(([name, { url }]) => ({ name, url: `${url}${ECHO_PATH}` }));
    for (const { url } of urls) {
      await expectEcho(url);
      await ask(url, WARM_UP_SECONDS);
    }
    const subjects = urls.map(({ name, url }) => ({ name, measure: () => ask(url, seconds) }));
    const measured = await measureInTurn(subjects, rounds, onMeasured);
    const conditions = `1 MiB there and back, ${BODY_CONNECTIONS} connections, ${seconds} s each, Node ${process.versions.node}`;
    return summarise('Large bodies', conditions, measured, [
      { subject: HEADWAY, to: BARE, metric: 'MB/s each way', atLeast: 0.35 },
    ]);
  });
}

/** The last third of the rounds against the first, which comes after a round that does not count. */
export async function benchMemory(
  { connections, seconds, rounds }: SteadySettings,
  onMeasured: OnMeasured,
): Promise<SectionResult> {
  const meter = await chooseMeter();
  const headway = await startHeadway();
  try {
    const load = { connections, seconds, headers: TEN_HEADERS };
    await meter.measure(headway.url, load);
    const seen: Metrics[] = [];
    for (let round = 1; round <= rounds; round++) {
      const { 'req/s': perSecond } = await meter.measure(headway.url, load);
      const engine = residentBytes(headway.serverPid!);
      const cells = headway.cellPids!().map(residentBytes);
      seen.push({
        'engine MiB': engine / MEBIBYTE,
        'busiest cell MiB': Math.max(...cells) / MEBIBYTE,
        'req/s': perSecond!,
      });
      onMeasured(round, HEADWAY, seen.at(-1)!);
    }
    const third = Math.max(1, Math.floor(rounds / 3));
    const measured = new Map([
      ['first third', seen.slice(0, third)],
      ['last third', seen.slice(-third)],
    ]);
    const conditions = `${rounds * seconds} s of load on ${connections} connections, ${meter.name}, Node ${process.versions.node}`;
    const result = summarise('Memory', conditions, measured, [
      { subject: 'last third', to: 'first third', metric: 'engine MiB', atMost: 1.1 },
      { subject: 'last third', to: 'first third', metric: 'busiest cell MiB', atMost: 1.1 },
    ]);
    return { ...result, rounds };
  } finally {
    await headway.stop();
  }
}

/** Byte by byte here, and not in the rounds, whose figures would be the client's. */
async function expectEcho(url: string): Promise<void> {
  const body = randomBytes(BODY_BYTES);
  const response = await fetch(url, { method: 'POST', body });
  const echo = Buffer.from(await response.arrayBuffer());
  if (response.status !== 200 || !echo.equals(body)) {
    throw new Error(`${url} answers ${response.status} with ${echo.length} bytes, not with what was sent`);
  }
}

async function withBoth<Result>(measure: (peers: ReadonlyMap<string, Peer>) => Promise<Result>): Promise<Result> {
  const peers = new Map<string, Peer>();
  try {
    peers.set(BARE, await startBare());
    peers.set(HEADWAY, await startHeadway());
    return await measure(peers);
  } finally {
    await Promise.all([...peers.values()].map((peer) => peer.stop()));
  }
}
