import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lintCommand } from '../../src/process/lint.ts';
import { dummyOf } from '../component/support.ts';
import { example } from '../support/manifests.ts';
import { temporaryFolders } from './folder.ts';
import { component, environment, ENVIRONMENT, rolloutPolicy, route, type Files } from '../manifest/support.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const ASKED = { format: 'text', reports: [], ignore: [], fix: false } as const;
const folder = temporaryFolders();

async function run(dir: string, format: 'text' | 'json' = 'text', colours = false) {
  const said = { out: '', err: '' };
  const terminal = {
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    colours,
  };
  return { exit: await lintCommand({ ...ASKED, target: dir, format }, terminal), ...said };
}

async function codes(files: Files): Promise<readonly string[]> {
  const { out } = await run(folder(files), 'json');
  const report = JSON.parse(out) as {
    findings: { code: string; severity: string; span: { file: string; line: number; column: number } }[];
  };
  return report.findings.map(
    ({ code, severity, span }) => `${code} ${severity} ${span.file}:${span.line}:${span.column}`,
  );
}

const PROBE = '  probes: {readiness: {httpGet: {path: /}}}\n';
const ROUTE = route('cart', '  rules: [{backendRef: {name: cart}}]\n');
const CLEAN: Files = {
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart', PROBE),
  'route.yaml': ROUTE,
  'cart.wasm': example('greeting-v1'),
};

describe('singletons', () => {
  it.each([
    ['Canary', '{type: Canary, canary: {steps: [{weight: 10}]}}', ['HW1086 warning cart.yaml:8:3']],
    ['Rolling', '{type: Rolling}', ['HW1086 warning cart.yaml:8:3']],
    ['BlueGreen', '{type: BlueGreen}', []],
  ])('%s', async (_, strategy, expected) => {
    const spec = `${PROBE}  instancePolicy: Singleton\n  rollout: {strategy: ${strategy}}\n`;
    const found = await codes({ ...CLEAN, 'cart.yaml': component('cart', spec) });
    expect(found).toEqual(expected);
  });
});

describe('headway lint', () => {
  it('is silent about what is clean', async () => {
    const dir = folder(CLEAN);
    expect(await run(dir)).toEqual({ exit: 0, out: `${dir}: 3 files, 1 complete component, no findings\n`, err: '' });
  });

  it('names a function that a component imports and the host does not have', async () => {
    const wasm = await dummyOf(
      `package test:t;\nworld w { import wasi:random/random@0.2.3; export run: func(); }\n` +
        `package wasi:random@0.2.3 { interface random { own-the-host: func(); } }`,
    );
    const { out } = await run(folder({ ...CLEAN, 'cart.wasm': wasm }));
    expect(out).toContain(
      "HW1101 the component imports own-the-host of wasi:random/random@0.2.3; the host's wasi:random/random has no such function (HW2112)",
    );
    expect(out).toContain('fix: build the component against WASI 0.2.12 or an earlier patch of 0.2');
  });

  it('shows place, line and fix', async () => {
    const dir = folder({ ...CLEAN, 'cart.yaml': component('cart', `${PROBE}  limits: {memroy: 64Mi}\n`) });
    const { exit, out } = await run(dir);
    expect(exit).toBe(1);
    expect(out).toBe(`cart.yaml:7:12: error HW1013 \`memroy\` is not a field of spec.limits
  7 |   limits: {memroy: 64Mi}
    |            ^^^^^^
  fix: did you mean \`memory\`?

route.yaml:5:31: error HW1024 the Component shop/cart is invalid
  5 |   rules: [{backendRef: {name: cart}}]
    |                               ^^^^
  fix: mend the document that it refers to

${dir}: 3 files, 0 complete components, 2 errors, 0 warnings
`);
  });

  it('colours only for a terminal that takes them', async () => {
    const dir = folder({ 'a.yaml': 'a: 1\n' });
    expect((await run(dir)).out).not.toContain('\u001b');
    expect((await run(dir, 'text', true)).out).toContain('\u001b[31merror\u001b[0m');
  });

  it('lets no file write to the terminal by itself', async () => {
    const { out } = await run(folder({ 'a.yaml': 'a: "\u001b[2J\u0007"\n' }));
    expect(out).toContain('HW1002');
    expect(out.split('').filter((character) => character < ' ' && character !== '\n')).toEqual([]);
  });

  it('prints JSON that a program can read', async () => {
    const { exit, out } = await run(
      folder({ ...CLEAN, 'cart.wasm': '', 'cart.yaml': component('cart', '  suspend: 1\n') }),
      'json',
    );
    expect(exit).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      version: 1,
      files: 3,
      entries: 0,
      errors: 2,
      warnings: 0,
      findings: [
        {
          code: 'HW1015',
          severity: 'error',
          span: { file: 'cart.yaml', line: 6, column: 12, endLine: 6, endColumn: 13 },
          subject: { kind: 'Component', namespace: 'shop', name: 'cart' },
        },
        { code: 'HW1024' },
      ],
    });
  });

  it.each([
    ['is not there', '/no/such/folder'],
    ['is a file', path.join(ROOT, 'package.json')],
  ])('exits 2 when the folder %s', async (_name, dir) => {
    const { exit, out, err } = await run(dir);
    expect([exit, out]).toEqual([2, '']);
    expect(err).toMatch(/HW5013[\s\S]*fix: /);
  });
});

