import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planGithub } from '../../src/check/plan/github.ts';
import { liveEntryOf, liveOf, statusOfRoot } from '../../src/check/plan/live.ts';
import { planMarkdown } from '../../src/check/plan/markdown.ts';
import { escalationsOf, planOf, type Plan } from '../../src/check/plan/plan.ts';
import { planText } from '../../src/check/plan/text.ts';
import type { Status } from '../../src/model/status.ts';
import { headway } from '../support/headway.ts';
import { example } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';
import { component, desiredOf, environment, ENVIRONMENT, policy, route, type Files } from '../manifest/support.ts';

const RULE = '  rules: [{backendRef: {name: cart}}]\n';
const shop = (cart: string, more: Files = {}): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart', cart),
  'route.yaml': route('cart', RULE),
  ...more,
});
const between = (base: Files, head: Files): Plan => planOf(desiredOf(base), desiredOf(head));
const grants = (plan: Plan) => escalationsOf(plan).map(({ of, name, change }) => `${of} ${change} ${name}`);
const capability = (text: string) => `  capabilities: [{name: g, ${text}}]\n`;

describe('data of another form', () => {
  const kept = (state: string) =>
    shop(`  capabilities: [{name: g, keyValue: {store: carts, access: ReadWrite}}]\n${state}`);

  it('is said in each form of the plan, with what a rollback means for it', () => {
    const plan = between(kept('  state: {version: "1"}\n'), kept('  state: {version: "2"}\n'));
    expect(plan.entries[0]!.walk!.migration).toMatchObject({ from: '1', to: '2', stores: ['carts'] });
    expect(plan.entries[0]!.differences).toEqual(['state.version 1 → 2']);
    for (const text of [planText(plan), planMarkdown(plan), planGithub(plan)]) {
      expect(text).toContain('migrates carts from version "1" to "2"');
      expect(text).toContain('a rollback in the bake returns to the stores as they were at the switch');
    }
  });

  it('that says no version any more would be refused', () => {
    const [entry] = between(kept('  state: {version: "1"}\n'), kept('')).entries;
    expect([entry!.walk, entry!.problems[0]!.code]).toEqual([undefined, 'HW4624']);
  });
});

describe('what a match calls', () => {
  const rules = (called: string): Files =>
    shop('', { 'route.yaml': route('cart', `  rules: [{backendRef: {name: cart${called}}}]\n`) });
  const quote = ', export: {interface: "a:b/c@1.0.0", function: quote}';
  const price = ', export: {interface: "a:b/c@1.0.0", function: price}';

  it.each([
    ['a function for the handler', '', quote, '/ calls the HTTP handler → a:b/c@1.0.0#quote'],
    ['another function', quote, price, '/ calls a:b/c@1.0.0#quote → a:b/c@1.0.0#price'],
    ['the handler again', quote, '', '/ calls a:b/c@1.0.0#quote → the HTTP handler'],
  ])('%s', (_what, before, after, line) => {
    const [entry] = between(rules(before), rules(after)).entries;
    expect(entry!.differences).toEqual([line]);
  });
});

