/** Files of a component in the real program: templates from git, uploads in a volume, through swaps, kills and Policies. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Daemon } from '../support/daemon.ts';
import { headway } from '../support/headway.ts';
import { component, environment, example, immediatePolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { chapters } from './story.ts';

const ENTRY = 'shop/desk';
/** Mounts come in the order of the grants' names: place 0 is the templates, 1 the uploads. */
const GRANTS = `  capabilities:
    - {name: templates, filesystem: {path: templates/mail, mountPath: /templates}}
    - {name: uploads, filesystem: {volume: uploads, mountPath: /uploads, access: ReadWrite, maxSize: 1Mi}}
`;

function desk(attempt: string, extra = GRANTS): Changes {
  const document = component({
    name: 'desk',
    wasm: 'wasm/testbed-files.wasm',
    rollout: '{policyRef: {name: now}}',
    attempt,
    extra,
  });
  return { 'shop/desk.yaml': document };
}

const FIRST: Changes = {
  'environment.yaml': environment({ tenants: ['shop', 'platform'] }),
  'shop/policies.yaml': immediatePolicy(),
  'shop/route.yaml': route({ name: 'desk' }),
  'wasm/testbed-files.wasm': example('testbed-files'),
  'templates/mail/welcome.txt': 'Welcome.',
  'templates/mail/parts/foot.txt': 'Bye.',
  ...desk('first'),
};

async function run(daemon: Daemon, ...commands: readonly string[]): Promise<readonly string[]> {
  const { status, body } = await daemon.ask(`/run?${commands.join(';')}`, 'test.example');
  expect(status).toBe(200);
  return body.split('\n');
}

const welcome = ['open:0:5:welcome.txt:-:r', 'read:5:99:0'];
const stored = ['open:1:6:order.txt:-:r', 'read:6:99:0'];

describe('files', () => {
  const now = chapters(FIRST);

  it('templates come from git, uploads go to a volume', async () => {
    const { daemon } = now();
    await daemon.entry(ENTRY, 'it is proven', ({ proven }) => proven !== undefined);
    expect(await run(daemon, ...welcome, 'list:0')).toEqual([
      'ok',
      'Welcome. (end)',
      '2 parts/directory welcome.txt/regular-file',
    ]);
    expect(await run(daemon, 'open:0:7:welcome.txt:-:rw', 'open:1:7:order.txt:c:w', 'write:7:0:an-order')).toEqual([
      'read-only',
      'ok',
      '8',
    ]);
  });

  it('a template that changes is another revision; the uploads stay', async () => {
    const { daemon, repository } = now();
    const commit = await repository.push('a warmer welcome', { 'templates/mail/welcome.txt': 'Welcome back.' });
    await daemon.entry(ENTRY, 'it is proven', ({ proven }) => proven?.commit === commit);
    expect(await run(daemon, ...welcome, ...stored)).toEqual(['ok', 'Welcome back. (end)', 'ok', 'an-order (end)']);
  });

  it('uploads outlive broker and engine, killed', async () => {
    const { daemon, folder } = now();
    const broker = daemon.one('broker');
    process.kill(broker, 'SIGKILL');
    await daemon.another('broker', broker);
    expect(await run(daemon, ...stored)).toEqual(['ok', 'an-order (end)']);
    const { epoch } = (await daemon.status())!.engine;
    process.kill(daemon.one('engine'), 'SIGKILL');
    await daemon.until('another engine serves', ({ engine, ready }) => ready && engine.epoch !== epoch);
    expect(await run(daemon, ...stored)).toEqual(['ok', 'an-order (end)']);
    expect(readFileSync(path.join(folder, 'data/volumes/shop/uploads/order.txt'), 'utf8')).toBe('an-order');
  });

  it('a Policy that is tightened holds at once, for what is open as well; all of it is in the audit', async () => {
    const { daemon, repository, folder } = now();
    expect(await run(daemon, 'open:1:8:order.txt:-:rw', 'write:8:0:An')).toEqual(['ok', '2']);
    const ceiling = `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: ceiling}
spec:
  namespaces: [shop]
  capabilities: [{name: files, filesystem: {volumes: [uploads], paths: [templates], access: ReadOnly}}]
`;
    await repository.push('files are read', { 'platform/ceiling.yaml': ceiling });
    await daemon.until('the Policy is in force', ({ diagnostics }) =>
      diagnostics.some(({ message }) => message.includes('uploads')),
    );
    const deadline = performance.now() + 30_000;
    let said: readonly string[] = [];
    while (said[0] !== 'read-only' && performance.now() < deadline) said = await run(daemon, 'write:8:0:An');
    expect(said).toEqual(['read-only']);
    expect(await run(daemon, ...welcome, ...stored)).toEqual(['ok', 'Welcome back. (end)', 'ok', 'An-order (end)']);
    const deadlineOfAudit = performance.now() + 30_000;
    let text = '';
    const wanted = ['mount templates/mail', 'write uploads', 'beyond the capabilities of Policy ceiling'];
    while (!wanted.every((part) => text.includes(part)) && performance.now() < deadlineOfAudit) {
      text = (await headway(['audit', 'show', '--data', path.join(folder, 'data'), '--format', 'json'])).out;
    }
    expect(wanted.filter((part) => !text.includes(part))).toEqual([]);
  });

  it('a folder that is gone keeps the last form serving, and lint says it beforehand', async () => {
    const { daemon, repository } = now();
    await repository.push('no templates', {
      'templates/mail/welcome.txt': null,
      'templates/mail/parts/foot.txt': null,
    });
    await daemon.until('it is said', ({ diagnostics }) => diagnostics.some(({ code }) => code === 'HW1242'));
    expect(await run(daemon, ...welcome)).toEqual(['ok', 'Welcome back. (end)']);
    const linted = await headway(['lint', repository.work]);
    expect(linted.out).toContain('HW1242');
  });
});
