/**
 * A GET with ten headers through a sandboxed cell, beside a bare node:http server and `jco serve` of the same component: the
 * same answer, the same client, the same run.
 */
import { measureInTurn, summarise, type Metrics, type SectionResult } from '../harness.ts';
import { chooseMeter, TEN_HEADERS, type Load, type Meter } from '../meter.ts';
import { FRESH_HOST, startHeadway, TYPED_PATH } from '../peers/headway.ts';
import { startBare, startJcoServe, type Peer } from '../peers/peer.ts';
import { processorUs } from '../processes.ts';

const EXAMPLE = 'greeting-v1';
/** Until what is called often has been compiled. */
const WARM_UP_SECONDS = 3;
/** Worth something only where processors are left beside the client and the cells. */
const TWO_ENGINES = 'headway, two engines';
const GREETING = 'Hello, world! (greeting v1)\n';

export interface HttpSettings extends Load {
  readonly rounds: number;
  /** A Headway that runs already, with the greeting on this URL; absent: one is started. */
  readonly url?: string;
}

export async function benchHttp(
  settings: HttpSettings,
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  const meter = await chooseMeter();
  const peers = new Map<string, Peer>();
  try {
    peers.set('bare node:http', await startBare());
    peers.set('jco serve', await startJcoServe(EXAMPLE));
    const headway = settings.url ? { url: settings.url, stop: async () => undefined } : await startHeadway();
    peers.set('headway', headway);
    const measured = [...peers];
    if (settings.url === undefined) {
      const several = await startHeadway(2);
      peers.set(TWO_ENGINES, several);
      measured.push([TWO_ENGINES, several]);
      measured.push(
        ['headway, fresh instances', { ...headway, url: headway.url.replace('127.0.0.1', FRESH_HOST) }],
        ['headway, function with JSON', { ...headway, url: `${headway.url}${TYPED_PATH}` }],
      );
    }
    const load = { ...settings, headers: TEN_HEADERS };
    for (const [name, { url }] of measured) {
      if (!url.endsWith(TYPED_PATH)) await expectGreeting(name, url);
      await meter.measure(url, { ...load, seconds: WARM_UP_SECONDS });
    }
    const subjects = measured.map(([name, peer]) => ({ name, measure: () => measureOne(meter, peer, load) }));
    const rounds = await measureInTurn(subjects, settings.rounds, onMeasured);
    const conditions = `${settings.connections} connections, ${TEN_HEADERS.length} headers, ${settings.seconds} s each, ${meter.name}, Node ${process.versions.node}`;
    return summarise('HTTP through a cell', conditions, rounds, [
      { subject: 'headway', to: 'bare node:http', metric: 'req/s', atLeast: 0.65 },
      { subject: 'headway', to: 'jco serve', metric: 'req/s', atLeast: 25 },
      { subject: 'headway', to: 'bare node:http', metric: 'server µs', atMost: 1.35 },
      { subject: 'headway', to: 'bare node:http', metric: 'p99 ms', atMost: 3 },
      { subject: 'headway, fresh instances', metric: 'req/s', atLeast: 6000 },
    ]);
  } finally {
    await Promise.all([...peers.values()].map((peer) => peer.stop()));
  }
}

/** `server µs`: processor time, for each request, of the process that listens. */
async function measureOne(meter: Meter, { url, serverPid }: Peer, load: Load): Promise<Metrics> {
  if (serverPid === undefined) return meter.measure(url, load);
  const before = processorUs(serverPid);
  const metrics = await meter.measure(url, load);
  return { ...metrics, 'server µs': (processorUs(serverPid) - before) / (metrics['req/s']! * load.seconds) };
}

/** A comparison of different answers would mean nothing. */
async function expectGreeting(name: string, url: string): Promise<void> {
  const response = await fetch(url);
  const body = await response.text();
  if (response.status !== 200 || body !== GREETING) {
    throw new Error(`${name} at ${url} answers ${response.status} ${JSON.stringify(body)}, not the greeting`);
  }
}