describe('what a component may touch', () => {
  const http = (hosts: string, more = '') => capability(`outboundHttp: {schemes: [https], hosts: [${hosts}]}${more}`);

  it.each([
    ['a grant where there was none', '', http('a.example'), ['shop/cart Gained g']],
    ['another host', http('a.example'), http('b.example'), ['shop/cart Widened g']],
    ['a wildcard over the host', http('a.example'), http('"*.example"'), ['shop/cart Widened g']],
    ['fewer hosts', http('a.example, b.example'), http('a.example'), []],
    ['a host below the wildcard', http('"*.example"'), http('a.example'), []],
    ['no grant any more', http('a.example'), '', []],
    [
      'counting instead of enforcing',
      http('a.example'),
      http('a.example', ', enforcement: Audit'),
      ['shop/cart Widened g'],
    ],
    ['an end', http('a.example'), http('a.example', ', expireTime: "2030-01-01T00:00:00Z"'), []],
    [
      'no end any more',
      http('a.example', ', expireTime: "2030-01-01T00:00:00Z"'),
      http('a.example'),
      ['shop/cart Widened g'],
    ],
    [
      'a later end',
      http('a.example', ', expireTime: "2030-01-01T00:00:00Z"'),
      http('a.example', ', expireTime: "2031-01-01T00:00:00Z"'),
      ['shop/cart Widened g'],
    ],
    [
      'write access',
      capability('keyValue: {store: s, access: ReadOnly}'),
      capability('keyValue: {store: s, access: ReadWrite}'),
      ['shop/cart Widened g'],
    ],
    [
      'read access only',
      capability('keyValue: {store: s, access: ReadWrite}'),
      capability('keyValue: {store: s, access: ReadOnly}'),
      [],
    ],
    [
      'a wider prefix',
      capability('keyValue: {store: s, keyPrefix: cart/}'),
      capability('keyValue: {store: s, keyPrefix: c}'),
      ['shop/cart Widened g'],
    ],
    [
      'no prefix any more',
      capability('keyValue: {store: s, keyPrefix: cart/}'),
      capability('keyValue: {store: s}'),
      ['shop/cart Widened g'],
    ],
    [
      'a narrower prefix, and less room',
      capability('keyValue: {store: s, keyPrefix: c}'),
      capability('keyValue: {store: s, keyPrefix: cart/, maxSize: 1Mi, maxKeys: 10}'),
      [],
    ],
    [
      'more room',
      capability('keyValue: {store: s}'),
      capability('keyValue: {store: s, maxSize: 65Mi}'),
      ['shop/cart Widened g'],
    ],
    ['another store', capability('keyValue: {store: s}'), capability('keyValue: {store: t}'), ['shop/cart Widened g']],
    ['a weaker boundary', '  isolation: Strict\n', '  isolation: Process\n', ['shop/cart Widened isolation']],
    ['a stronger boundary', '  isolation: Process\n', '  isolation: Strict\n', []],
    ['nothing', http('a.example'), http('a.example'), []],
  ])('%s', (_name, base, head, expected) => {
    expect(grants(between(shop(base), shop(head)))).toEqual(expected);
  });

  it('a new component with a grant is an escalation of its own', () => {
    const { 'cart.yaml': cart, ...none } = shop(http('a.example'));
    expect(grants(between({ ...none, 'route.yaml': '' }, { ...none, 'cart.yaml': cart! }))).toEqual([
      'shop/cart Gained g',
    ]);
  });
});

describe('what a Policy allows', () => {
  const ceiling = (spec: string): Files => shop('', { 'policy.yaml': policy('top', `  namespaces: [shop]\n${spec}`) });

  it.each([
    ['it is gone', ceiling(''), shop(''), ['Policy top Widened ceiling']],
    ['it is new', shop(''), ceiling(''), []],
    [
      'more memory',
      ceiling('  limits: {memory: 64Mi}\n'),
      ceiling('  limits: {memory: 65Mi}\n'),
      ['Policy top Widened limits'],
    ],
    ['less memory', ceiling('  limits: {memory: 65Mi}\n'), ceiling('  limits: {memory: 64Mi}\n'), []],
    ['no limit of memory', ceiling('  limits: {memory: 65Mi}\n'), ceiling(''), ['Policy top Widened limits']],
    [
      'another host name',
      ceiling('  hostnames: [a.example]\n'),
      ceiling('  hostnames: [a.example, b.example]\n'),
      ['Policy top Widened hostnames'],
    ],
    ['any host name', ceiling('  hostnames: [a.example]\n'), ceiling(''), ['Policy top Widened hostnames']],
    ['only counted', ceiling(''), ceiling('  enforcement: Audit\n'), ['Policy top Widened enforcement']],
    [
      'a shorter bake',
      ceiling('  rollout: {minBake: 5m}\n'),
      ceiling('  rollout: {minBake: 4m}\n'),
      ['Policy top Widened rollout'],
    ],
    [
      'a capability more',
      ceiling('  capabilities: []\n'),
      ceiling('  capabilities: [{name: s, keyValue: {stores: [s]}}]\n'),
      ['Policy top Widened capabilities'],
    ],
    ['no ceiling of capabilities', ceiling('  capabilities: []\n'), ceiling(''), ['Policy top Widened capabilities']],
    [
      'a capability less',
      ceiling('  capabilities: [{name: s, keyValue: {stores: [s]}}]\n'),
      ceiling('  capabilities: []\n'),
      [],
    ],
  ])('%s', (_name, base, head, expected) => {
    expect(grants(between(base, head))).toEqual(expected);
  });
});

