import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { config, layer, manifest } from '../artifact/images.ts';
import { makeCertificate, type TestCertificate } from '../support/certificate.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { headway } from '../support/headway.ts';
import { HostileServer } from '../support/hostile-server.ts';
import { environment } from '../support/manifests.ts';

const LOGIN = { username: 'deploy', password: 'a-registry-secret' };
const FILE = Buffer.from('\0asm-from-the-web');
let folder: string;
let fleet: string;
let certificate: TestCertificate;
let registry: DockerRegistry;
let web: HostileServer;
let digests: readonly Digest[];

async function push(content: string, tag: string): Promise<Digest> {
  const bytes = Buffer.from(`\0asm-${content}`);
  for (const part of [config().bytes, bytes]) await registry.pushBlob('shop/cart', part);
  return registry.pushManifest('shop/cart', manifest([layer(bytes)]), tag);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
  certificate = await makeCertificate(folder);
  registry = await DockerRegistry.start(path.join(folder, 'registry'), certificate, { type: 'Basic', login: LOGIN });
  web = await HostileServer.start(certificate);
  web.answer(
    (request, response) => void (request.url === '/c.wasm' ? response.end(FILE) : response.writeHead(404).end()),
  );
  digests = [await push('one', '1.0'), await push('two', '2.0')];
  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
  await writeFile(path.join(folder, 'docker.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  await writeFile(
    path.join(folder, 'runtime.yaml'),
    `apiVersion: headway.dev/v1alpha1
kind: Runtime
repository: {url: "https://git.example.com/fleet.git"}
artifacts:
  dockerConfig: docker.json
  hosts: [{host: "${registry.host}", caFile: ca.pem}, {host: "${web.host}", caFile: ca.pem}]
`,
  );
});

afterAll(async () => {
  await registry?.stop();
  await web?.stop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  fleet = await mkdtemp(path.join(folder, 'fleet-'));
  await mkdir(path.join(fleet, 'shop'));
  await writeFile(path.join(fleet, 'environment.yaml'), environment());
});

const source = (text: string, name = 'cart'): string =>
  `# ${name}, with care\napiVersion: headway.dev/v1alpha1\nkind: Component\nmetadata: {name: ${name}, namespace: shop}\nspec:\n  source: ${text} # pinned\n`;
const image = (tag: string, more = ''): string => `{oci: {image: "${registry.host}/shop/cart", tag: "${tag}"${more}}}`;
const file = (name = 'cart'): string => path.join(fleet, `shop/${name}.yaml`);
const lock = (...flags: string[]) => headway(['lock', fleet, '--config', path.join(folder, 'runtime.yaml'), ...flags]);
const lint = () => headway(['lint', fleet]);

it('writes what lint asks for, and then there is nothing to do', async () => {
  await writeFile(file(), source(image('1.0')), { mode: 0o640 });
  await writeFile(file('web'), source(`{https: {url: "${web.url('c.wasm')}"}}`, 'web'));
  const before = await lint();
  expect([before.code, before.out]).toEqual([1, expect.stringContaining('HW2441')]);
  expect(before.out).toContain('headway lock');
  const check = await lock('--check');
  expect([check.code, check.out]).toEqual([1, expect.stringContaining('shop/cart.yaml:6:17')]);
  expect(await readFile(file(), 'utf8')).toBe(source(image('1.0')));

  const run = await lock();
  expect([run.code, run.err]).toEqual([0, '']);
  expect(run.out).toContain('2 written, 0 as before');
  expect(await readFile(file(), 'utf8')).toBe(source(image('1.0', `, digest: "${digests[0]}"`)));
  expect(await readFile(file('web'), 'utf8')).toContain(digestOfBytes(FILE));
  expect((await lint()).out).not.toContain('HW2441');
  expect((await lock('--check')).code).toBe(0);
  expect((await lock()).out).toContain('0 written, 2 as before');
});

it('follows a tag only when it is asked to', async () => {
  const old = source(image('2.0', `, digest: "${digests[0]}"`));
  await writeFile(file(), old);
  expect((await lock()).code).toBe(0);
  expect(await readFile(file(), 'utf8')).toBe(old);
  expect((await lock('--check', '--update')).code).toBe(1);
  expect(await readFile(file(), 'utf8')).toBe(old);
  expect((await lock('--update')).code).toBe(0);
  expect(await readFile(file(), 'utf8')).toBe(old.replace(digests[0]!, digests[1]!));
});

it.each([
  ['a tag that is not there', () => image('9.9'), 'HW2404'],
  ['a server that is away', () => '{oci: {image: "127.0.0.1:1/shop/cart", tag: "1.0"}}', 'HW2410'],
  ['a file that is not there', () => `{https: {url: "${web.url('none')}"}}`, 'HW2404'],
])('%s: said with its place, exit 2, and the others are written', async (_name, text, code) => {
  await writeFile(file(), source(image('1.0')));
  await writeFile(file('lost'), source(text(), 'lost'));
  const run = await lock();
  expect(run.code).toBe(2);
  expect(run.err).toContain('shop/lost.yaml:6:1');
  expect(run.err).toContain(code);
  expect(await readFile(file('lost'), 'utf8')).toBe(source(text(), 'lost'));
  expect(await readFile(file(), 'utf8')).toContain(digests[0]);
});

