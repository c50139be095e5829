/** Previews: who may reach a candidate before its switch, by which rules, and where its requests are counted. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PreviewAccess, Snapshot } from '../../src/model/snapshot.ts';
import {
  arm,
  errorOf,
  NEXT,
  release,
  rule,
  snapshot,
  STABLE,
  startIngress,
  type Answer,
  type Fixture,
} from './fixture.ts';
import type { Script } from './scripted-cell.ts';

const saying =
  (text: string, status = 200): Script =>
  (call) =>
    call.reply(status, text);
const LABEL = 'b00000000000--checkout';
const NAMED = { 'x-headway-preview': 'b00000000000' };

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startIngress(undefined);
  await fixture.add(STABLE, saying('stable'));
});
afterEach(() => fixture.stop());

/** A candidate in preview whose own rules are `/checkout` at its host, and a new `/quote`. */
function previewing(access: PreviewAccess | undefined, generation = 1): Snapshot {
  const arms = [arm(NEXT, 100)];
  const at = (value: string, hostname?: string) =>
    rule({ arms, match: { ...(hostname ? { hostname } : {}), path: { type: 'PathPrefix', value }, headers: [] } });
  const rules = [at('/checkout', 'shop.example.com'), at('/quote')];
  return {
    ...snapshot([rule()], generation),
    previews: [{ release: release('b'), label: LABEL, rules }],
    ...(access ? { previewAccess: access } : {}),
  };
}

const ask = (path: string, headers: Record<string, string> = {}): Promise<Answer> => fixture.get(path, { headers });
const said = async (path: string, headers: Record<string, string> = {}) => (await ask(path, headers)).body;

describe('without the leave of the host', () => {
  test('neither the host nor the header means anything', async () => {
    await fixture.add(NEXT, saying('next'));
    fixture.ingress.apply(previewing(undefined));
    expect(await said('/checkout', NAMED)).toBe('stable');
    expect(await said('/checkout', { host: `${LABEL}.preview.test` })).toBe('stable');
  });

  test.each<readonly [PreviewAccess, string, string]>([
    [{ header: true }, 'next', 'stable'],
    [{ header: false, domain: 'preview.test' }, 'stable', 'next'],
    [{ header: true, domain: 'preview.test' }, 'next', 'next'],
  ])('%o: each form only where it was allowed', async (access, byHeader, byHost) => {
    await fixture.add(NEXT, saying('next'));
    fixture.ingress.apply(previewing(access));
    expect(await said('/quote', NAMED)).toBe(byHeader);
    expect(await said('/quote', { host: `${LABEL}.preview.test:8080` })).toBe(byHost);
    expect(await said('/quote')).toBe('stable');
  });
});

describe('a preview', () => {
  beforeEach(async () => {
    await fixture.add(NEXT, saying('next'));
    fixture.ingress.apply(previewing({ header: true, domain: 'preview.test' }));
  });

  test('goes by the rules of the candidate: its hosts with the header, any of them under its own host', async () => {
    expect(await said('/checkout', { ...NAMED, host: 'shop.example.com' })).toBe('next');
    expect(await said('/checkout', { host: `${LABEL}.preview.test` })).toBe('next');
    const elsewhere = await ask('/checkout', { ...NAMED, host: 'other.example.com' });
    expect([elsewhere.status, errorOf(elsewhere)['reason']]).toEqual([404, 'NoRoute']);
    expect((await ask('/nowhere', { host: `${LABEL}.preview.test` })).status).toBe(404);
  });

  test('says which release answered', async () => {
    expect((await ask('/quote', NAMED)).headers['x-headway-release']).toBe('b00000000000');
  });

  test.each([
    ['a release that is not in preview', { 'x-headway-preview': 'a00000000000' }],
    ['fewer digits than twelve', { 'x-headway-preview': 'b0000000000' }],
    ['a label that is not there', { host: 'c00000000000--checkout.preview.test' }],
    ['a label below the label', { host: `x.${LABEL}.preview.test` }],
  ])('%s is said to be missing, and nothing else answers', async (_, headers) => {
    const answer = await ask('/quote', headers);
    expect([answer.status, errorOf(answer)['reason'], errorOf(answer)['code']]).toEqual([404, 'NoPreview', 'HW4515']);
  });

  test('ends with the snapshot that does not name it', async () => {
    fixture.ingress.apply({ ...snapshot([rule()], 2), previewAccess: { header: true } });
    expect((await ask('/quote', NAMED)).status).toBe(404);
    expect(await said('/quote')).toBe('stable');
  });
});

