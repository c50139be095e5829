/** Secrets in the real program: who gets a value, and everything that must not have it. */
import { chmod, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIdentity } from '../../src/secret/identities.ts';
import { seal } from '../../src/secret/seal.ts';
import { Daemon } from '../support/daemon.ts';
import { headway } from '../support/headway.ts';
import { component, example, route, shop } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';
import { secret } from '../support/sealed.ts';
import { provenAfter, removeFolder, standingFolder, toldOf } from './story.ts';

const KEY = 'shop/greeting';
const CANARY = 'canary-5e1d-token';
const SECOND = 'canary-77b0-newer';
const AT = 'shop/pay.yaml';

const uses = (key = 'token') => ({
  'shop/greeting.yaml': component({
    wasm: 'wasm/testbed.wasm',
    rollout: '{policyRef: {name: now}}',
  }).replace('env: [', `env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: pay, key: ${key}}}}, `),
});

describe('a Secret', () => {
  let folder: string;
  let repository: Repository;
  let daemon: Daemon;
  let recipient: string;

  beforeAll(async () => {
    folder = await standingFolder();
    recipient = await newIdentity('identity.txt');
    repository = await Repository.create(path.join(folder, 'git'));
    await repository.push('Start', {
      ...shop(),
      'shop/route.yaml': route({}),
      'wasm/testbed.wasm': example('testbed'),
      ...uses(),
      ...(await pay('1', CANARY)),
    });
    const runtime = `apiVersion: headway.dev/v1alpha1
kind: Runtime
repository: {url: "${repository.url}"}
secrets: {identityFiles: [identity.txt]}
log: {level: trace}
`;
    await writeFile(path.join(folder, 'runtime.yaml'), runtime);
    daemon = await Daemon.start({ config: path.join(folder, 'runtime.yaml'), data: path.join(folder, 'data') });
  });

  afterAll(async () => {
    await daemon?.stop();
    await removeFolder(folder);
  });

  async function newIdentity(name: string): Promise<string> {
    const made = await createIdentity(path.join(folder, name));
    if (!made.ok) throw new Error(made.error.message);
    return made.value;
  }

  async function pay(version: string, value: string, recipients = [recipient]) {
    const sealed = await seal({ secret: 'shop/pay', key: 'token', version }, value, recipients);
    if (!sealed.ok) throw new Error(sealed.error.message);
    return { [AT]: secret({ recipients, data: `{name: token, version: "${version}", encrypted: ${sealed.value}}` }) };
  }

  const env = async () => (await daemon.ask('/env', 'any')).body;

  /** Everything that is written, shown, said or listed, as one text for each place. */
  async function places(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>([['the output of all processes', daemon.output]]);
    const files = await readdir(path.join(folder, 'data'), { recursive: true, withFileTypes: true });
    for (const file of files.filter((one) => one.isFile())) {
      const at = path.join(file.parentPath, file.name);
      found.set(at, await readFile(at, 'latin1').catch(() => ''));
    }
    for (const at of ['/api/v1/state', '/metrics', '/']) {
      found.set(at, await (await fetch(`${daemon.statusUrl}${at}`)).text());
    }
    const events = await fetch(`${daemon.statusUrl}/api/v1/events`);
    const reader = events.body!.getReader();
    const { value } = await reader.read();
    found.set('/api/v1/events', Buffer.from(value ?? []).toString());
    await reader.cancel();
    const address = ['--status', daemon.statusAddress];
    for (const args of [
      ['status', '--json', ...address],
      ['explain', KEY, '--json', ...address],
    ]) {
      const { out, err } = await headway(args);
      found.set(args[0]!, out + err);
    }
    const { out, err } = await headway(['plan', 'HEAD~1..HEAD', '--format', 'json', '--repo', repository.work]);
    found.set('plan', out + err);
    for (const pid of [...daemon.processes().values()].flat()) {
      for (const part of ['cmdline', 'environ']) {
        found.set(`${part} of ${pid}`, await readFile(`/proc/${pid}/${part}`, 'latin1').catch(() => ''));
      }
    }
    return found;
  }

  async function holders(...values: readonly string[]): Promise<readonly string[]> {
    const forms = values.flatMap((value) => [value, Buffer.from(value).toString('base64').replace(/=+$/, '')]);
    return [...(await places())].filter(([, text]) => forms.some((form) => text.includes(form))).map(([at]) => at);
  }

  it('is in the environment of the component that was given it, and nowhere else', async () => {
    await provenAfter(daemon, undefined, KEY);
    expect(await env()).toContain(`TOKEN=${CANARY}`);
    // A guest that says what it was given: the line is there, the value is not.
    expect((await daemon.ask(`/log?text=said-${CANARY}&times=1`, 'any')).status).toBe(200);
    await daemon.becomes('the line of the guest is in the log', () => daemon.output.includes('said-***'));
    // The search finds what is there: the place of the value in the journal, the entry in the status.
    const seen = [...(await holders('shop/pay')), ...(await holders(KEY))].join();
    for (const at of ['journal', '/api/v1/state', '/api/v1/events', 'explain']) expect(seen).toContain(at);
    expect(await holders(CANARY)).toEqual([]);
  });

  it('encrypted for others too, or anew for the same, is no rollout', async () => {
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    const other = await newIdentity('other.txt');
    const commit = await repository.push('Rotate', await pay('1', CANARY, [recipient, other]));
    const status = await daemon.until('it is decided on', ({ commits }) => commits[0]?.commit === commit);
    const after = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    expect([after.serving?.release, after.candidate]).toEqual([before.serving?.release, undefined]);
    expect(toldOf(status.timeline, commit, KEY)).toEqual([]);
  });

  it('that cannot be opened stops its rollout and nothing else: a dead replica comes back with the old one', async () => {
    const before = await daemon.entry(KEY, 'it serves', ({ replicas }) => replicas[0]?.phase === 'Ready');
    const stranger = await newIdentity('stranger.txt');
    await repository.push('For somebody else', await pay('2', SECOND, [stranger]));
    const waiting = await daemon.entry(KEY, 'it says why', ({ conditions }) =>
      conditions.some(({ message }) => message.includes('HW5100')),
    );
    expect(waiting.serving?.release).toBe(before.serving?.release);
    expect(waiting.conditions.map(({ message }) => message).join()).toContain(
      'Secret shop/pay, key `token`, version 2 cannot be opened: the identity given is not among its recipients',
    );
    const { pid } = before.replicas[0]!;
    process.kill(pid!, 'SIGKILL');
    await daemon.entry(KEY, 'another replica is ready', ({ replicas }) =>
      replicas.some((replica) => replica.phase === 'Ready' && replica.pid !== pid),
    );
    expect(await env()).toContain(`TOKEN=${CANARY}`);
  });

  it('goes live by itself when the host gets the identity, and rolls back to the old value with a revert', async () => {
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    const [file, both] = ['identity.txt', 'both.txt'].map((name) => path.join(folder, name)) as [string, string];
    const texts = ['identity.txt', 'stranger.txt'].map((name) => readFile(path.join(folder, name), 'utf8'));
    await writeFile(both, (await Promise.all(texts)).join(''), { mode: 0o600 });
    await rename(both, file);
    const after = await provenAfter(daemon, before, KEY);
    expect(await env()).toContain(`TOKEN=${SECOND}`);
    await repository.revert();
    await daemon.entry(KEY, 'the old release serves', ({ serving }) => serving?.release === before.serving?.release);
    // Status says what was decided; the snapshot is in force a moment later.
    await expect.poll(env).toContain(`TOKEN=${CANARY}`);
    expect(after.serving?.release).not.toBe(before.serving?.release);
    expect(await holders(CANARY, SECOND)).toEqual([]);
  });

  it('of before that no longer opens holds a rollback up, says why, and lets it go on when it opens again', async () => {
    const [file, aside] = ['identity.txt', 'aside.txt'].map((name) => path.join(folder, name)) as [string, string];
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    const newer = await newIdentity('newer.txt');
    const both = [await readFile(file, 'utf8'), await readFile(path.join(folder, 'newer.txt'), 'utf8')].join('');
    await writeFile(aside, both, { mode: 0o600 });
    await rename(aside, file);
    await repository.push('Another', await pay('9', SECOND, [newer]));
    const after = await provenAfter(daemon, before, KEY);
    await writeFile(aside, await readFile(path.join(folder, 'newer.txt')), { mode: 0o600 });
    await rename(aside, file);
    await repository.revert();
    const waiting = await daemon.entry(KEY, 'it says why', ({ conditions }) =>
      conditions.some(({ message }) => message.includes('HW5100')),
    );
    expect(waiting.serving?.release).toBe(after.serving?.release);
    expect(waiting.conditions.map(({ reason }) => reason)).toContain('Waiting');
    expect(waiting.conditions.map(({ reason }) => reason)).not.toContain('RolledBack');
    await writeFile(aside, both, { mode: 0o600 });
    await rename(aside, file);
    await daemon.entry(KEY, 'the old release serves', ({ serving }) => serving?.release === before.serving?.release);
    await expect.poll(env).toContain(`TOKEN=${CANARY}`);
  });

  it('damaged, or copied to another key, waits with the place; a file that others can read opens nothing', async () => {
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    const text = (await pay('3', SECOND))[AT]!;
    await repository.push('Copied', { [AT]: text.replace('name: token,', 'name: copied,'), ...uses('copied') });
    await daemon.entry(KEY, 'it is of another place', ({ conditions }) =>
      conditions.some(({ message }) => message.includes('HW5102')),
    );
    await repository.push('Damaged', {
      [AT]: text.replace(/.(?=.{8}\}\])/, (one) => (one === 'A' ? 'B' : 'A')),
      ...uses(),
    });
    await daemon.entry(KEY, 'it is damaged', ({ conditions }) =>
      conditions.some(({ message }) => message.includes('HW5101')),
    );
    await chmod(path.join(folder, 'identity.txt'), 0o644);
    await repository.push('Whole', await pay('4', SECOND));
    const waiting = await daemon.entry(KEY, 'the file is refused', ({ conditions }) =>
      conditions.some(({ message }) => message.includes('may be read by others (mode 0644)')),
    );
    expect(waiting.serving?.release).toBe(before.serving?.release);
    expect(await env()).toContain(`TOKEN=${CANARY}`);
    expect(await holders(CANARY, SECOND)).toEqual([]);
  });
});