it('without the login it says so, and shows no secret', async () => {
  await writeFile(file(), source(image('1.0')));
  const wrong = path.join(folder, 'wrong.json');
  await writeFile(
    wrong,
    JSON.stringify({ auths: { [registry.host]: { username: 'deploy', password: 'not-the-secret' } } }),
  );
  const run = await lock('--docker-config', wrong);
  expect([run.code, run.err]).toEqual([2, expect.stringContaining('HW2403')]);
  expect(run.out + run.err).not.toContain('secret');
});

it('leaves out what `.headway.yaml` leaves out', async () => {
  await writeFile(file(), source(image('1.0')));
  await mkdir(path.join(fleet, 'charts'));
  await writeFile(path.join(fleet, 'charts/x.yaml'), '{{ template }}: [');
  expect((await lock()).code).toBe(2);
  const config = 'apiVersion: headway.dev/v1alpha1\nkind: Lint\nignore: ["charts/**"]\n';
  await writeFile(path.join(fleet, '.headway.yaml'), config);
  expect(await lock()).toMatchObject({ code: 0, err: '', out: '0 written, 1 as before\n' });
  await writeFile(path.join(fleet, '.headway.yaml'), `${config}ignored: []\n`);
  expect(await lock()).toMatchObject({ code: 2, err: expect.stringContaining('HW1013') as string });
});

describe('bases', () => {
  const within = (name: string): string => path.join(fleet, name);
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    await mkdir(within('.git'), { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(within(name)), { recursive: true });
      await writeFile(within(name), text);
    }
    await rm(within('environment.yaml'), { force: true });
  };
  const over = (more = '') => environment({ extra: `  bases: [../../base]\n${more}` });
  const patch = (text: string) =>
    `  patches: [{target: {kind: Component, namespace: shop, name: cart}, patch: {spec: {source: ${text}}}}]\n`;
  const lockIn = (at: string, ...flags: string[]) =>
    headway(['lock', within(at), '--config', path.join(folder, 'runtime.yaml'), ...flags]);

  it('outside of the folder are not edited: it says where to run, and there it is written', async () => {
    await write({ 'environments/live/environment.yaml': over(), 'base/shop/cart.yaml': source(image('1.0')) });
    for (const flags of [[], ['--check']]) {
      const { code, out } = await lockIn('environments/live', ...flags);
      expect([code, out]).toEqual([1, expect.stringContaining(`run \`headway lock ${within('base')}\``)]);
      expect(out).toContain('../../base/shop/cart.yaml:6:17');
    }
    expect(await readFile(within('base/shop/cart.yaml'), 'utf8')).toBe(source(image('1.0')));
    const there = await lockIn('base');
    expect([there.code, there.err]).toEqual([0, '']);
    expect(await readFile(within('base/shop/cart.yaml'), 'utf8')).toContain(digests[0]);
    const again = await lockIn('environments/live');
    expect([again.code, again.out]).toEqual([0, '0 written, 1 as before\n']);
  });

  it('inside of it are written with the rest', async () => {
    await write({ 'environments/live/environment.yaml': over(), 'base/shop/cart.yaml': source(image('1.0')) });
    const { code, out } = await lockIn('.');
    expect([code, out]).toEqual([0, expect.stringContaining('1 written, 0 as before')]);
    expect(await readFile(within('base/shop/cart.yaml'), 'utf8')).toContain(digests[0]);
  });

  it.each([
    ['the tag alone', () => image('1.0', `, digest: "${digests[0]}"`), '  variables: []\n'],
    [
      'the tag, where the base has variables',
      () => `{oci: {image: "\${host}/shop/cart", tag: "\${version}"}}`,
      () => `  variables: [{name: host, value: "${registry.host}"}, {name: version, value: "1.0"}]\n`,
    ],
  ])('a patch of %s gets the digest of what it makes', async (_name, base, variables) => {
    const text = `${typeof variables === 'string' ? variables : variables()}${patch('{oci: {tag: "2.0"}}')}`;
    await write({ 'environments/live/environment.yaml': over(text), 'base/shop/cart.yaml': source(base()) });
    const { code, err, out } = await lockIn('environments/live');
    expect([code, err, out]).toEqual([0, '', expect.stringContaining('1 written')]);
    expect(await readFile(within('environments/live/environment.yaml'), 'utf8')).toContain(
      `{oci: {tag: "2.0", digest: "${digests[1]}"}}`,
    );
  });

  it('a source with variables and no patch has no digest that could be written, and a base that is not there is said', async () => {
    await write({
      'environments/live/environment.yaml': over('  variables: [{name: version, value: "1.0"}]\n'),
      'base/shop/cart.yaml': source(image('${version}')),
    });
    const { code, err } = await lockIn('environments/live');
    expect([code, err]).toEqual([2, expect.stringContaining('HW2442')]);
    expect(err).toContain('../../base/shop/cart.yaml:6:17');
    await rm(within('base'), { recursive: true });
    expect(await lockIn('environments/live')).toMatchObject({
      code: 2,
      err: expect.stringContaining('HW1150') as string,
    });
  });
});

it.each([
  ['no folder', [], 2],
  ['two folders', ['a', 'b'], 2],
  ['a folder that is not there', ['/nowhere'], 2],
  ['a configuration that is not there', ['.', '--config', '/nowhere.yaml'], 2],
])('%s: exit %s', async (_name, args, code) => {
  expect((await headway(['lock', ...args])).code).toBe(code);
});