describe('who may sign', () => {
  const trust = (names: readonly string[], mode = 'All'): Files =>
    shop('', {
      'environment.yaml': environment(
        `  trust: {mode: ${mode}, signers: [${names.map((name) => `{name: ${name}, ssh: "ssh-ed25519 AAAA${name}"}`).join(', ')}]}\n`,
      ),
    });

  it.each([
    ['a signer more', trust(['ada']), trust(['ada', 'bob']), ['Environment test Widened trust']],
    ['another mode', trust(['ada']), trust(['ada'], 'Head'), ['Environment test Widened trust']],
    ['no rule any more', trust(['ada']), shop(''), ['Environment test Widened trust']],
    ['a first rule', shop(''), trust(['ada']), []],
    ['the same rule', trust(['ada']), trust(['ada']), []],
  ])('%s', (_name, base, head, expected) => {
    expect(grants(between(base, head))).toEqual(expected);
  });
});

describe('what rolls out together', () => {
  const two = (cart: string, tax: string, owner = 'cart'): Files => ({
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart', cart),
    'tax.yaml': component('tax', tax),
    'route.yaml': route(
      'shop',
      `  rules: [{matches: [{path: {type: PathPrefix, value: /a}}], backendRef: {name: ${owner}}}]\n`,
    ),
  });
  const together = (plan: Plan) => plan.entries.map(({ key, together: others }) => `${key}: ${others.join(' ')}`);

  it('entries of one group', () => {
    const group = '  rollout: {group: g}\n';
    expect(together(between(two('', ''), two(group, group)))).toEqual(['shop/cart: shop/tax', 'shop/tax: shop/cart']);
  });

  it('the old and the new owner of a match', () => {
    expect(together(between(two('', ''), two('', '', 'tax')))).toEqual(['shop/cart: shop/tax', 'shop/tax: shop/cart']);
  });

  it('a rename', () => {
    const before = shop('');
    const after: Files = {
      'environment.yaml': ENVIRONMENT,
      'basket.yaml': component('basket', '  rollout: {replaces: cart}\n'),
      'route.yaml': route('cart', '  rules: [{backendRef: {name: basket}}]\n'),
    };
    const plan = between(before, after);
    expect(together(plan)).toEqual(['shop/basket: shop/cart', 'shop/cart: shop/basket']);
    expect(plan.deletion).toBeUndefined();
  });

  it('nobody else', () => {
    expect(together(between(two('', ''), two('  limits: {concurrency: 2}\n', '')))).toEqual(['shop/cart: ']);
  });
});

describe('what is deleted', () => {
  const fleet = (names: readonly string[], env = ENVIRONMENT): Files => ({
    'environment.yaml': env,
    ...Object.fromEntries(names.map((name) => [`${name}.yaml`, component(name)])),
  });

  it('goes where the guard lets it', () => {
    const { deletion } = between(fleet(['a', 'b', 'c', 'd']), fleet(['a', 'b', 'c']));
    expect(deletion).toMatchObject({ keys: ['shop/d'] });
    expect(deletion?.held).toBeUndefined();
  });

  it('is held where it is too much, with the line that lets it go', () => {
    const [before, after] = [fleet(['a', 'b', 'c', 'd']), fleet(['a', 'b'])];
    const { deletion } = between(before, after);
    expect(deletion?.held).toContain('2 of 4 running components (50 %');
    const confirmed = fleet(['a', 'b'], environment(`  prune: {confirm: "${deletion!.confirm}"}\n`));
    expect(between(before, confirmed).deletion?.held).toBeUndefined();
    expect(planText(between(before, after))).toContain(`write prune.confirm: "${deletion!.confirm}"`);
  });

  it('is held by the limit of the base, whatever the head says about itself', () => {
    const lifted = fleet(['a', 'b'], environment('  prune: {maxDeletePercent: 100}\n'));
    expect(between(fleet(['a', 'b', 'c', 'd']), lifted).deletion?.held).toContain('2 of 4');
  });

  it('is no deletion where an artifact cannot be found: the plan says which, and where it is named', () => {
    const lost = { ...fleet(['a', 'b', 'c']), 'd.yaml': component('d').replace('d.wasm', 'missing.wasm') };
    const plan = between(fleet(['a', 'b', 'c', 'd']), lost);
    expect(plan.deletion).toBeUndefined();
    expect(plan.entries).toMatchObject([{ key: 'shop/d', change: 'Invalid' }]);
    for (const text of [planText(plan), planMarkdown(plan), planGithub(plan)]) expect(text).toContain('missing.wasm');
    expect(planText(plan)).toMatch(/ {2}d\.yaml:5:18 HW2001 .*missing\.wasm/);
  });

  it('is no deletion where a document is only broken', () => {
    const broken = { ...fleet(['a', 'b', 'c']), 'd.yaml': component('d', '  nonsense: 1\n') };
    expect(between(fleet(['a', 'b', 'c', 'd']), broken).deletion).toBeUndefined();
  });
});

