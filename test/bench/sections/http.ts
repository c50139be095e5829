/**
 * A GET through a sandboxed cell, beside a bare node:http server and `jco serve` of the same component: the same answer,
 * the same client, the same run.
 */
import { measureInTurn, summarise, type Metrics, type SectionResult } from '../harness.ts';
import { chooseMeter, type Load } from '../meter.ts';
import { startHeadway, TYPED_PATH } from '../peers/headway.ts';
import { startBare, startJcoServe, type Peer } from '../peers/peer.ts';

const EXAMPLE = 'greeting-v1';
const WARM_UP_SECONDS = 1;

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
    peers.set('headway', settings.url ? { url: settings.url, stop: async () => undefined } : await startHeadway());
    const typed = settings.url === undefined ? `${peers.get('headway')!.url}${TYPED_PATH}` : undefined;
    for (const [name, { url }] of peers) {
      await expectGreeting(name, url);
      await meter.measure(url, { connections: settings.connections, seconds: WARM_UP_SECONDS });
    }
    const subjects = [...peers].map(([name, { url }]) => ({ name, measure: () => meter.measure(url, settings) }));
    if (typed !== undefined) {
      await meter.measure(typed, { connections: settings.connections, seconds: WARM_UP_SECONDS });
      subjects.push({ name: 'headway, function with JSON', measure: () => meter.measure(typed, settings) });
    }
    const measured = await measureInTurn(subjects, settings.rounds, onMeasured);
    const conditions = `${settings.connections} connections, ${settings.seconds} s each, ${meter.name}, Node ${process.versions.node}`;
    return summarise('HTTP through a cell', conditions, measured, [
      { subject: 'headway', to: 'bare node:http', metric: 'req/s', atLeast: 0.25 },
      { subject: 'headway', to: 'jco serve', metric: 'req/s', atLeast: 6 },
    ]);
  } finally {
    await Promise.all([...peers.values()].map((peer) => peer.stop()));
  }
}

/** A comparison of different answers would mean nothing. */
async function expectGreeting(name: string, url: string): Promise<void> {
  const response = await fetch(url);
  const body = await response.text();
  if (response.status !== 200 || body !== 'Hello, world! (greeting v1)\n') {
    throw new Error(`${name} at ${url} answers ${response.status} ${JSON.stringify(body)}, not the greeting`);
  }
}
