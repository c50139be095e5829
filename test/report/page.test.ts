import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Status } from '../../src/model/status.ts';
import { systemClock } from '../../src/process/clock.ts';
import { createReport, type Report } from '../../src/report/server.ts';
import { startBrowser } from '../support/browser.ts';
import { keepingLog } from '../support/log.ts';
import { faintTexts } from './contrast.ts';
import { canary, COMMITS, condition, greet, RecordedSource, recordedStatus, rolledBack } from './recorded.ts';
import type { EntryStatus } from '../../src/model/status.ts';

const STARTED = '2026-11-28T02:15:00.000Z';
const EARLIER = '2026-11-27T02:15:00.000Z';

/** Where pictures go, for people; CI keeps the folder. */
const PICTURES = process.env['HEADWAY_PICTURES'] ?? path.join(tmpdir(), 'headway-pictures');

let browser: Browser;
let source: RecordedSource;
let report: Report;
let context: BrowserContext;
let page: Page;
let url: string;
/** Errors of the page, refusals of its policy, requests to anywhere else. */
let complaints: string[];

beforeAll(async () => {
  await mkdir(PICTURES, { recursive: true });
  browser = await startBrowser();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  source = new RecordedSource(recordedStatus());
  await startReport(0);
  await openPage();
});

afterEach(async () => {
  await context.close();
  await report.close();
});

async function startReport(port: number): Promise<void> {
  const { log } = keepingLog();
  report = createReport({
    statusSource: source,
    metricsSource: {
      samples: () => Promise.resolve({ ok: true, value: [] }),
      storage: () => Promise.resolve([]),
      access: () => [],
    },
    clock: systemClock,
    log,
    address: { host: '127.0.0.1', port },
    limits: { eventPeriodMs: 10 },
  });
  const listening = await report.listen();
  if (!listening.ok) throw new Error(listening.error.message);
  url = listening.value.url;
}

async function openPage(options: Parameters<Browser['newContext']>[0] = {}): Promise<void> {
  complaints = [];
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  await page.locator('article.card').first().waitFor();
}

function card(key: string): ReturnType<Page['locator']> {
  return page.locator(`article[data-key="${key}"]`);
}

function styleOf(selector: string, property: string): Promise<string> {
  return page
    .locator(selector)
    .first()
    .evaluate(
      (element, name) => element.ownerDocument.defaultView.getComputedStyle(element).getPropertyValue(name),
      property,
    );
}

test('schedules: when each fires next, what runs, and how the last ones ended', async () => {
  const schedules: EntryStatus['schedules'] = [
    {
      schedule: 'shop/nightly',
      expression: '15 2 * * *',
      timeZone: 'Europe/Berlin',
      concurrencyPolicy: 'Forbid',
      suspended: false,
      next: new Date(Date.now() + 60_000).toISOString(),
      running: [{ nominal: STARTED, started: STARTED, release: 'a'.repeat(64) }],
      ended: [
        { nominal: STARTED, outcome: 'Skipped', code: 'HW4608', why: 'the one before still runs (Forbid)' },
        { nominal: EARLIER, started: EARLIER, outcome: 'Failed', code: 'HW4601', exitCode: 3, why: 'exit code 3' },
        { nominal: EARLIER, started: EARLIER, outcome: 'Succeeded', why: 'it ended well' },
      ],
      counts: { Succeeded: 1, Failed: 1, Skipped: 1 },
    },
    {
      schedule: 'shop/weekly',
      expression: '0 0 * * 0',
      timeZone: 'UTC',
      concurrencyPolicy: 'Allow',
      suspended: true,
      running: [],
      ended: [],
      counts: {},
    },
  ];
  source.become({ entries: [{ ...greet(), schedules }] });
  const rows = card('shop/greet').locator('.schedules > li');
  await rows.nth(1).waitFor();
  expect(await rows.nth(0).innerText()).toMatch(
    /nightly\s+15 2 \* \* \* Europe\/Berlin\s+1 running, next \d\d:\d\d:\d\d/,
  );
  expect(await rows.nth(1).innerText()).toMatch(/weekly\s+0 0 \* \* 0 UTC\s+suspended/);
  const ends = rows.nth(0).locator('.firings li');
  expect(await ends.evaluateAll((items) => items.map((item) => item.className))).toEqual([
    'chip idle',
    'chip bad',
    'chip good',
  ]);
  expect(await ends.nth(1).getAttribute('title')).toBe(`${EARLIER} HW4601 exit code 3`);
  expect(complaints).toEqual([]);
});