describe('--live', () => {
  const plan = between(shop(''), shop('  limits: {concurrency: 2}\n'));
  const [entry] = plan.entries;
  const status = (attempt: string, commit = plan.base) =>
    ({
      source: { acceptedCommit: commit },
      entries: [
        {
          key: 'shop/cart',
          quarantined: [
            {
              attempt,
              release: entry!.head!.release,
              commit: 'c'.repeat(40),
              why: 'errors 31 %',
              releasedBy: '',
              evidence: [],
            },
          ],
        },
      ],
    }) as unknown as Status;

  it('says that a change lands on what is quarantined, and the line that tries it again', () => {
    const live = liveEntryOf(entry!, status(entry!.head!.attempt), 2)!;
    const text = planText({ ...plan, entries: [{ ...entry!, live }] });
    expect(text).toMatch(/! shop\/cart lands on attempt [0-9a-f]{12}, quarantined since commit c{12} \(errors 31 %\)/);
    expect(text).toContain('write spec.rollout.retry: 3');
    expect(liveEntryOf(entry!, status('f'.repeat(64)), 0)?.quarantined).toBeUndefined();
  });

  it('of several roots asks the one whose namespaces the plan is about', () => {
    const one = status('a', 'd'.repeat(40));
    const roots = [
      { name: 'blogs', namespaces: ['blog'], source: { acceptedCommit: 'other' } },
      { name: 'shops', namespaces: ['cart', 'shop'], source: { acceptedCommit: plan.base } },
    ];
    const told = {
      ...one,
      roots,
      entries: one.entries.map((each) => ({ ...each, root: 'shops' })),
    } as unknown as Status;
    expect(liveOf('u', told, plan.base).differs).toBe(true);
    expect(liveOf('u', statusOfRoot(told, ['shop/cart']), plan.base).differs).toBe(false);
    expect(statusOfRoot(told, ['shop/cart']).entries).toHaveLength(1);
    expect(statusOfRoot(told, ['blog/site']).entries).toEqual([]);
    expect(statusOfRoot(one, ['shop/cart'])).toBe(one);
  });

  it('says when what is live is not what the plan begins with', () => {
    expect(liveOf('u', status('a', plan.base), plan.base).differs).toBe(false);
    const differs = liveOf('u', status('a', 'd'.repeat(40)), plan.base);
    expect(planText({ ...plan, live: differs })).toMatch(/live at u follows d{12}, which is not the base/);
  });
});

