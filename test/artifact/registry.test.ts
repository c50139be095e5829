import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SupplyOptions } from '../../src/artifact/supply.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { DockerRegistry, TokenServer, type RegistryAuth } from '../support/docker-registry.ts';
import { config, imageAt, index, layer, manifest, SPIN_CONFIG, SPIN_WASM, type Part } from './images.ts';
import { NEVER, place, supplyIn } from './support.ts';

const LOGIN = { username: 'deploy', password: 'p@ss-wörd-secret' };
const WASM = Buffer.from(`\0asm-${'x'.repeat(20_000)}`);
const there = place();

async function push(registry: DockerRegistry, repository: string, parts: readonly Part[], by = config(), tag?: string) {
  for (const { bytes } of [by, ...parts]) await registry.pushBlob(repository, bytes);
  const document = manifest(parts, by);
  return { document, digest: await registry.pushManifest(repository, document, tag) };
}

async function dockerConfig(name: string, auths: object): Promise<string> {
  const file = path.join(there().folder, `${name}.json`);
  await writeFile(file, JSON.stringify({ auths, credsStore: 'desktop' }));
  return file;
}

const basic = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');

function started(name: string, auth: () => RegistryAuth | Promise<RegistryAuth>): () => DockerRegistry {
  let registry: DockerRegistry | undefined;
  beforeAll(async () => {
    registry = await DockerRegistry.start(path.join(there().folder, name), there().certificate, await auth());
  });
  afterAll(() => registry?.stop());
  return () => registry!;
}

function supply(registry: DockerRegistry, more: Partial<SupplyOptions> = {}) {
  const hosts = [{ host: registry.host, caFile: there().certificate.caFile }, ...(more.hosts ?? [])];
  return supplyIn(there().folder, { ...more, hosts });
}

describe('an open registry', () => {
  const registry = started('open', () => ({ type: 'Anonymous' }));

  it('gives the component of a manifest, all of it verified and kept', async () => {
    const { digest } = await push(registry(), 'shop/cart', [layer(WASM)], config(), '1.0');
    const { supply: from, store } = supply(registry());
    const member = imageAt(`${registry().host}/shop/cart`, digest);
    expect(await from.fetch(member, NEVER)).toEqual({ ok: true, value: undefined });
    expect(await from.component(member)).toEqual({ ok: true, value: WASM });
    expect(await from.parts(member)).toEqual([digest, digestOfBytes(WASM)]);
    for (const part of await from.parts(member)) expect(await store.has(part)).toBe(true);
  });

  it('gives the component of an index, and of a Spin application', async () => {
    const { document } = await push(registry(), 'shop/multi', [layer(WASM)]);
    const spin = await push(registry(), 'shop/multi', [layer(WASM, SPIN_WASM)], config(SPIN_CONFIG));
    const both = index(
      { document, platform: { architecture: 'wasm', os: 'wasip2' } },
      { document: spin.document, platform: { architecture: 'amd64', os: 'linux' } },
    );
    const digest = await registry().pushManifest('shop/multi', both);
    const { supply: from } = supply(registry());
    const member = imageAt(`${registry().host}/shop/multi`, digest);
    expect(await from.fetch(member, NEVER)).toMatchObject({ ok: true });
    expect(await from.component(member)).toEqual({ ok: true, value: WASM });
    expect(await from.parts(member)).toHaveLength(3);
    const spun = imageAt(`${registry().host}/shop/multi`, spin.digest);
    expect(await from.fetch(spun, NEVER)).toMatchObject({ ok: true });
    expect(await from.component(spun)).toEqual({ ok: true, value: WASM });
  });

  it('what was fetched once needs no registry, and what is missing again is fetched again', async () => {
    const { digest } = await push(registry(), 'shop/again', [layer(Buffer.from('\0asm-again'))]);
    const { supply: from, store } = supply(registry());
    const member = imageAt(`${registry().host}/shop/again`, digest);
    await from.fetch(member, NEVER);
    const away = imageAt('127.0.0.1:1/shop/again', digest);
    expect(await from.fetch(away, NEVER)).toMatchObject({ ok: true });
    expect(await from.component(away)).toMatchObject({ ok: true });
    const other = supply(registry());
    expect(await other.supply.component(member)).toMatchObject({ ok: false, error: { code: 'HW2005' } });
    expect(await store.has(digest)).toBe(true);
  });

  it.each([
    ['a digest that it has not', 'shop/cart', 'HW2404', 'Waiting'],
    ['a repository that it has not', 'shop/none', 'HW2404', 'Waiting'],
  ])('%s', async (_name, repository, code, policy) => {
    const member = imageAt(`${registry().host}/${repository}`, digestOfBytes(Buffer.from('none')));
    expect(await supply(registry()).supply.fetch(member, NEVER)).toMatchObject({ ok: false, error: { code, policy } });
  });

  it('a container image is refused by its media types', async () => {
    const tar = layer(WASM, 'application/vnd.oci.image.layer.v1.tar+gzip');
    const { digest } = await push(registry(), 'shop/image', [tar], config('application/vnd.oci.image.config.v1+json'));
    const member = imageAt(`${registry().host}/shop/image`, digest);
    const outcome = await supply(registry()).supply.fetch(member, NEVER);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2420', policy: 'Terminal' } });
  });

  it('a component over the cap is refused before a byte of it is asked for', async () => {
    const { digest } = await push(registry(), 'shop/large', [layer(new Uint8Array(100_001))]);
    const outcome = await supply(registry()).supply.fetch(imageAt(`${registry().host}/shop/large`, digest), NEVER);
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: 'HW2002', message: /has 100001 bytes; at most 100000/ },
    });
  });
});

