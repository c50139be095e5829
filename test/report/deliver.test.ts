/** What is told gets there: the real loop, outbox and channels against a forge that loses, delays and refuses. */
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { statusText } from '../../src/check/status.ts';
import { CONFIRM_AFTER_MS } from '../../src/decide/report/outbox.ts';
import { EMPTY_MEMORY } from '../../src/decide/memory.ts';
import { openJournal, type Journal } from '../../src/journal/journal.ts';
import type { Clock } from '../../src/kit/clock.ts';
import { ok } from '../../src/kit/result.ts';
import type { CommitMemory, EntryMemory, Memory } from '../../src/model/memory.ts';
import type { ReportSettings } from '../../src/model/report.ts';
import type { SourceStatus } from '../../src/model/status.ts';
import type { CommitInfo, ReportChannel } from '../../src/reconcile/ports.ts';
import { createReporting, DEFAULT_REPORT, type Reporting } from '../../src/reconcile/reporting.ts';
import { forgeChannel, type ForgeOptions } from '../../src/report/deliver/forge.ts';
import { gitea, github } from '../../src/report/deliver/github.ts';
import { gitlab } from '../../src/report/deliver/gitlab.ts';
import { webhookChannel } from '../../src/report/deliver/webhook.ts';
import { createReport } from '../../src/report/server.ts';
import { isAuthentic } from '../../src/report/hook-signature.ts';
import { ENVIRONMENT } from '../decide/support/desired.ts';
import { ForgeServer, type Fault } from '../support/forge-server.ts';
import { keepingLog } from '../support/log.ts';
import { condition, RecordedSource, recordedStatus } from './recorded.ts';

/** Much faster than time: back-off counts in seconds, and a test should not. */
const SPEED = 40;
const clock: Clock = {
  now: () => ({ wallMs: 1.7e12 + performance.now() * SPEED, monotonicMs: performance.now() * SPEED }),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs / SPEED);
    return () => clearTimeout(timer);
  },
};
/** Of a receiver, in real time: nobody is late who is not to be. */
const DEADLINE_MS = 20_000;
const GOOD = 'a'.repeat(40);
const BAD = 'b'.repeat(40);
const NEW = 'c'.repeat(40);
const KEY = 'shop/cart' as const;
const FORGES = { GitHub: github, GitLab: gitlab, Gitea: gitea } as const;
const WORDS = {
  GitHub: { Pending: 'pending', Success: 'success', Failure: 'failure', Neutral: 'error' },
  GitLab: { Pending: 'running', Success: 'success', Failure: 'failed', Neutral: 'canceled' },
  Gitea: { Pending: 'pending', Success: 'success', Failure: 'failure', Neutral: 'warning' },
} as const;

type State = 'Pending' | 'Success' | 'Failure' | 'Neutral';

/** A memory in which these commits, newest first, have come that far. */
function memoryOf(commits: readonly (readonly [string, State])[], report?: Partial<ReportSettings>): Memory {
  const evidence = [{ metric: 'errors', observed: '50%', threshold: '2%', samples: 14, synthetic: 0 }];
  const failed = commits.filter(([, state]) => state === 'Failure');
  const ends = failed.map(([commit]) => ({ attempt: commit, kind: 'Failed', why: 'too many errors', evidence }));
  const shown = { attempt: commits[0]![0], release: 'r', commit: commits[0]![0] };
  const entry = { ends, ledger: [], conditions: {}, shown } as unknown as EntryMemory;
  return {
    ...EMPTY_MEMORY,
    environment: { ...ENVIRONMENT, ...(report ? { report: { ...DEFAULT_REPORT, ...report } } : {}) },
    entries: { [KEY]: entry },
    commits: commits.map(([commit, state]): CommitMemory => {
      const attempts = state === 'Neutral' ? [] : [{ key: KEY, attempt: commit, release: commit }];
      const kept = { Pending: 'InProgress', Success: 'Proven', Failure: 'RolledBack', Neutral: 'Superseded' } as const;
      const why = state === 'Neutral' ? 'superseded by cccccccccccc' : '';
      return { commit, subject: 'a change', author: 'ada', seenAtWallMs: 0, state: kept[state], why, attempts };
    }),
  };
}