describe('reporters', () => {
  const hostile = capability('outboundHttp: {schemes: [https], hosts: [a.example]}');
  const plan = between(shop(''), shop(hostile, { 'bad.yaml': component('bad', '  nonsense: 1\n') }));

  it('text: escalations stand first', () => {
    expect(planText(plan)).toMatch(
      /^plan .*\n\nescalations, to be looked at first:\n {2}! shop\/cart gains g: outboundHttp/,
    );
  });

  it('markdown: one comment with a marker, escalations first, steps folded', () => {
    const text = planMarkdown(plan);
    expect(text).toMatch(/^<!-- headway:plan -->\n### headway plan `[^`]+`\n\n\*\*Escalations/);
    expect(text).toContain('⚠️ shop/cart gains g');
    expect(text).toMatch(/❌ `bad.yaml:6` `HW1013`/);
    expect(planMarkdown(between(shop(''), shop('  limits: {concurrency: 2}\n')))).toMatch(
      /<details><summary>\w+: serves everything after [^]*\| stage \|[^]*\| bake \| 100 %[^]*<\/details>/,
    );
    expect(planMarkdown(between(shop(''), shop('')))).toContain('Nothing changes.');
  });

  it('markdown: a step says whose requests it takes, and for whom it waits', () => {
    const canary = (steps: string) => `  rollout: {strategy: {type: Canary, canary: {steps: [${steps}]}}}\n`;
    const steps =
      '{headers: [{name: x-beta, value: "yes"}], mirror: {percent: 5}}, {weight: 10, approval: {name: boss}}';
    const text = planMarkdown(between(shop(''), shop(`  limits: {concurrency: 2}\n${canary(steps)}`)));
    expect(text).toContain('| step | 0 %, x-beta: yes, copies of 5 % |');
    expect(text).toMatch(/\| step \| 10 % \|.*\| approval of boss \|/);
  });

  it('markdown: fits into a comment, whatever changes, and says that there is more', () => {
    const fleet = (count: number): Files =>
      Object.fromEntries(
        Array.from({ length: count }, (_, n) => {
          const name = `${'x'.repeat(50)}${String(n).padStart(4, '0')}`;
          return [`${name}.yaml`, component(name, hostile)];
        }),
      );
    const text = planMarkdown(
      between({ 'environment.yaml': ENVIRONMENT }, { 'environment.yaml': ENVIRONMENT, ...fleet(800) }),
    );
    expect(text.length).toBeLessThan(65_536);
    expect(text.length).toBeGreaterThan(50_000);
    expect(text).toMatch(/There is more than a comment holds: `headway plan` prints all of it\.\n$/);
    expect(planMarkdown(plan)).not.toContain('There is more');
  });

  it('github: annotations for what needs a look', () => {
    const lines = planGithub(plan).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^::warning title=escalation::shop\/cart gains g/);
    expect(lines.some((line) => /^::error file=bad\.yaml,line=\d+,col=\d+,title=HW1013::/.test(line))).toBe(true);
  });

  it('an invalid Policy leaves that of the base in force, as the daemon does', () => {
    const top = policy('top', '  namespaces: [shop]\n  capabilities: []\n');
    const base = desiredOf(shop('', { 'policy.yaml': top }));
    const head = desiredOf(shop(hostile, { 'policy.yaml': top.replace('capabilities', 'capabilitiez') }), base);
    const cart = planOf(base, head).entries.find(({ key }) => key === 'shop/cart');
    expect(cart?.problems.map(({ code }) => code)).toContain('HW1040');
  });
});