describe('a link in the place of a manifest', () => {
  it.each(['', '@HEAD'])('is a finding, and what it leads to is not read: the folder%s', async (revision) => {
    const dir = folder(CLEAN);
    rmSync(path.join(dir, 'route.yaml'));
    symlinkSync('/etc/passwd', path.join(dir, 'route.yaml'));
    const git = (...args: string[]) => execFileSync('git', ['-C', dir, ...args], { stdio: 'pipe' });
    git('init', '-q', '-b', 'main');
    git('add', '-A');
    git('-c', 'user.name=Ada', '-c', 'user.email=ada@example.invalid', 'commit', '-qm', 'Link');
    const { exit, out } = await run(`${dir}${revision}`);
    expect(exit).toBe(1);
    expect(out).toContain('route.yaml:1:1: error HW1002 route.yaml is a symbolic link, and none is ever followed\n');
    expect(out).toContain('fix: commit the file itself in its place');
    expect(out).not.toContain('root:');
  });
});

describe('an artifact exists only if git would have it', () => {
  it.each([
    ['missing', (dir: string) => rmSync(path.join(dir, 'cart.wasm'))],
    [
      'a link to a file',
      (dir: string) => {
        rmSync(path.join(dir, 'cart.wasm'));
        symlinkSync(path.join(ROOT, 'package.json'), path.join(dir, 'cart.wasm'));
      },
    ],
    [
      'a folder',
      (dir: string) => {
        rmSync(path.join(dir, 'cart.wasm'));
        mkdirSync(path.join(dir, 'cart.wasm'));
      },
    ],
  ])('%s', async (_name, spoil) => {
    const dir = folder(CLEAN);
    spoil(dir);
    expect((await run(dir)).out).toContain('HW2001');
  });
});

