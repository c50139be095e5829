import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser } from '../support/browser.ts';
import type { Daemon } from '../support/daemon.ts';
import { component, environment, example, immediatePolicy, quickPolicy, route, swapTo } from '../support/manifests.ts';
import { chapters, KEY, provenAfter, traffic } from './story.ts';

/** Where pictures go, for people. */
const PICTURES = process.env['HEADWAY_PICTURES'] ?? path.join(tmpdir(), 'headway-pictures');
const PATIENCE_MS = 60_000;

let browser: Browser;
let page: Page;
/** Errors of the page and refusals of its policy. */
const complaints: string[] = [];

beforeAll(async () => {
  await mkdir(PICTURES, { recursive: true });
  browser = await startBrowser();
});

afterAll(() => browser?.close());

async function open(daemon: Daemon): Promise<void> {
  // One of a daemon that has ended complains.
  await page?.context().close();
  complaints.length = 0;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  await page.goto(daemon.statusUrl);
}

const card = (): Locator => page.locator(`article[data-key="${KEY}"]`);
const chapter = (subject: string): Locator => page.locator('.commit', { hasText: subject });

describe('the page of a running daemon, in Chromium', () => {
  const now = chapters({
    'environment.yaml': environment({ name: 'production' }),
    // Steps long enough to be looked at.
    'shop/policies.yaml': `${quickPolicy({ minDuration: '3s', bake: '4s' })}---\n${immediatePolicy()}`,
    'shop/greeting.yaml': component({ wasm: 'wasm/greeting-v1.wasm' }),
    'shop/route.yaml': route(),
    'shop/quote.yaml': component({
      name: 'quote',
      wasm: 'wasm/greeting-js.wasm',
      readinessPath: '/js/healthz',
      rollout: '{policyRef: {name: now}}',
    }),
    'shop/quote-route.yaml': route({ name: 'quote', prefix: '/js' }),
    'wasm/greeting-v1.wasm': example('greeting-v1'),
    'wasm/greeting-js.wasm': example('greeting-js'),
  });

  it('a canary: weights move without a reload, step by step, until the commit is proven', async () => {
    const { repository, daemon } = now();
    const before = await provenAfter(daemon, undefined);
    await daemon.entry('shop/quote', 'it is proven', ({ proven }) => proven !== undefined);
    await open(daemon);
    await card().waitFor();
    await card().evaluate((element) => element.setAttribute('data-mark', 'same'));

    traffic(daemon);
    const commit = await repository.push('Greet people by their name', swapTo('greeting-v2'));
    await card().locator('[aria-label="Traffic: serving 80 %, candidate 20 %"]').waitFor();
    await card().locator('.evidence tbody tr').first().waitFor();
    await chapter('Greet people').getByText('in progress').waitFor();
    await card().locator('[aria-label="Traffic: serving 50 %, candidate 50 %"]').waitFor();
    // With some samples in the table: what a person sees who comes in the middle.
    const samples = card().locator('.evidence tbody tr').first().locator('td').last();
    await expect.poll(async () => Number.parseInt((await samples.textContent()) ?? '', 10)).toBeGreaterThan(150);
    await page.screenshot({ path: path.join(PICTURES, 'rollout.png') });

    await card().locator('[aria-label="Traffic: serving 100 %"]').waitFor();
    await chapter('Greet people').locator('.commit-head .pill', { hasText: 'proven' }).waitFor();
    expect(await chapter('Greet people').locator('code').first().textContent()).toBe(commit.slice(0, 8));
    const told = await chapter('Greet people').locator('.events li').allInnerTexts();
    expect(told.join('\n')).toMatch(/finished its bake[^]*takes all traffic[^]*step 2 of 2[^]*step 1 of 2[^]*starts/);
    expect(await card().getAttribute('data-mark')).toBe('same');
    await provenAfter(daemon, before);
    expect(complaints).toEqual([]);
  });

  it('a rollback: the timeline names the commit, why it went back, and the edit that releases it', async () => {
    const { repository, daemon } = now();
    traffic(daemon);
    const commit = await repository.push('Look the name up in the directory', swapTo('greeting-flaky'));
    await card().locator('.card-head .pill', { hasText: 'quarantined' }).waitFor();
    const broken = chapter('Look the name up');
    await broken.locator('.commit-head .pill', { hasText: 'rolled back' }).waitFor();
    expect(await broken.locator('code').first().textContent()).toBe(commit.slice(0, 8));
    expect(await broken.locator('.events').innerText()).toMatch(
      /is quarantined\. To release it: .*retry: 1[^]*rolled back from \d+ %: (errors .* against .* after \d+ samples|\d+ failures in a row)/,
    );
    expect(await card().locator('.quarantine').innerText()).toMatch(/To release it: .*spec\.rollout\.retry: 1/);
    // The bar has slid back, and what it went back to is the only one drawn.
    await expect
      .poll(() =>
        card()
          .locator('.share.candidate')
          .evaluate((share) => share.clientWidth as number),
      )
      .toBe(0);
    await page.screenshot({ path: path.join(PICTURES, 'rollback.png') });

    await repository.revert();
    await card().locator('.card-head .pill', { hasText: 'reverted' }).waitFor();
    expect(await card().getAttribute('data-mark')).toBe('same');
    // What git no longer asks for is history, and needs no edit.
    expect(await card().locator('.quarantine').innerText()).not.toContain('To release it');
    expect(await card().locator('.chip.candidate').count()).toBe(0);
    await page.screenshot({ path: path.join(PICTURES, 'reverted.png') });
    expect(complaints).toEqual([]);
  });
});

