import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { config, layer, manifest } from '../artifact/images.ts';
import { keyBundle, messageOf, signingKey } from '../artifact/signing.ts';
import { makeCertificate, type TestCertificate } from '../support/certificate.ts';
import { Daemon } from '../support/daemon.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { HostileServer } from '../support/hostile-server.ts';
import { component, example, route, shop, swapTo } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';
import { startSshServer, type SshServer } from '../support/ssh-server.ts';
import { KEY, provenAfter, story, temporaryFolder, traffic } from './story.ts';

const LOGIN = { username: 'deploy', password: 'registry-s3cret-word' };
const TOKEN = 'web-server-s3cret-token';

/** The same component in other bytes: with a section that means nothing. */
function variant(name: string, mark: string): Uint8Array {
  const text = Buffer.from(mark);
  return Buffer.concat([example(name), Buffer.from([0, text.length + 1, text.length]), text]);
}

/** The greeting from somewhere else than the repository. */
const from = (source: string, attempt = 'first') => ({
  'shop/greeting.yaml': component({ wasm: 'none', attempt }).replace('{path: none}', source),
});

describe('artifacts that git does not hold, and a repository over ssh', () => {
  let folder: string;
  let certificate: TestCertificate;
  let repository: Repository;
  let ssh: SshServer;
  let web: HostileServer;
  let registry: DockerRegistry;
  let image: Digest;
  let daemon: Daemon;
  const files = new Map<string, Uint8Array>();

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
    certificate = await makeCertificate(folder);
    ssh = await startSshServer(path.join(folder, 'sshd'));
    web = await HostileServer.start(certificate);
    serveFiles();
    registry = await DockerRegistry.start(path.join(folder, 'registry'), certificate, { type: 'Basic', login: LOGIN });
    const bytes = example('greeting-v2');
    await registry.pushBlob('shop/greeting', config().bytes);
    await registry.pushBlob('shop/greeting', bytes);
    image = await registry.pushManifest('shop/greeting', manifest([layer(bytes)]), '2.0');
    files.set('/v1.wasm', example('greeting-v1'));
    repository = await Repository.create(folder);
    await repository.push('Start', { ...shop(), ...from(https('/v1.wasm')), 'shop/route.yaml': route({}) });
    const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
    await writeFile(path.join(folder, 'docker.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    await writeFile(path.join(folder, 'token'), `${TOKEN}\n`);
    await writeFile(path.join(folder, 'runtime.yaml'), runtime());
    daemon = await Daemon.start({ config: path.join(folder, 'runtime.yaml'), data: path.join(folder, 'data') });
  });

  afterAll(async () => {
    await daemon?.stop();
    await ssh?.stop();
    await web?.stop();
    await registry?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const runtime = () => `apiVersion: headway.dev/v1alpha1
kind: Runtime
repository:
  url: ${ssh.url(repository.bare)}
  ssh: {identityFile: ${ssh.identityFile}, knownHosts: ["${ssh.knownHost}"]}
artifacts:
  dockerConfig: docker.json
  hosts:
    - {host: "${web.host}", caFile: ca.pem, credentials: {token: {file: token}}}
    - {host: "${registry.host}", caFile: ca.pem}
log: {level: trace}
`;

  function https(file: string, digest = digestOfBytes(files.get(file) ?? example('greeting-v1'))): string {
    return `{https: {url: "${web.url(file.slice(1))}", digest: "${digest}"}}`;
  }

  function serveFiles(): void {
    web.answer((request, response) => {
      const bytes = request.headers.authorization === `Bearer ${TOKEN}` ? files.get(request.url ?? '') : undefined;
      if (bytes) response.end(bytes);
      else response.writeHead(404).end();
    });
  }

  it('the first comes from a web server, the next from a registry, and a revert needs neither', async () => {
    const first = await provenAfter(daemon, undefined);
    expect((await daemon.ask('/', 'any')).body).toContain('v1');
    const visitors = traffic(daemon);
    const oci = `{oci: {image: "${registry.host}/shop/greeting", tag: "2.0", digest: "${image}"}}`;
    await repository.push('From the registry', from(oci));
    const second = await provenAfter(daemon, first);
    expect(second.serving?.release).not.toBe(first.serving?.release);
    expect((await daemon.ask('/', 'any')).body).toContain('v2');
    await registry.stop();
    web.answer((_request, response) => void response.writeHead(503).end());
    await repository.revert();
    const back = await provenAfter(daemon, second);
    expect(back.serving?.release).toBe(first.serving?.release);
    expect(web.seen).toEqual([]);
    expect((await visitors.stop()).lost).toEqual([]);
  });

  it('a server that is away is waited for, and it goes on by itself when it is back', async () => {
    const before = await daemon.entry(KEY, 'nothing is tried', ({ candidate }) => !candidate);
    files.set('/v2.wasm', variant('greeting-v2', 'away'));
    await repository.push('From a server that is away', from(https('/v2.wasm'), 'second'));
    const waiting = await daemon.entry(KEY, 'it waits for the server', ({ conditions }) =>
      conditions.some(({ reason, message }) => reason === 'Waiting' && message.includes('HW2402')),
    );
    expect(waiting.serving?.release).toBe(before.serving?.release);
    serveFiles();
    await provenAfter(daemon, before);
    expect((await daemon.ask('/', 'any')).body).toContain('v2');
  });

  it('other bytes than the reviewed ones never start, until git says another address', async () => {
    const before = await daemon.entry(KEY, 'nothing is tried', ({ candidate }) => !candidate);
    const reviewed = variant('greeting-v2', 'reviewed');
    files.set('/swapped.wasm', variant('greeting-v2', 'swapped'));
    await repository.push('Swapped on the server', from(https('/swapped.wasm', digestOfBytes(reviewed)), 'third'));
    const refused = await daemon.entry(KEY, 'it is refused', ({ conditions }) =>
      conditions.some(({ reason, message }) => reason === 'Refused' && message.includes('HW2406')),
    );
    expect(refused.serving?.release).toBe(before.serving?.release);
    files.set('/right.wasm', reviewed);
    await repository.push('The right server', from(https('/right.wasm'), 'third'));
    const proven = await provenAfter(daemon, before);
    expect(proven.proven?.release).toBe(refused.desired?.release);
  });

  it('what a Policy wants signed is waited for until it is, and nothing else starts before', async () => {
    const before = await daemon.entry(KEY, 'nothing is tried', ({ candidate }) => !candidate);
    const bytes = variant('greeting-v2', 'to be signed');
    const signing = signingKey();
    files.set('/signed.wasm', bytes);
    await repository.push('Only what is signed', {
      ...from(https('/signed.wasm'), 'fourth'),
      'signed.yaml': `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: signed}
spec:
  namespaces: ["*"]
  artifacts: {signatures: [{source: "https:${web.host}", keys: [${JSON.stringify(signing.pem)}]}]}
`,
    });
    const waiting = await daemon.entry(KEY, 'it waits for a signature', ({ conditions }) =>
      conditions.some(({ reason, message }) => reason === 'Waiting' && message.includes('HW2010')),
    );
    expect(waiting.serving?.release).toBe(before.serving?.release);
    expect(waiting.conditions.some(({ message }) => message.includes('Policy signed'))).toBe(true);
    files.set('/signed.wasm.sigstore.json', keyBundle(messageOf(bytes, signing)));
    const proven = await provenAfter(daemon, before);
    expect(proven.proven?.release).toBe(waiting.desired?.release);
    const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
    expect(metrics).toContain('headway_artifact_signatures_total{outcome="Verified"} 1');
  });

  it('no secret is in the log, the status or the page', async () => {
    const seen = [daemon.output, JSON.stringify(await daemon.status())];
    for (const route of ['/', '/metrics']) seen.push(await (await fetch(daemon.statusUrl + route)).text());
    for (const text of seen) for (const secret of [TOKEN, LOGIN.password]) expect(text).not.toContain(secret);
  });
});

describe('what can be followed besides a branch', () => {
  it.each([
    ['a commit', (commit: string) => commit],
    ['a tag', () => 'plain'],
    ['an annotated tag', () => 'annotated'],
    ['an annotated tag by its full name', () => 'refs/tags/annotated'],
  ])('%s: it serves that, whatever the branch does', async (_name, refOf) => {
    const folder = await temporaryFolder();
    const repository = await Repository.create(path.join(folder, 'git'));
    const commit = await repository.push('Start', shop());
    await repository.git('tag', 'plain');
    await repository.git('tag', '-a', '-m', 'release', 'annotated');
    await repository.git('push', '-q', 'origin', 'plain', 'annotated');
    await repository.push('Later', swapTo('greeting-v2'));
    const daemon = await Daemon.start({ repo: repository.url, ref: refOf(commit), data: path.join(folder, 'data') });
    try {
      const entry = await provenAfter(daemon, undefined);
      expect((await daemon.status())!.source).toMatchObject({ acceptedCommit: commit, ref: refOf(commit) });
      expect(entry.serving?.commit).toBe(commit);
    } finally {
      await daemon.stop();
    }
  });

  it('a tag that moves forward is followed, one that moves back is not', async () => {
    const begun = await story(shop(), { ref: 'main' });
    await begun.daemon.stop();
    const { repository, folder } = begun;
    await repository.git('tag', '-a', '-m', 'release', 'stable');
    await repository.git('push', '-q', 'origin', 'stable');
    const first = await repository.head();
    const daemon = await Daemon.start({ repo: repository.url, ref: 'stable', data: path.join(folder, 'tagged') });
    try {
      await provenAfter(daemon, undefined);
      const second = await repository.push('Later', swapTo('greeting-v2'));
      await repository.git('tag', '-f', '-a', '-m', 'release', 'stable');
      await repository.git('push', '-q', '-f', 'origin', 'stable');
      await daemon.until('the tag is followed', ({ source }) => source.acceptedCommit === second);
      await repository.git('tag', '-f', '-a', '-m', 'release', 'stable', first);
      await repository.git('push', '-q', '-f', 'origin', 'stable');
      const back = await daemon.until('it is refused', ({ source }) => source.condition.reason === 'NonFastForward');
      expect(back.source.acceptedCommit).toBe(second);
    } finally {
      await daemon.stop();
    }
  });
});