test('several roots: what each follows, which is not in order, and whose commits', async () => {
  const status = recordedStatus();
  const { source: first, commits } = status;
  const unavailable = condition('Synced', 'False', 'SourceUnavailable', 'no answer');
  const other = { ...first, repository: 'https://git.example/blog.git', condition: unavailable };
  const root = { ready: true, environment: 'test', namespaces: ['shop'] };
  source.become({
    roots: [
      { ...root, name: 'shops', source: first },
      { ...root, name: 'blogs', source: other },
    ],
    entries: [{ ...greet(), root: 'shops' }],
    // Both follow the same commit.
    commits: [
      { ...commits[0]!, root: 'shops' },
      { ...commits[0]!, root: 'blogs' },
    ],
    timeline: status.timeline.map((event) => ({ ...event, root: 'shops' })),
  });
  await page.locator('#banners', { hasText: 'blogs: source unavailable' }).waitFor();
  expect(await page.locator('#following').innerText()).toMatch(/shops: .*; blogs: https:\/\/git\.example\/blog\.git/);
  const bylines = await page.locator('#commits .byline').allInnerTexts();
  expect(new Set(bylines.map((line) => line.split('·').at(-1)?.trim()))).toEqual(new Set(['blogs', 'shops']));
  expect(bylines).toHaveLength(2);
  expect(complaints).toEqual([]);
});

test('a canary: pointers, weights, step, evidence and replicas are told', async () => {
  const greetCard = card('shop/greet');
  expect(await greetCard.locator('.card-head .pill').textContent()).toBe('progressing');
  expect(await greetCard.locator('.traffic').getAttribute('aria-label')).toBe('Traffic: serving 80 %, candidate 20 %');
  const status = source.status().entries[0]!;
  const pointers = await greetCard.locator('.release').allInnerTexts();
  expect(pointers.map((text) => text.split(/\s+/))).toEqual([
    ['desired', status.desired!.release.slice(0, 12), COMMITS.good.slice(0, 8)],
    ['candidate', status.candidate!.release.slice(0, 12), COMMITS.good.slice(0, 8)],
    ['serving', status.serving!.release.slice(0, 12), COMMITS.first.slice(0, 8)],
    ['proven', status.proven!.release.slice(0, 12), COMMITS.first.slice(0, 8)],
  ]);
  expect(await greetCard.locator('.trial-head strong').textContent()).toBe('Canary, step 2 of 3');
  expect(await greetCard.locator('.steps li').evaluateAll((steps) => steps.map((step) => step.className))).toEqual([
    'past',
    'present',
    '',
  ]);
  expect(await greetCard.locator('.evidence tbody tr').first().innerText()).toMatch(
    /errors\s+0 %\s+0.5 % to 2 %\s+212 \(12 synthetic\)/,
  );
  expect(await greetCard.locator('.chip').count()).toBe(3);
  await page.screenshot({ path: path.join(PICTURES, 'canary.png'), fullPage: true });
  expect(complaints).toEqual([]);
});

test('what runs on the bundles of an older toolchain says so, and which tier it has and why', async () => {
  const message =
    'not ready under the present toolchain (tools 2): it does not load; it runs with the bundles of tools 1';
  const entry = greet();
  const tierReason = 'the helper rscTableCreateBorrow is not known';
  const replicas = entry.replicas.map((replica) => ({ ...replica, tier: 'quiet' as const, tierReason }));
  const conditions = [...entry.conditions.slice(0, 2), condition('Healthy', 'False', 'ToolchainRegression', message)];
  source.become({ entries: [{ ...entry, conditions, replicas, tier: 'quiet', tierReason }] });
  const greetCard = card('shop/greet');
  await expect.poll(() => greetCard.locator('.card-head .pill').textContent()).toBe('toolchain regression');
  expect(await greetCard.locator('p.message').textContent()).toBe(message);
  const chip = greetCard.locator('.chip').first();
  expect(await chip.textContent()).toContain('quiet');
  expect(await chip.getAttribute('title')).toContain(`quiet bindings: ${tierReason}`);
  await greetCard.locator('details.why summary').click();
  expect(await greetCard.locator('dl.inputs').innerText()).toContain(`quiet: ${tierReason}`);
  expect(complaints).toEqual([]);
});

