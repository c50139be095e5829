/** Trials of what git does not hold: fetched where that is allowed, from a folder where it lies, and refused otherwise. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TrialReport } from '../../src/check/trial/report.ts';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { config, layer, manifest } from '../artifact/images.ts';
import { makeCertificate } from '../support/certificate.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { headway } from '../support/headway.ts';
import { HostileServer } from '../support/hostile-server.ts';
import { component, environment, example, route } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';

const LOGIN = { username: 'ci', password: 'registry-word' };
const CHECK = `apiVersion: headway.dev/v1alpha1
kind: Check
metadata: {name: greets, namespace: shop}
spec: {calls: [{name: politely, request: {path: /}, expect: {contains: v2}}]}
`;

let folder: string;
let repository: Repository;
let registry: DockerRegistry;
let web: HostileServer;
let image: Digest;
let runtime: string;
let docker: string;

const from = (source: string): string => component({ wasm: 'none', rollout: '{}' }).replace('{path: none}', source);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
  const certificate = await makeCertificate(folder);
  registry = await DockerRegistry.start(path.join(folder, 'registry'), certificate, { type: 'Basic', login: LOGIN });
  web = await HostileServer.start(certificate);
  web.answer((request, response) => {
    if (request.url === '/v1.wasm') response.end(example('greeting-v1'));
    else response.writeHead(404).end();
  });
  const bytes = example('greeting-v2');
  await registry.pushBlob('shop/greeting', config().bytes);
  await registry.pushBlob('shop/greeting', bytes);
  image = await registry.pushManifest('shop/greeting', manifest([layer(bytes)]), '2.0');
  runtime = path.join(folder, 'runtime.yaml');
  docker = path.join(folder, 'docker.json');
  repository = await Repository.create(folder);
  const hosts = [web.host, registry.host].map((host) => `{host: "${host}", caFile: ca.pem}`).join(', ');
  const head = 'apiVersion: headway.dev/v1alpha1\nkind: Runtime\n';
  await writeFile(runtime, `${head}repository: {url: "${repository.url}"}\nartifacts: {hosts: [${hosts}]}\n`);
  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
  await writeFile(docker, JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const digest = digestOfBytes(example('greeting-v1'));
  await repository.commit('Start', {
    'environment.yaml': environment(),
    'shop/route.yaml': route(),
    'shop/check.yaml': CHECK,
    'shop/greeting.yaml': from(`{https: {url: "${web.url('v1.wasm')}", digest: "${digest}"}}`),
  });
  await repository.git('tag', 'v1');
  await repository.commit('From the registry', {
    'shop/greeting.yaml': from(`{oci: {image: "${registry.host}/shop/greeting", tag: "2.0", digest: "${image}"}}`),
  });
  await repository.git('tag', 'v2');
});

afterAll(async () => {
  await registry?.stop();
  await web?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function tried(...args: readonly string[]) {
  const { code, out, err } = await headway([...args, '--format', 'json'], { env: { ...process.env, HOME: folder } });
  return { code, err, cases: (out === '' ? { cases: [] } : (JSON.parse(out) as TrialReport)).cases };
}

const range = (): readonly string[] => ['rehearse', 'v1..v2', '--repo', repository.work];

it('asks no server without --fetch, and says where each artifact is named', async () => {
  const { code, cases } = await tried(...range());
  expect(code).toBe(1);
  expect(cases.map(({ code: told, span }) => [told, span?.file, span?.line])).toEqual([
    ['HW5114', 'shop/greeting.yaml', 5],
    ['HW5114', 'shop/greeting.yaml', 5],
  ]);
  expect(cases[0]!.remedy).toContain('--fetch');
  expect(web.seen).toEqual([]);
  const useless = await tried(...range(), '--docker-config', docker);
  expect([useless.code, useless.err]).toEqual([2, expect.stringContaining('are for --fetch')]);
});

it('gives a registry no credentials that it was not handed', async () => {
  // `~/.docker/config.json` is not looked for.
  await writeFile(path.join(folder, 'config.json'), '{}');
  const { code, cases } = await tried(...range(), '--fetch', '--config', runtime);
  expect(code).toBe(1);
  expect(cases.map(({ code: told }) => told)).toEqual(['HW2403']);
});

it('fetches, keeps what it fetched in the folder, and needs no server the next time', async () => {
  const kept = await mkdtemp(path.join(folder, 'kept-'));
  const first = await tried(...range(), '--fetch', '--config', runtime, '--docker-config', docker, '--artifacts', kept);
  expect(first.err).toBe('');
  expect(first.cases.map(({ outcome }) => outcome)).toEqual(['Passed', 'Passed']);
  expect(first.code).toBe(0);
  const blobs = await readdir(path.join(kept, 'blobs', 'sha256'));
  expect(blobs).toContain(image.slice('sha256:'.length));
  expect(blobs).toContain(digestOfBytes(example('greeting-v2')).slice('sha256:'.length));

  const asked = web.seen.length;
  await registry.stop();
  const again = await tried('test', `${repository.work}@v2`, '--artifacts', kept);
  expect([again.code, again.cases.map(({ outcome }) => outcome)]).toEqual([0, ['Passed']]);
  expect(web.seen.length).toBe(asked);

  // What lies there is believed by its digest alone.
  await writeFile(
    path.join(kept, 'blobs', 'sha256', digestOfBytes(example('greeting-v2')).slice(7)),
    example('greeting-v1'),
  );
  const forged = await tried('test', `${repository.work}@v2`, '--artifacts', kept);
  expect([forged.code, forged.cases[0]!.code]).toEqual([1, 'HW5114']);
  // A build job hands over plain files.
  await writeFile(path.join(kept, 'greeting.wasm'), example('greeting-v2'));
  const handed = await tried('test', `${repository.work}@v2`, '--artifacts', kept);
  expect(handed.code).toBe(0);
});
