import { describe, expect, it } from 'vitest';
import type { Status } from '../../src/model/status.ts';
import type { Daemon } from '../support/daemon.ts';
import { headway, startHeadway } from '../support/headway.ts';
import { component, example, plainComponent, quickPolicy, shop, swapTo } from '../support/manifests.ts';
import { chapters, KEY, provenAfter, traffic } from './story.ts';

describe('the commands for people and CI, against a real repository and a real daemon', () => {
  const now = chapters({ ...shop(), 'shop/policies.yaml': quickPolicy() });

  it('plan: what a merge would do, from git alone', async () => {
    const { repository } = now();
    await repository.git('switch', '-q', '-c', 'better');
    await repository.commit('Greet better', swapTo('greeting-v2'));
    const range = 'main..better';
    const text = await headway(['plan', '--repo', repository.work, range]);
    expect(text.err).toBe('');
    expect(masked(text.out)).toBe(`plan <hash>..<hash>

shop/greeting gets a new revision
  revision <hash> → <hash>
  release  <hash> → <hash>
  ~ artifact <hash> → <hash>
  bindings fast
  Canary: serves everything after 600ms at least, proven after 2s600ms; too few samples: Synthesize
    stage       traffic   least time   least samples   deadline
    readiness   0 %       0s           0               10s
    step        20 %      300ms        110             1m
    step        50 %      300ms        50              1m
    bake        100 %     2s           50              10m
`);
    expect(text.code).toBe(2);
    const json = await headway(['plan', '--repo', repository.work, range, '--format', 'json']);
    expect(JSON.parse(json.out)).toMatchObject({
      base: await repository.git('rev-parse', 'main'),
      head: await repository.head(),
      entries: [{ key: KEY, change: 'Replace', walk: { strategy: 'Canary', insufficientData: 'Synthesize' } }],
      problems: [],
    });
    expect(json.code).toBe(2);
    const nothing = await headway(['plan', '--repo', repository.work, 'main..main']);
    expect([nothing.code, masked(nothing.out)]).toEqual([0, 'plan <hash>..<hash>\n\nnothing changes\n']);
  });

  it('plan: 1 where something would be refused, or where there is nothing to compare', async () => {
    const { repository } = now();
    await repository.commit('Ask for more', {
      'wasm/ungranted.wasm': example('greeting-ungranted'),
      'shop/greeting.yaml': component({ wasm: 'wasm/ungranted.wasm' }),
    });
    const refused = await headway(['plan', '--repo', repository.work, 'main..better']);
    expect(refused.out).toMatch(
      /shop\/greeting .*would be refused[^]*shop\/greeting\.yaml:\d+:\d+ HW\d+ .*\n {4}fix: /,
    );
    expect(refused.code).toBe(1);
    const absent = await headway(['plan', '--repo', repository.work, 'main..nobody']);
    expect(absent.err).toMatch(/nobody.*HW3019[^]*fix: /);
    expect(absent.code).toBe(1);
    const nowhere = await headway(['plan', '--repo', now().folder, 'a..b']);
    expect(nowhere.err).toMatch(/HW3018[^]*fix: /);
    expect(nowhere.code).toBe(1);
    await repository.git('switch', '-q', 'main');
  });

  it('lint: 0 clean, 1 findings with file:line:col, code and fix, 2 where it cannot be read', async () => {
    const { repository } = now();
    await repository.git('switch', '-q', '--detach');
    await repository.commit('Clean', { 'shop/greeting.yaml': plainComponent({ wasm: 'wasm/greeting-v1.wasm' }) });
    const clean = await headway(['lint', repository.work]);
    expect(clean.out).toMatch(/4 files, 1 complete component, no findings\n$/);
    expect(clean.code).toBe(0);
    await repository.commit('Typing error', {
      'shop/greeting.yaml': component({ wasm: 'wasm/greeting-v1.wasm', extra: '  scailing: {minReplicas: 2}\n' }),
    });
    const text = await headway(['lint', repository.work]);
    expect(text.out).toMatch(/^shop\/greeting\.yaml:\d+:3: error HW1013 .*scailing[^]*\^+[^]*fix: .*scaling/m);
    expect(text.code).toBe(1);
    const json = await headway(['lint', repository.work, '--format', 'json']);
    const report = JSON.parse(json.out) as { readonly findings: readonly unknown[] };
    expect(report.findings[0]).toMatchObject({
      code: 'HW1013',
      severity: 'error',
      span: { file: 'shop/greeting.yaml', column: 3 },
    });
    expect(json.code).toBe(1);
    const broken = await headway(['lint', `${repository.work}/nowhere`]);
    expect(broken.err).toMatch(/HW5013[^]*fix: /);
    expect(broken.code).toBe(2);
    await repository.git('switch', '-q', 'main');
  });

  it('status: one table and what is wrong; --json is what the daemon says; 2 without a daemon', async () => {
    const { repository, daemon } = now();
    const entry = await provenAfter(daemon, undefined);
    const text = await headway(['status', '--status', daemon.statusAddress]);
    expect(masked(text.out)).toMatch(
      new RegExp(
        [
          `^source   file://.*/repo\\.git main at <hash>: InSync: at <hash>`,
          `engine   generation \\d+, cells (Strict|Process) .*`,
          `cpu      priorities(, and a control group for each cell| alone, because .*)`,
          '',
          'ENTRY +SERVING +CANDIDATE +PROVEN +BINDINGS +STATE',
          `shop/greeting +<hash> +- +<hash> +fast +InSync: release <hash> serves, is proven and is what git says; 1 replicas?\n$`,
        ].join('\n'),
      ),
    );
    expect(text.code).toBe(0);
    const json = await headway(['status', '--status', daemon.statusAddress, '--json']);
    const status = JSON.parse(json.out) as Status;
    expect(status.source.acceptedCommit).toBe(await repository.head());
    expect(status.entries[0]?.serving?.release).toBe(entry.serving?.release);
    expect(json.code).toBe(0);
    const nobody = await headway(['status', '--status', '127.0.0.1:1']);
    expect(nobody.err).toMatch(/HW5010[^]*fix: .*npm start/);
    expect(nobody.code).toBe(2);
  });

  it('status --watch prints again when something changed, and ends when it is told to', async () => {
    const { repository, daemon } = now();
    const before = await daemon.entry(KEY, 'it is at rest', ({ proven, candidate }) => Boolean(proven) && !candidate);
    const watch = startHeadway(['status', '--status', daemon.statusAddress, '--watch']);
    const ended = new Promise((resolve) => watch.child.once('exit', resolve));
    try {
      await daemon.becomes('the first table', () => /InSync/.test(watch.output().out));
      await repository.push('Greet better', swapTo('greeting-v2'));
      await provenAfter(daemon, before);
      const { release } = (await provenAfter(daemon, before)).proven!;
      await daemon.becomes('the new release is in it', () => watch.output().out.includes(release.slice(0, 12)));
      expect(watch.output().out.split('source   ').length).toBeGreaterThan(2);
    } finally {
      watch.child.kill('SIGINT');
      await ended;
    }
  });

  it('explain: the row of the table, its inputs, the actions, and the evidence of what is quarantined', async () => {
    const { repository, daemon } = now();
    const visitors = traffic(daemon);
    await repository.push('Break it', swapTo('greeting-flaky'));
    const { quarantined } = await daemon.entry(KEY, 'it is quarantined', (entry) => entry.quarantined.length > 0);
    await visitors.stop();
    const text = await explain(daemon, KEY);
    expect(text.out).toMatch(/^shop\/greeting\n {2}CONDITION +STATUS +REASON +SINCE\n {2}Ready +True +Quarantined /);
    expect(text.out).toMatch(/by row 6: attempt quarantined or parked\n {2}why {6}.*spec\.rollout\.retry: 1/);
    expect(text.out).toMatch(/\n {2}end +Failed\n/);
    expect(text.out).toContain(`quarantined ${quarantined[0]!.attempt.slice(0, 12)}`);
    expect(text.out).toMatch(/METRIC +OBSERVED +THRESHOLD +SAMPLES/);
    expect(text.code).toBe(0);
    const json = await explain(daemon, KEY, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ key: KEY, decision: { row: 6, inputs: { end: 'Failed' } } });
    const absent = await explain(daemon, 'shop/nobody');
    expect(absent.err).toMatch(/no entry shop\/nobody.*HW5011[^]*fix: name one of: shop\/greeting/);
    expect(absent.code).toBe(2);
  });
});