describe('headway plan, of what a merge would give', () => {
  let folder: string;
  let repository: Repository;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'headway-plan-'));
    repository = await Repository.create(folder);
    await repository.push('Start', {
      ...shop(''),
      'tax.yaml': component('tax'),
      'cart.wasm': example('greeting-v1'),
      'tax.wasm': example('tax-v1'),
    });
    await repository.git('switch', '-q', '-c', 'topic');
    await repository.commit('Change the cart', {
      'cart.yaml': component('cart', capability('outboundHttp: {schemes: [https], hosts: [a.example]}')),
    });
    await repository.git('switch', '-q', 'main');
    await repository.commit('Change the tax meanwhile', {
      'tax.yaml': component('tax', '  limits: {concurrency: 2}\n'),
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

  const plan = (...args: readonly string[]) => headway(['plan', '--repo', repository.work, ...args]);

  it('does not take back what happened on the base meanwhile', async () => {
    const { out } = await plan('main..topic');
    expect(out).toContain('shop/cart');
    expect(out).not.toContain('shop/tax');
  });

  it('--fail-on escalation ends with 1, and prints the plan all the same', async () => {
    await repository.git('switch', '-q', '-c', 'strict', 'main');
    await repository.commit('Strict', { 'cart.yaml': component('cart', '  isolation: Strict\n') });
    await repository.git('switch', '-q', '-c', 'softer', 'strict');
    await repository.commit('Softer', { 'cart.yaml': component('cart', '  isolation: Process\n') });
    const soft = await plan('strict..softer', '--fail-on', 'escalation');
    expect(soft.out).toContain('! shop/cart widens isolation: Strict → Process');
    expect([soft.code, (await plan('strict..softer')).code]).toEqual([1, 2]);
  });

  it('says which bindings a new component gets, and why no better ones', async () => {
    const wide = await parse(`(component
      (core module $m (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "f") (param i32 i32)))
      (core instance $i (instantiate $m))
      (func $f (param "text" string)
        (canon lift (core func $i "f") string-encoding=utf16 (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
      (instance $guest (export "f" (func $f)))
      (export "shop:cart/texts" (instance $guest)))`);
    await repository.git('switch', '-q', '-c', 'bindings', 'main');
    await repository.commit('Two new ones', { 'cart.wasm': example('greeting-v2'), 'tax.wasm': Buffer.from(wide) });
    const { out } = await plan('main..bindings', '--format', 'json');
    const { entries } = JSON.parse(out) as Plan;
    const bindings = new Map(entries.map((entry) => [entry.key as string, entry.bindings]));
    expect(bindings.get('shop/cart')).toEqual({ tier: 'fast' });
    expect(bindings.get('shop/tax')).toMatchObject({ tier: 'quiet', reason: expect.stringMatching(/./) });
    const text = (await plan('main..bindings')).out;
    expect(text).toContain('  bindings fast\n');
    expect(text).toContain(`  bindings quiet: ${bindings.get('shop/tax')!.reason}\n`);
    expect((await plan('main..bindings', '--format', 'markdown')).out).toContain('- bindings quiet: ');
    // Those that stay keep theirs.
    expect((await plan('strict..softer')).out).not.toContain('bindings');
  });

  it('says that it does not merge, and where', async () => {
    await repository.git('switch', '-q', '-c', 'conflict', 'topic');
    await repository.commit('Change the tax too', { 'tax.yaml': component('tax', '  limits: {concurrency: 3}\n') });
    const { code, err } = await plan('main..conflict');
    expect(code).toBe(1);
    expect(err).toMatch(/does not merge into [0-9a-f]{12}: conflicts in tax\.yaml \(HW3040\)\n {2}fix: /);
  });

  it.each([
    [['main'], 'one range'],
    [['a..b', '--format', 'html'], 'no format "html"'],
    [['a..b', '--fail-on', 'everything'], '--fail-on "everything" is not known'],
    [['main..topic', '--live', '127.0.0.1:1'], 'HW5010'],
  ])('%j ends with 1', async (args, said) => {
    const { code, err } = await plan(...args);
    expect([code, err.includes(said)]).toEqual([1, true]);
  });
});

describe('where the bytes come from', () => {
  const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
  const from = (source: string): Files => {
    const files = shop('');
    return { ...files, 'cart.yaml': component('cart').replace('{path: cart.wasm}', source) };
  };
  const oci = (tag: string, letter: string) =>
    from(`{oci: {image: r.example/cart, tag: "${tag}", digest: "${digest(letter)}"}}`);

  it.each([
    ['another tag', oci('1.0', 'a'), oci('2.0', 'b'), ['source r.example/cart:1.0 → r.example/cart:2.0']],
    [
      'a registry instead of the repository',
      from('{path: c.wasm}'),
      oci('1.0', 'a'),
      ['source the repository → r.example/cart:1.0'],
    ],
    [
      'the same bytes from another server',
      from(`{https: {url: "https://a.example/c", digest: "${digest('a')}"}}`),
      from(`{https: {url: "https://b.example/c", digest: "${digest('a')}"}}`),
      ['source https://a.example/c → https://b.example/c'],
    ],
    ['a moved file', from('{path: a.wasm}'), from('{path: b.wasm}'), []],
  ])('%s', (_name, base, head, lines) => {
    const text = planText(between(base, head));
    expect(
      text
        .split('\n')
        .filter((line) => line.includes('source '))
        .map((line) => line.replace(/^[\s~+-]*/, '')),
    ).toEqual(lines);
  });
});
