import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMirror, type Mirror } from '../../src/git/mirror.ts';
import type { Signer } from '../../src/model/trust.ts';
import { keepingLog } from '../support/log.ts';
import { Repository } from '../support/repository.ts';
import { endAgent, openPgpKey, sign, signedCommit, sshKey, type Key } from '../support/signing.ts';

let folder: string;
let repository: Repository;
let mirror: Mirror;
const keys = new Map<string, Key>();
const commits = new Map<string, string>();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
  repository = await Repository.create(path.join(folder, 'git'));
  for (const [name, type] of [
    ['ada', 'ed25519'],
    ['eve', 'ed25519'],
    ['rsa', 'rsa'],
    ['ecdsa', 'ecdsa'],
  ] as const) {
    keys.set(name, await sshKey(folder, name, type));
  }
  for (const name of ['bob', 'mallory']) keys.set(name, await openPgpKey(folder, name));
  commits.set('nobody', await repository.commit('unsigned', { 'a.txt': '0' }));
  for (const [index, [name, key]] of [...keys].entries()) {
    commits.set(name, await signedCommit(repository, name, { 'a.txt': String(index + 1) }, key));
  }
  await repository.git('push', '-q', 'origin', 'HEAD:main');
  const opened = await openMirror({
    url: repository.url,
    ref: 'main',
    path: '.',
    folder: path.join(folder, 'data'),
    allowFile: true,
    log: keepingLog().log,
  });
  if (!opened.ok) throw new Error(opened.error.message);
  mirror = opened.value;
  await mirror.look();
});

afterAll(async () => {
  mirror?.close();
  for (const key of keys.values()) await endAgent(key);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const signer = (name: string): Signer => keys.get(name)!.signer;

async function signaturesBy(signers: readonly Signer[]) {
  const found = await mirror.signatures!([...commits.values()], signers);
  if (!found.ok) throw new Error(found.error.message);
  return new Map([...commits].map(([name, commit]) => [name, found.value.get(commit)]));
}

describe('who signed a commit', () => {
  it.each(['ada', 'rsa', 'ecdsa', 'bob'])('%s, by name and fingerprint, where the key is listed', async (name) => {
    const found = await signaturesBy([signer(name)]);
    expect(found.get(name)).toEqual({ signer: name, fingerprint: keys.get(name)!.fingerprint });
    // Good signatures by keys that nobody listed, and none at all, are the same.
    expect([...found].filter(([, signed]) => signed !== undefined).map(([other]) => other)).toEqual([name]);
  });

  it('both kinds of keys at once', async () => {
    const found = await signaturesBy([signer('ada'), signer('bob'), signer('rsa')]);
    expect([...found].filter(([, signed]) => signed).map(([name, signed]) => [name, signed?.signer])).toEqual([
      ['ada', 'ada'],
      ['rsa', 'rsa'],
      ['bob', 'bob'],
    ]);
  });

  it('nobody, where the signature is another commit’s', async () => {
    const raw = await repository.git('cat-file', 'commit', commits.get('ada')!);
    const { execFileSync } = await import('node:child_process');
    const forged = execFileSync('git', ['-C', repository.work, 'hash-object', '-t', 'commit', '-w', '--stdin'], {
      input: `${raw.replace('\n\nada', '\n\nadb')}\n`,
      encoding: 'utf8',
    }).trim();
    await repository.git('push', '-q', '-f', 'origin', `${forged}:refs/heads/main`);
    await mirror.look();
    const found = await mirror.signatures!([forged], [signer('ada')]);
    expect(found).toEqual({ ok: true, value: new Map() });
  });

  it('nobody, where a key that is listed stands under a name that would be another field', async () => {
    const injected: Signer = { name: 'ada', type: 'ssh', key: signer('eve').key };
    const found = await signaturesBy([injected]);
    expect(found.get('ada')).toBeUndefined();
    expect(found.get('eve')?.signer).toBe('ada');
  });

  it('a text that is no key is a problem of its own, not an unsigned commit', async () => {
    const broken: Signer = {
      name: 'bob',
      type: 'openpgp',
      key: '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n',
    };
    const found = await mirror.signatures!([commits.get('bob')!], [broken]);
    expect(found).toMatchObject({ ok: false, error: { code: 'HW3041' } });
  });

  it('takes no commit by another name than its id', async () => {
    expect(await mirror.signatures!(['--help'], [signer('ada')])).toMatchObject({ ok: false });
  });
});

describe('which commits change something below a folder', () => {
  it('on every parent; merges only where they change it themselves', async () => {
    const base = await repository.commit('base', { 'platform/x': '0', 'shop/x': '0' });
    await repository.git('switch', '-q', '-c', 'side');
    const side = await repository.commit('side', { 'platform/y': '1' });
    await repository.git('switch', '-q', 'main');
    await repository.commit('shop only', { 'shop/x': '1' });
    await repository.git('merge', '-q', '--no-ff', '--no-commit', 'side');
    const evil = await repository.commit('merge that changes more', { 'platform/z': '2' });
    const head = await sign(repository, keys.get('ada')!);
    await repository.git('push', '-q', '-f', 'origin', 'HEAD:main');
    await mirror.look();
    const touching = await mirror.touching!(base, head, 'platform');
    expect(evil).not.toBe(head);
    expect(touching.ok && [...touching.value].sort()).toEqual([side, head].sort());
    const shop = await mirror.touching!(base, head, 'shop');
    expect(shop.ok && shop.value).toHaveLength(1);
    const none = await mirror.touching!(base, head, 'plat*');
    expect(none.ok && none.value).toEqual([]);
  });
});