test('its requests are counted by themselves: not as traffic, and in no run of failures', async () => {
  await fixture.add(NEXT, saying('broken', 500));
  fixture.ingress.apply(previewing({ header: true }));
  for (let request = 0; request < 5; request++) await ask('/quote', NAMED);
  await ask('/quote');
  const [stable, next] = ['a', 'b'].map((name) =>
    fixture.ingress.samples().find((one) => one.release.startsWith(name))!,
  );
  expect(next!.traffic).toMatchObject({ requests: 0, failures: 0, overloads: 0, clientAborts: 0 });
  expect(next!.preview).toMatchObject({ requests: 5, failures: 5, status5xx: 5 });
  expect([next!.consecutiveFailures, next!.inFlight]).toEqual([0, 0]);
  expect(stable!.traffic.requests).toBe(1);
  expect(stable!.preview).toBeUndefined();
});

test('a success of a preview ends no run of failures that was measured', async () => {
  let status = 500;
  await fixture.add(NEXT, (call) => call.reply(status, ''));
  fixture.ingress.apply({ ...previewing({ header: true }), rules: [rule({ arms: [arm(NEXT, 100)] })] });
  await ask('/quote');
  status = 200;
  await ask('/quote', NAMED);
  expect(fixture.ingress.samples().find((one) => one.release.startsWith('b'))!.consecutiveFailures).toBe(1);
});

test('one without a ready replica is unavailable, and counted as what it is', async () => {
  fixture.ingress.apply(previewing({ header: true }));
  expect((await ask('/quote', NAMED)).status).toBe(503);
  const next = fixture.ingress.samples().find((one) => one.release.startsWith('b'))!;
  expect([next.traffic.overloads, next.preview!.overloads]).toEqual([0, 1]);
});

describe('a host name of the repository', () => {
  const named = (hostname: string, access: PreviewAccess | undefined): Snapshot => {
    const plain = previewing(access);
    return { ...plain, previews: plain.previews!.map((preview) => ({ ...preview, hostname })) };
  };

  test.each<readonly [string, string, PreviewAccess | undefined, string]>([
    ['below the domain of the host', 'shop.preview.test', { header: false, domain: 'preview.test' }, 'next'],
    ['two labels below it', 'a.shop.preview.test', { header: false, domain: 'preview.test' }, 'next'],
    ['elsewhere', 'shop.example.com', { header: true, domain: 'preview.test' }, 'stable'],
    ['that only ends like the domain', 'shoppreview.test', { header: false, domain: 'preview.test' }, 'stable'],
    ['where the host opens no domain', 'shop.preview.test', { header: true }, 'stable'],
    ['where the host opens nothing', 'shop.preview.test', undefined, 'stable'],
  ])('%s', async (_, hostname, access, expected) => {
    await fixture.add(NEXT, saying('next'));
    fixture.ingress.apply(named(hostname, access));
    expect(await said('/quote', { host: hostname })).toBe(expected);
  });

  test('the host of a release is that release, whatever another names itself', async () => {
    await fixture.add(NEXT, saying('next'));
    const other = [rule({ arms: [arm(STABLE, 100)] })];
    for (const order of ['before', 'after']) {
      const squatter = {
        release: release('a'),
        label: 'a00000000000--x',
        hostname: `${LABEL}.preview.test`,
        rules: other,
      };
      const plain = previewing({ header: false, domain: 'preview.test' });
      const previews = order === 'before' ? [squatter, ...plain.previews!] : [...plain.previews!, squatter];
      fixture.ingress.apply({ ...plain, previews });
      expect(await said('/quote', { host: `${LABEL}.preview.test` })).toBe('next');
    }
  });
});