describe('a registry with users', () => {
  const registry = started('basic', () => ({ type: 'Basic', login: LOGIN }));

  it('gives it to who has the login in a docker file, or in the host’s own', async () => {
    const { digest } = await push(registry(), 'shop/cart', [layer(WASM)]);
    const member = imageAt(`${registry().host}/shop/cart`, digest);
    const secrets: string[] = [];
    const file = await dockerConfig('basic', { [`https://${registry().host}/v2/`]: { auth: basic } });
    const protect = (more: readonly string[]) => void secrets.push(...more);
    expect(await supply(registry(), { dockerConfig: file, protect }).supply.fetch(member, NEVER)).toMatchObject({
      ok: true,
    });
    expect(secrets).toContain(LOGIN.password);
    const own = {
      host: registry().host,
      caFile: there().certificate.caFile,
      credentials: () => ({ type: 'basic', ...LOGIN }) as const,
    };
    expect(await supplyIn(there().folder, { hosts: [own] }).supply.fetch(member, NEVER)).toMatchObject({ ok: true });
  });

  it('the key that names the repository wins over that of the registry', async () => {
    const { digest } = await push(registry(), 'shop/cart', [layer(WASM)]);
    const wrong = { username: 'deploy', password: 'wrong' };
    const auths = {
      [registry().host]: wrong,
      [`${registry().host}/shop`]: { auth: basic },
      [`${registry().host}/sho`]: wrong,
    };
    const file = await dockerConfig('paths', auths);
    const member = imageAt(`${registry().host}/shop/cart`, digest);
    expect(await supply(registry(), { dockerConfig: file }).supply.fetch(member, NEVER)).toMatchObject({ ok: true });
  });

  it('not to others, and the message holds no secret', async () => {
    const { digest } = await push(registry(), 'shop/cart', [layer(WASM)]);
    const member = imageAt(`${registry().host}/shop/cart`, digest);
    const wrong = await dockerConfig('wrong', { [registry().host]: { username: 'deploy', password: 'wrong-secret' } });
    for (const file of [undefined, wrong]) {
      const outcome = await supply(registry(), file ? { dockerConfig: file } : {}).supply.fetch(member, NEVER);
      expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2403', policy: 'Waiting' } });
      expect(JSON.stringify(outcome)).not.toContain('secret');
    }
  });

  it.each([
    ['that is missing', undefined],
    ['that is not JSON', '{"auths": {"x": {"auth": "c2VjcmV0"'],
    ['with an auth that is none', JSON.stringify({ auths: { REGISTRY: { auth: 'c2VjcmV0' } } })],
  ])('a docker file %s is said, without what is in it', async (_name, text) => {
    const file = path.join(there().folder, 'broken.json');
    if (text) await writeFile(file, text.replace('REGISTRY', registry().host));
    const member = imageAt(`${registry().host}/shop/cart`, digestOfBytes(WASM));
    const dockerFile = text ? file : '/nowhere/config.json';
    const outcome = await supply(registry(), { dockerConfig: dockerFile }).supply.fetch(member, NEVER);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2423' } });
    expect(JSON.stringify(outcome)).not.toMatch(/secret|c2VjcmV0/);
  });
});

describe('a registry with a token server', () => {
  let tokens: TokenServer;
  beforeAll(async () => {
    tokens = await TokenServer.start(there().certificate, LOGIN);
  });
  afterAll(() => tokens?.stop());
  const registry = started('token', () => ({ type: 'Token', tokens }));
  const tokenHost = () => ({ host: tokens.server.host, caFile: there().certificate.caFile });

  it.each([
    ['a login', () => ({ auth: basic })],
    ['a refresh token', () => ({ auth: basic, identitytoken: LOGIN.password })],
  ])('changes %s into a token for this repository', async (_name, auth) => {
    const { digest } = await push(registry(), 'shop/cart', [layer(WASM)]);
    const member = imageAt(`${registry().host}/shop/cart`, digest);
    const file = await dockerConfig('token', { [registry().host]: auth() });
    tokens.server.seen.length = 0;
    const { supply: from } = supply(registry(), { dockerConfig: file, hosts: [tokenHost()] });
    expect(await from.fetch(member, NEVER)).toMatchObject({ ok: true });
    expect(tokens.server.seen).toHaveLength(1);
    const asked = decodeURIComponent(tokens.server.seen[0]!.url + tokens.server.seen[0]!.body);
    expect(asked).toContain('scope=repository:shop/cart:pull');
  });

  it('gives none to others', async () => {
    const { digest } = await push(registry(), 'shop/cart', [layer(WASM)]);
    const member = imageAt(`${registry().host}/shop/cart`, digest);
    const outcome = await supply(registry(), { hosts: [tokenHost()] }).supply.fetch(member, NEVER);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2403' } });
  });

  it('inside the network is not asked unless the host names it', async () => {
    const { digest } = await push(registry(), 'shop/cart', [layer(WASM)]);
    const outcome = await supply(registry()).supply.fetch(imageAt(`${registry().host}/shop/cart`, digest), NEVER);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2410' } });
  });
});