test('limits that were hit are said on the card of what serves', async () => {
  const message =
    'limits.queue was hit 12 times, last at noon: a call was turned away; to mend it, raise spec.limits.queue';
  const entry = greet();
  source.become({
    entries: [
      { ...entry, conditions: [...entry.conditions, condition('WithinLimits', 'False', 'LimitsHit', message)] },
    ],
  });
  const greetCard = card('shop/greet');
  await expect.poll(() => greetCard.locator('.card-head .pill').textContent()).toBe('limits hit');
  expect(await greetCard.locator('p.message').textContent()).toBe(message);
  expect(complaints).toEqual([]);
});

test('a rollback: the evidence, what is quarantined, and the edit that releases it', async () => {
  const quote = card('shop/quote');
  expect(await quote.locator('.card-head .pill').textContent()).toBe('rolled back');
  expect(await quote.locator('.quarantine').innerText()).toMatch(/errors 34 %[^]*To release it: .*retry: 1/);
  const chapter = page.locator('.commit', { hasText: 'quote: round half up' });
  expect(await chapter.locator('.commit-head .pill').textContent()).toBe('rolled back');
  expect(await chapter.locator('.events li').first().innerText()).toMatch(
    /rolled back within 96 ms\s+errors 34 %, threshold 2 %, 41 samples/,
  );
  expect(complaints).toEqual([]);
});

test('moves without being loaded again: weights slide, promotion, rollback, a new commit, news for screen readers', async () => {
  const greetCard = card('shop/greet');
  await greetCard.evaluate((element) => element.setAttribute('data-mark', 'same'));
  source.become({ entries: [greet(canary(3, 50)), rolledBack()] });
  await greetCard.locator('.traffic[aria-label="Traffic: serving 50 %, candidate 50 %"]').waitFor();
  await expect.poll(() => page.locator('#announcer').textContent()).toBe('shop/greet: progressing, step 3 of 3');
  const widthOf = (name: string): Promise<number> =>
    greetCard.locator(name).evaluate((element) => element.clientWidth as number);
  await expect.poll(async () => (await widthOf('.share.candidate')) / (await widthOf('.traffic'))).toBeCloseTo(0.5, 1);
  expect(await styleOf('.share.candidate', 'transition-duration')).toBe('0.6s');
  const promoted = greet();
  source.become({
    entries: [promoted, rolledBack()],
    commits: [
      {
        commit: 'f'.repeat(40),
        subject: 'next',
        author: 'Ada',
        seenAt: new Date().toISOString(),
        state: 'Accepted',
        why: '',
      },
      ...recordedStatus().commits,
    ],
  });
  await greetCard.locator('.trial').waitFor({ state: 'hidden' });
  await page.locator('.commit').first().getByText('next').waitFor();
  expect(await greetCard.getAttribute('data-mark')).toBe('same');
  source.become({ entries: [rolledBack()] });
  await greetCard.waitFor({ state: 'detached' });
  expect(complaints).toEqual([]);
});

test('what comes from manifests and commits is text, whatever it looks like', async () => {
  const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>{{7*7}}\u202e"'`;
  const entry = greet(canary(1, 5));
  const evidence = [{ metric: evil, observed: evil, threshold: evil, samples: 1, synthetic: 1 }];
  const status: Partial<Status> = {
    environment: evil,
    source: {
      ...recordedStatus().source,
      repository: evil,
      ref: evil,
      path: evil,
      condition: condition('Synced', 'False', 'SourceUnavailable', evil),
    },
    entries: [
      {
        ...entry,
        key: `${evil}/${evil}` as 'a/b',
        conditions: [condition('Ready', 'False', 'Refused', evil)],
        candidate: { ...entry.candidate!, strategy: evil, evidence },
        quarantined: [{ attempt: evil, release: evil, commit: evil, why: evil, releasedBy: evil, evidence }],
        replicas: [
          { id: evil, release: evil, phase: evil, isolation: evil, instancePolicy: evil, inFlight: 0, message: evil },
        ],
        decision: {
          row: 1,
          rule: evil,
          why: evil,
          inputs: { [evil]: evil, ['__proto__']: evil },
          actions: [evil],
          at: evil,
        },
      },
    ],
    commits: [{ commit: evil, subject: evil, author: evil, seenAt: 'never', state: 'Refused', why: evil }],
    diagnostics: [
      {
        code: 'HW1001',
        message: evil,
        remedy: evil,
        policy: 'Terminal',
        severity: 'error',
        span: { file: evil, line: 1, column: 1, endLine: 1, endColumn: 1 },
      },
    ],
    timeline: [
      {
        id: 1,
        at: evil,
        reconcileId: evil,
        commit: evil,
        entry: `${evil}/x`,
        reason: 'Refused',
        message: evil,
        evidence,
      },
    ],
  };
  source.become(status);
  await page.getByText(evil).first().waitFor();
  await page.locator('summary').first().click();
  const created = {
    images: await page.locator('img').evaluateAll((images) => images.map((image) => image.getAttribute('src'))),
    scripts: await page.locator('script').evaluateAll((scripts) => scripts.map((script) => script.getAttribute('src'))),
    handlers: await page.locator('[onerror], [onclick], [onload]').count(),
  };
  expect(created).toEqual({ images: ['/icon.svg'], scripts: ['/js/app.js'], handlers: 0 });
  expect(await page.title()).toContain('Headway <img');
  expect(await page.locator('.banner').first().textContent()).toContain(evil);
  expect(await page.locator('.evidence tbody th').textContent()).toBe(evil);
  expect(await page.locator('#diagnostics-list').textContent()).toContain(evil);
  expect(complaints).toEqual([]);
});