describe('nothing but git changes what is live', () => {
  const now = chapters(shop());
  const PATHS = [
    '/',
    '/healthz',
    '/readyz',
    '/metrics',
    '/api/v1/state',
    '/api/v1/events',
    `/api/v1/entries/${KEY}`,
    '/hooks/git',
    '/deploy',
    '/api/v1/rollback',
  ];
  const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];

  it.each(METHODS)('%s is 405 on every path of the status address, whatever it carries', async (method) => {
    const { daemon } = now();
    const before = liveOf(await provenAfter(daemon, undefined).then(() => daemon.status()));
    for (const target of PATHS) {
      const response = await fetch(`${daemon.statusUrl}${target}`, {
        method,
        body: '{"release":"0123456789ab"}',
        headers: { 'content-type': 'application/json', 'x-http-method-override': 'GET' },
      });
      expect(`${method} ${target} ${response.status}`).toBe(`${method} ${target} 405`);
      expect(response.headers.get('allow')).toBe('GET, HEAD');
      expect(await response.json()).toEqual({ error: 'the only way in is git' });
    }
    expect(liveOf(await daemon.status())).toEqual(before);
  });

  it("on the traffic address every method and path is the guest's, and none is the runtime's", async () => {
    const { daemon } = now();
    const before = liveOf(await daemon.status());
    for (const method of ['GET', 'HEAD', ...METHODS]) {
      for (const target of PATHS) {
        const { status } = await daemon.ask(target, 'shop.example.com', method);
        const own = target === '/' || target === '/healthz';
        const expected = !own ? 404 : method === 'GET' || method === 'HEAD' ? 200 : 405;
        expect(`${method} ${target} ${status}`).toBe(`${method} ${target} ${expected}`);
      }
    }
    expect(liveOf(await daemon.status())).toEqual(before);
  });
});

/** All of a status that a command could want to change. */
function liveOf(status: Status | undefined): unknown {
  return {
    commit: status?.source.acceptedCommit,
    generation: status?.engine.generation,
    entries: status?.entries.map(({ key, serving, proven, candidate, replicas }) => ({
      key,
      serving,
      proven,
      candidate,
      replicas: replicas.map(({ id }) => id),
    })),
  };
}

function explain(daemon: Daemon, entry: string, ...more: readonly string[]): ReturnType<typeof headway> {
  return headway(['explain', entry, '--status', daemon.statusAddress, ...more]);
}

/** Hashes are as they come; everything else is compared as it is printed. */
function masked(text: string): string {
  return text.replaceAll(/\b[0-9a-f]{12,64}\b/g, '<hash>').replaceAll(/ +\n/g, '\n');
}