interface Bench {
  readonly forge: ForgeServer;
  readonly lines: string[];
  readonly reporting: () => Reporting;
  set(memory: Memory): void;
  /** As a new process would: from what is on disk. */
  restart(): Promise<void>;
  until(what: string, holds: () => boolean): Promise<void>;
}

async function bench(
  channelsOf: (forge: ForgeServer) => readonly ReportChannel[],
  first: Memory,
  faults: readonly Fault[] = [],
): Promise<Bench> {
  const forge = await ForgeServer.start();
  forge.faults.push(...faults);
  const folder = await mkdtemp(path.join(tmpdir(), 'headway-report-'));
  const { log, lines } = keepingLog();
  let memory = first;
  let journal: Journal;
  let reporting: Reporting;
  let listener = (): void => undefined;
  const begin = (): void => {
    const opened = openJournal({ folder, clock, log });
    if (!opened.ok) throw new Error(opened.error.message);
    journal = opened.value;
    reporting = createReporting({
      memory: () => memory,
      source: () => ({ condition: { reason: 'InSync' } }) as SourceStatus,
      onChange: (given) => {
        listener = given;
        return () => undefined;
      },
      git: { commit: (commit) => Promise.resolve(ok({ commit, parents: [GOOD] } as unknown as CommitInfo)) },
      outbox: journal,
      channels: channelsOf(forge),
      clock,
      log,
    });
    reporting.start();
  };
  const end = async (): Promise<void> => {
    await reporting.stop();
    journal.close();
  };
  begin();
  onTestFinished(async () => {
    await end();
    await forge.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    forge,
    lines,
    reporting: () => reporting,
    set: (next) => {
      memory = next;
      listener();
    },
    restart: async () => {
      await end();
      begin();
    },
    until: async (what, holds) => {
      const deadline = performance.now() + 60_000;
      while (!holds()) {
        if (performance.now() > deadline) throw new Error(`never: ${what}\n${lines.slice(-5).join('')}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

function optionsOf(type: ForgeOptions['type'], forge: ForgeServer, token = 't0ken'): ForgeOptions {
  const credentials = () => ({ type: 'token', token }) as const;
  return { type, url: forge.url, repository: 'acme/fleet', credentials, deadlineMs: DEADLINE_MS, branch: 'main' };
}

const statuses = (type: ForgeOptions['type'], deadlineMs?: number) => (forge: ForgeServer) => {
  const options = { ...optionsOf(type, forge), ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  return [forgeChannel('forge', 'Statuses', FORGES[type](options), options, clock)];
};

describe.each(['GitHub', 'GitLab', 'Gitea'] as const)('statuses of %s', (type) => {
  const words = WORDS[type];

  it('pending, then the failure with the line that reverts, on the right commit; the next one is good', async () => {
    const { forge, set, until } = await bench(
      statuses(type),
      memoryOf([
        [BAD, 'Pending'],
        [GOOD, 'Success'],
      ]),
    );
    await until('pending', () => forge.statusOf(BAD)?.state === words.Pending);
    set(
      memoryOf([
        [BAD, 'Failure'],
        [GOOD, 'Success'],
      ]),
    );
    await until('failure', () => forge.statusOf(BAD)?.state === words.Failure);
    expect(forge.statusOf(BAD)).toMatchObject({
      context: 'headway/test',
      description: expect.stringContaining(`git revert ${BAD.slice(0, 12)}`),
    });
    set(
      memoryOf([
        [NEW, 'Success'],
        [BAD, 'Failure'],
        [GOOD, 'Success'],
      ]),
    );
    await until('success', () => forge.statusOf(NEW)?.state === words.Success);
    expect(forge.statuses.map(({ sha, state }) => `${sha[0]} ${state}`)).toEqual([
      `a ${words.Success}`,
      `b ${words.Pending}`,
      `b ${words.Failure}`,
      `c ${words.Success}`,
    ]);
  });

  it('a head that was passed over is told as neither good nor bad', async () => {
    const { forge, until } = await bench(
      statuses(type),
      memoryOf([
        [NEW, 'Success'],
        [BAD, 'Neutral'],
      ]),
    );
    await until('neutral', () => forge.statusOf(BAD) !== undefined);
    expect(forge.statusOf(BAD)).toMatchObject({ state: words.Neutral, description: 'superseded by cccccccccccc' });
  });

  it('lost answers, lost requests, refusals and delays: each status arrives, and once where the answer was lost', async () => {
    const faults: Fault[] = [
      'loseRequest',
      'loseAnswer',
      { status: 503 },
      { status: 429, headers: { 'retry-after': '2' } },
    ];
    const { forge, until, reporting } = await bench(
      statuses(type),
      memoryOf([
        [BAD, 'Failure'],
        [GOOD, 'Success'],
      ]),
      faults,
    );
    await until('both', () => forge.statusOf(BAD) !== undefined && forge.statusOf(GOOD) !== undefined);
    expect(forge.statuses.map(({ sha, state }) => `${sha[0]} ${state}`)).toEqual([
      `b ${words.Failure}`,
      `a ${words.Success}`,
    ]);
    await until('no backlog', () => reporting().status().channels[0]!.backlog === 0);
    expect(reporting().status().channels[0]!.outcomes).toMatchObject({ Delivered: 2, Refused: 0 });
  });

  it('a pending that was long under way and comes after the failure is put right', async () => {
    const { forge, set, until } = await bench(
      statuses(type, 1_500),
      memoryOf([
        [BAD, 'Pending'],
        [GOOD, 'Success'],
      ]),
      [undefined, 'hold'] as Fault[],
    );
    await until('it is sent', () => forge.sent.length >= 2);
    set(
      memoryOf([
        [BAD, 'Failure'],
        [GOOD, 'Success'],
      ]),
    );
    await until('failure', () => forge.statusOf(BAD)?.state === words.Failure);
    forge.release();
    await until('the late one', () => forge.statuses.findLast(({ sha }) => sha === BAD)?.state === words.Pending);
    await until('put right', () => forge.statusOf(BAD)?.state === words.Failure);
    const states = forge.statuses.filter(({ sha }) => sha === BAD).map(({ state }) => state);
    expect(states).toEqual([words.Failure, words.Pending, words.Failure]);
  });
});

describe('the loop', () => {
  it('goes on after a restart where it was, and tells nothing twice', async () => {
    const first = memoryOf([
      [BAD, 'Failure'],
      [GOOD, 'Success'],
    ]);
    const { forge, until, restart, reporting } = await bench(statuses('GitHub'), first, [
      undefined,
      { status: 503, headers: { 'retry-after': '80' } },
    ] as Fault[]);
    await until('one is told and one waits', () => reporting().status().channels[0]!.lastError?.code === 'HW5080');
    await restart();
    expect(reporting().status().channels[0]).toMatchObject({ backlog: 1, retryAt: expect.any(String) });
    await until('both', () => forge.statuses.length === 2);
    await restart();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(forge.statuses.map(({ sha }) => sha[0])).toEqual(['b', 'a']);
  });

  it('wrong credentials and redirects: told with the fix, tried again with patience, and nothing is followed', async () => {
    const wrong = (forge: ForgeServer) => {
      const options = optionsOf('GitHub', forge, 'wr0ng');
      return [forgeChannel('forge', 'Statuses', github(options), options, clock)];
    };
    const { forge, until, reporting, lines } = await bench(wrong, memoryOf([[GOOD, 'Success']]));
    await until('refused', () => reporting().status().channels[0]!.lastError?.code === 'HW5081');
    forge.faults.push({ status: 302, headers: { location: `${forge.url}/elsewhere` } });
    await until('redirect', () => reporting().status().channels[0]!.lastError?.code === 'HW5084');
    expect(forge.sent.every(({ path: at }) => !at.includes('elsewhere'))).toBe(true);
    expect(forge.sent.length).toBeLessThan(10);
    expect(lines.join('')).not.toContain('wr0ng');
  });

  it('a receiver that hangs keeps no other channel waiting', async () => {
    const two = (forge: ForgeServer) => {
      const options = optionsOf('GitHub', forge);
      const stuck: ReportChannel = {
        name: 'stuck',
        kind: 'Statuses',
        batch: 1,
        deliver: (_items, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve([]))),
      };
      return [stuck, forgeChannel('forge', 'Statuses', github(options), options, clock)];
    };
    const { forge, until, reporting } = await bench(
      two,
      memoryOf([
        [BAD, 'Failure'],
        [GOOD, 'Success'],
      ]),
    );
    await until('both', () => forge.statuses.length === 2);
    const backlogs = () =>
      reporting()
        .status()
        .channels.map(({ backlog }) => backlog);
    await until('its answers', () => backlogs()[1] === 0);
    expect(backlogs()).toEqual([2, 0]);
  });

  it('the repository switches it off, and asks in vain for what the host does not set up', async () => {
    const off = memoryOf([[GOOD, 'Success']], { statuses: false, notes: true, onRollback: 'proposeRevert' });
    const { forge, until, set, reporting } = await bench(statuses('GitHub'), off);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(forge.sent).toEqual([]);
    expect(reporting().status()).toMatchObject({
      channels: [{ enabled: false }],
      missing: ['notes', 'onRollback: proposeRevert'],
    });
    set(memoryOf([[GOOD, 'Success']]));
    await until('told', () => forge.statuses.length === 1);
  });
});

describe.each(['GitHub', 'GitLab'] as const)('deployments of %s', (type) => {
  it('one per commit that changes what runs, whatever answers are lost; its states in their order', async () => {
    const channels = (forge: ForgeServer) => {
      const options = optionsOf(type, forge);
      return [forgeChannel('forge/deployments', 'Deployments', FORGES[type](options), options, clock)];
    };
    const { forge, until, set } = await bench(
      channels,
      memoryOf([
        [NEW, 'Pending'],
        [GOOD, 'Neutral'],
      ]),
      ['loseAnswer'],
    );
    const last = () => forge.deployments[0]?.states.at(-1);
    await until('in progress', () => last() === (type === 'GitHub' ? 'in_progress' : 'running'));
    set(
      memoryOf([
        [NEW, 'Failure'],
        [GOOD, 'Neutral'],
      ]),
    );
    await until('failed', () => last() === (type === 'GitHub' ? 'failure' : 'failed'));
    expect(forge.deployments).toMatchObject([{ sha: NEW, environment: 'test' }]);
  });
});

it('check runs of GitHub know neutral and hold the whole text; one per commit, whatever answers are lost', async () => {
  const channels = (forge: ForgeServer) => {
    const options = { ...optionsOf('GitHub', forge), checks: true };
    return [forgeChannel('forge', 'Statuses', github(options), options, clock)];
  };
  const { forge, until, set } = await bench(
    channels,
    memoryOf([
      [NEW, 'Pending'],
      [GOOD, 'Neutral'],
    ]),
    ['loseAnswer'],
  );
  const saidOf = (sha: string) => forge.checks.find((check) => check.sha === sha)?.said.at(-1);
  await until('both', () => saidOf(NEW) === 'in_progress' && saidOf(GOOD) === 'neutral');
  set(
    memoryOf([
      [NEW, 'Failure'],
      [GOOD, 'Neutral'],
    ]),
  );
  await until('failure', () => saidOf(NEW) === 'failure');
  expect(forge.checks.map(({ sha }) => sha).toSorted((one, other) => one.localeCompare(other))).toEqual([GOOD, NEW]);
  const { summary } = forge.checks.find(({ sha }) => sha === NEW)!;
  expect(summary).toContain('errors: 50% against 2% (14 samples)');
  expect(summary).toContain(`git revert ${NEW.slice(0, 12)}`);
});

it('a web hook is signed as the specification says, and has the same id for each try of one message', async () => {
  const secret = `whsec_${Buffer.from('0123456789abcdef').toString('base64')}`;
  const channels = (forge: ForgeServer) => [
    webhookChannel({
      name: 'hook',
      receiver: { url: `${forge.url}/hook`, headers: () => ({}), deadlineMs: DEADLINE_MS },
      secret: () => secret,
      clock,
    }),
  ];
  const { forge, until } = await bench(channels, memoryOf([[BAD, 'Failure']]), [{ status: 500 }]);
  await until('sent twice', () => forge.sent.length === 2);
  const { wallMs } = clock.now();
  await new Promise((resolve) => setTimeout(resolve, (CONFIRM_AFTER_MS / SPEED) * 1.2));
  expect(forge.sent).toHaveLength(2);
  const [first, second] = forge.sent;
  for (const { headers, body } of forge.sent) {
    expect(isAuthentic(headers, Buffer.from(body), secret, wallMs)).toBe(true);
    expect(isAuthentic(headers, Buffer.from(`${body} `), secret, wallMs)).toBe(false);
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const expected = createHmac('sha256', '0123456789abcdef').update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
  }
  expect([second!.headers['webhook-id'], second!.body]).toEqual([first!.headers['webhook-id'], first!.body]);
  expect(JSON.parse(first!.body)).toMatchObject({
    type: 'commit.failure',
    sequence: 1,
    data: {
      commit: BAD,
      context: 'headway/test',
      state: 'Failure',
      revert: `git revert ${BAD.slice(0, 12)}`,
      text: expect.stringContaining('errors: 50% against 2% (14 samples)'),
    },
  });
});

it('status, metrics and page of the daemon show what waits and why', async () => {
  const { until, reporting } = await bench(
    (forge) => {
      const options = optionsOf('GitHub', forge, 'wr0ng');
      return [forgeChannel('forge', 'Statuses', github(options), options, clock)];
    },
    memoryOf([[GOOD, 'Success']], { notes: true }),
  );
  await until('refused', () => reporting().status().channels[0]!.lastError !== undefined);
  const recorded = recordedStatus();
  const limits = [
    { limit: 'queue', hits: 12, lastAt: recorded.now, fix: 'more' },
    { limit: 'logBytesPerSecond', hits: 2, lastAt: recorded.now, bytes: 700, fix: 'more' },
  ] as const;
  const entries = recorded.entries.map((entry) =>
    entry.key === 'shop/greet'
      ? {
          ...entry,
          limits,
          conditions: [...entry.conditions, condition('WithinLimits', 'False', 'LimitsHit', 'queue')],
        }
      : entry,
  );
  const source = new RecordedSource({ ...recorded, entries, report: reporting().status() });
  const shown = createReport({
    statusSource: source,
    metricsSource: {
      samples: () => Promise.resolve(ok([])),
      storage: () => Promise.resolve([]),
      access: () => [],
    },
    clock,
    log: keepingLog().log,
    address: { host: '127.0.0.1', port: 0 },
  });
  onTestFinished(() => shown.close());
  const listening = await shown.listen();
  if (!listening.ok) throw new Error(listening.error.message);
  const metrics = await (await fetch(new URL('/metrics', listening.value.url))).text();
  expect(metrics).toContain('headway_report_backlog{channel="forge"} 1');
  expect(metrics).toMatch(/headway_report_tries_total\{channel="forge",outcome="retry"\} [1-9]/);
  expect(metrics).toContain('headway_limit_hits_total{entry="shop/greet",limit="queue"} 12');
  expect(metrics).toContain('headway_log_dropped_bytes_total{entry="shop/greet"} 700');
  const text = statusText(source.status());
  expect(text).toContain('shop/greet: queue');
  expect(text).toMatch(/report {3}forge: 1 to tell; HW5081 .*answers 401: Bad credentials/);
  expect(text).toContain('the Environment asks for notes, which runtime.yaml does not set up');
  expect(text).toContain('shop/greet has quiet bindings: the helper _utf16 is not known');
});