test('a source that cannot be reached, and since when', async () => {
  source.become({
    source: {
      ...recordedStatus().source,
      condition: condition('Synced', 'False', 'SourceUnavailable', 'Connection refused; the last good state serves on'),
    },
    engine: { ...recordedStatus().engine, connected: false },
  });
  await page.locator('.banner.bad').first().waitFor();
  const banners = await page.locator('.banner').allTextContents();
  expect(banners[0]).toMatch(/^source unavailable since \d\d:\d\d:\d\d \(\d+ s\): Connection refused/);
  expect(banners[1]).toBe('The engine does not answer.');
  await page.screenshot({ path: path.join(PICTURES, 'unreachable.png'), fullPage: true });
  expect(complaints).toEqual([]);
});

test('a daemon that goes away and comes back', async () => {
  const { port } = new URL(url);
  await report.close();
  await page.getByText(/No answer from the daemon since/).waitFor();
  expect(await card('shop/greet').count()).toBe(1);
  source.become({ environment: 'back' });
  await startReport(Number(port));
  await page.getByText('Headway back').waitFor();
  await page.getByText(/No answer from the daemon since/).waitFor({ state: 'detached' });
  // The browser itself says that the stream broke; the page has nothing else to complain about.
  expect(complaints.filter((complaint) => !complaint.includes('net::ERR_'))).toEqual([]);
});

test('nothing is deployed', async () => {
  source.become({ entries: [], commits: [], timeline: [] });
  await page.getByText('Nothing is deployed.').waitFor();
  expect(await page.locator('article').count()).toBe(0);
});

test.each(['light', 'dark'] as const)('every text stands out from what is behind it: %s', async (colorScheme) => {
  const [first, ...others] = recordedStatus().commits;
  source.become({ commits: [{ ...first!, state: 'Superseded' }, ...others] });
  await page.emulateMedia({ colorScheme });
  for (const summary of await page.locator('summary').all()) await summary.click();
  await page.locator('.commit-head .pill.idle').first().waitFor();
  expect(await faintTexts(page)).toEqual([]);
});

test('why, on a phone: labels of one line beside texts of many, and most of the width for those', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await card('shop/greet').locator('summary').click();
  const heights = card('shop/greet').locator('.conditions .pill');
  const lines = await heights.evaluateAll((pills) => pills.map((pill) => Math.round(pill.clientHeight / 18)));
  expect([lines.length > 1, new Set(lines)]).toEqual([true, new Set([1])]);
  const share = await card('shop/greet')
    .locator('.inputs dd')
    .first()
    .evaluate((value) => (value.clientWidth as number) / (value.parentElement.clientWidth as number));
  expect(share).toBeGreaterThan(0.6);
});

test('nothing but the main landmarks, names for every picture, no side scrolling on a phone', async () => {
  await context.close();
  await openPage({ viewport: { width: 360, height: 740 }, colorScheme: 'dark', reducedMotion: 'reduce' });
  const parts = page.locator('[role=img], section, article');
  const facts = {
    wide: await page.locator('html').evaluate((root) => root.scrollWidth as number),
    unnamed: await parts.evaluateAll((elements) =>
      elements.filter((element) => !element.ariaLabel && !element.getAttribute('aria-labelledby')).map(String),
    ),
    landmarks: await page.locator('body > header, body > main, body > footer').count(),
    moves: await styleOf('.share', 'transition-duration'),
    background: await styleOf('body', 'background-color'),
  };
  expect(facts).toEqual({ wide: 360, unnamed: [], landmarks: 3, moves: '0s', background: 'rgb(14, 17, 22)' });
  await page.screenshot({ path: path.join(PICTURES, 'phone.png'), fullPage: true });
});