describe('what is allowed and hardly meant', () => {
  const shop = (spec: string, more: Files = {}): Files => ({ ...CLEAN, 'cart.yaml': component('cart', spec), ...more });
  const canary = (steps: string) => `  rollout: {strategy: {type: Canary, canary: {steps: [${steps}]}}}\n`;
  const linked = component('tax', `${PROBE}  rollout: {retry: 1}\n`);

  it.each<readonly [string, Files, readonly string[]]>([
    [
      'nothing points at it',
      { ...CLEAN, 'tax.yaml': component('tax', PROBE), 'tax.wasm': example('greeting-v1') },
      ['HW1060 warning tax.yaml:3:18'],
    ],
    [
      'a policy that nobody uses',
      shop(PROBE, { 'p.yaml': rolloutPolicy('p', '  bake: {duration: 1m}\n') }),
      ['HW1061 warning p.yaml:3:18'],
    ],
    [
      'a policy that the Environment uses',
      shop(PROBE, {
        'p.yaml': rolloutPolicy('p', '  bake: {duration: 1m}\n'),
        'environment.yaml': environment('  defaults: {rolloutPolicyRef: {namespace: shop, name: p}}\n'),
      }),
      [],
    ],
    ['no probe at all', shop(''), ['HW1062 warning cart.yaml:4:1', 'HW1064 warning cart.yaml:4:1']],
    [
      'no probe, and a policy that says to wait',
      shop('  rollout: {policyRef: {name: p}}\n', {
        'p.yaml': rolloutPolicy('p', '  gate: {insufficientData: Hold}\n'),
      }),
      ['HW1064 warning cart.yaml:4:1'],
    ],
    [
      'too few synthetic requests',
      shop(`${PROBE}  rollout: {gate: {synthetic: {requests: 99, httpGet: {path: /}}}}\n`),
      ['HW1062 warning cart.yaml:7:42'],
    ],
    ['a first step that is most of it', shop(PROBE + canary('{weight: 51}')), ['HW1063 warning cart.yaml:7:3']],
    ['a first step that is half of it', shop(PROBE + canary('{weight: 50}')), []],
    [
      'a BlueGreen that nothing can decide',
      shop(`${PROBE}  rollout: {strategy: {type: BlueGreen}, gate: {insufficientData: Hold}}\n`),
      ['HW1062 warning cart.yaml:7:3'],
    ],
    [
      'a step of copies alone that nothing can decide',
      shop(
        `${PROBE}  rollout: {strategy: {type: Canary, canary: {steps: [{mirror: {percent: 5}}, {weight: 5}]}}, gate: {insufficientData: Hold}}\n`,
      ),
      ['HW1062 warning cart.yaml:7:3'],
    ],
    [
      'a step by header that visitors decide',
      shop(
        `${PROBE}  rollout: {strategy: {type: Canary, canary: {steps: [{headers: [{name: a, value: b}]}]}}, gate: {insufficientData: Hold}}\n`,
      ),
      [],
    ],
    [
      'Rolling of two where one may be missing',
      shop(
        `${PROBE}  scaling: {minReplicas: 2}\n  rollout: {strategy: {type: Rolling, rolling: {maxUnavailable: 1}}}\n`,
      ),
      ['HW1063 warning cart.yaml:8:3'],
    ],
    ['a BlueGreen that its probe decides', shop(`${PROBE}  rollout: {strategy: {type: BlueGreen}}\n`), []],
    [
      'Rolling of one replica',
      shop(`${PROBE}  rollout: {strategy: {type: Rolling}}\n`),
      ['HW1063 warning cart.yaml:7:3'],
    ],
    ['Rolling of two', shop(`${PROBE}  scaling: {minReplicas: 2}\n  rollout: {strategy: {type: Rolling}}\n`), []],
    [
      'an approval that BlueGreen waits for',
      shop(
        `${PROBE}  rollout: {approvals: [{name: boss, revision: b0b0c3d4e5f6}], strategy: {type: BlueGreen, blueGreen: {approval: {name: boss}}}}\n`,
      ),
      [],
    ],
    [
      'a last step of everything',
      shop(PROBE + canary('{weight: 50}, {weight: 100}')),
      ['HW1063 warning cart.yaml:7:3'],
    ],
    [
      'an approval that nobody waits for',
      shop(`${PROBE}  rollout: {approvals: [{name: boss, revision: b0b0c3d4e5f6}]}\n`),
      ['HW1065 warning cart.yaml:7:32'],
    ],
    [
      'an approval that a step waits for',
      shop(
        `${PROBE}  rollout: {approvals: [{name: boss, revision: b0b0c3d4e5f6}], strategy: {type: Canary, canary: {steps: [{weight: 1, approval: {name: boss}}]}}}\n`,
      ),
      [],
    ],
    [
      'rollout of a component that is only linked inline',
      shop(`${PROBE}  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}}]\n`, {
        'tax.yaml': linked,
        'cart.wasm': example('checkout'),
        'tax.wasm': example('tax-v1'),
      }),
      ['HW1210 error tax.yaml:6:24', 'HW1066 error tax.yaml:7:3'],
    ],
    [
      'a link whose types do not fit',
      shop(`${PROBE}  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}}]\n`, {
        'tax.yaml': component('tax'),
        'cart.wasm': example('checkout'),
        'tax.wasm': example('greeting-v1'),
      }),
      [
        'HW2352 error cart.yaml:7:65',
        'HW1024 error route.yaml:5:31',
        'HW1060 warning tax.yaml:3:18',
        'HW1062 warning tax.yaml:4:1',
      ],
    ],
    ['a drain that cuts requests off', shop(`${PROBE}  drain: {deadline: 9s}\n`), ['HW1067 warning cart.yaml:7:21']],
    ['a drain that does not', shop(`${PROBE}  drain: {deadline: 10s}\n`), []],
    [
      'a probe whose one try takes as long as all',
      shop('  probes: {readiness: {httpGet: {path: /}, timeout: 2s, deadline: 2s}}\n'),
      ['HW1067 warning cart.yaml:6:53'],
    ],
    [
      'a route that waits longer than the component may take',
      shop(PROBE, { 'route.yaml': route('cart', '  rules: [{backendRef: {name: cart}, timeouts: {request: 11s}}]\n') }),
      ['HW1067 warning route.yaml:5:58'],
    ],
  ])('%s', async (_name, files, expected) => {
    expect(await codes(files)).toEqual(expected);
  });
});

describe('the demo', () => {
  it('is clean, as it is seeded', async () => {
    const dir = folder({});
    const source = path.join(ROOT, 'manifests');
    cpSync(source, dir, { recursive: true });
    const seed = JSON.parse(readFileSync(path.join(source, 'seed.json'), 'utf8')) as {
      artifacts: { from: string; to: string }[];
    };
    for (const { from, to } of seed.artifacts) {
      mkdirSync(path.dirname(path.join(dir, to)), { recursive: true });
      cpSync(path.join(ROOT, from), path.join(dir, to));
    }
    const { exit, out } = await run(dir);
    expect(out).toContain('2 complete components, no findings, 1 waived');
    expect(exit).toBe(0);
  });
});