describe('the page of a daemon with two engines', () => {
  const now = chapters(
    {
      'environment.yaml': environment(),
      'shop/policies.yaml': quickPolicy({ minDuration: '4s' }),
      'shop/greeting.yaml': component({ wasm: 'wasm/greeting-v1.wasm' }),
      'shop/route.yaml': route(),
      'wasm/greeting-v1.wasm': example('greeting-v1'),
    },
    { engines: 2 },
  );
  /** What the page says that each has answered. */
  const requests = async (): Promise<readonly number[]> => {
    const title = (await page.locator('#engine').getAttribute('title')) ?? '';
    return [...title.matchAll(/^engine \d: Serving, generation \d+, (\d+) requests$/gm)].map(([, count]) =>
      Number(count),
    );
  };

  it('a canary walks by what both of them answer, and each is counted', async () => {
    const { repository, daemon } = now();
    await provenAfter(daemon, undefined);
    await open(daemon);
    await page.locator('#engine', { hasText: /^2 of 2 engines, generation \d+$/ }).waitFor();
    // The kernel chooses the engine of each connection, and these have few.
    const visitors = traffic(daemon);
    let asked = 0;
    const ask = async (times: number): Promise<void> => {
      for (let count = 0; count < times; count++, asked++) await daemon.ask('/', 'shop.example');
    };
    await ask(30);
    await repository.push('Greet better', swapTo('greeting-v2'));
    await card().locator('[aria-label="Traffic: serving 80 %, candidate 20 %"]').waitFor();
    await ask(30);
    await card().locator('[aria-label="Traffic: serving 50 %, candidate 50 %"]').waitFor();
    await card().locator('[aria-label="Traffic: serving 100 %"]').waitFor();
    await chapter('Greet better').locator('.commit-head .pill', { hasText: 'proven' }).waitFor();
    const { answers, lost } = await visitors.stop();
    expect(lost).toEqual([]);
    await expect
      .poll(async () => (await requests()).reduce((sum, count) => sum + count, 0), { timeout: PATIENCE_MS })
      .toBe(answers + asked);
    const each = await requests();
    expect(each).toHaveLength(2);
    expect(Math.min(...each)).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });
});
