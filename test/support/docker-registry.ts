import { execFile, spawn } from 'node:child_process';
import { createPublicKey, createSign, randomUUID, X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import type { TestCertificate } from './certificate.ts';
import { answering, end, freePort } from './child-server.ts';
import type { Login } from './git-server.ts';
import { HostileServer } from './hostile-server.ts';

const run = promisify(execFile);
const ISSUER = 'headway-test-tokens';
const SERVICE = 'headway-test-registry';

export type RegistryAuth =
  | { readonly type: 'Anonymous' }
  | { readonly type: 'Basic'; readonly login: Login }
  | { readonly type: 'Token'; readonly tokens: TokenServer };

/** Debian's docker-registry over https, with its storage in a folder of the test. */
export class DockerRegistry {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly #dispatcher: Agent;
  readonly #stop: () => Promise<void>;
  readonly #authorization: (repository: string) => string | undefined;

  private constructor(host: string, ca: string, auth: RegistryAuth, stop: () => Promise<void>) {
    this.host = host;
    this.#dispatcher = new Agent({ connect: { ca } });
    this.#stop = stop;
    this.#authorization = (repository) => {
      if (auth.type === 'Anonymous') return undefined;
      if (auth.type === 'Token') return `Bearer ${auth.tokens.issue(repository, ['pull', 'push'])}`;
      return `Basic ${Buffer.from(`${auth.login.username}:${auth.login.password}`).toString('base64')}`;
    };
  }

  static async start(folder: string, certificate: TestCertificate, auth: RegistryAuth): Promise<DockerRegistry> {
    await mkdir(folder, { recursive: true });
    const port = await freePort();
    const log = path.join(folder, 'registry.log');
    const configuration = path.join(folder, 'config.yml');
    await writeFile(configuration, configurationOf(folder, port, certificate, await authOf(folder, certificate, auth)));
    const child = spawn('sh', ['-c', 'exec docker-registry serve "$0" >"$1" 2>&1', configuration, log], {
      env: { PATH: process.env['PATH'] ?? '', OTEL_TRACES_EXPORTER: 'none' },
      stdio: 'ignore',
    });
    const failed = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
    });
    await Promise.race([failed, answering(port, log)]);
    const ca = await readFile(certificate.caFile, 'utf8');
    return new DockerRegistry(`127.0.0.1:${port}`, ca, auth, () => end(child));
  }

  async stop(): Promise<void> {
    await this.#dispatcher.destroy();
    await this.#stop();
  }

  async pushBlob(repository: string, bytes: Uint8Array): Promise<Digest> {
    const digest = digestOfBytes(bytes);
    const begun = await this.#send(repository, 'POST', `/v2/${repository}/blobs/uploads/`);
    const upload = new URL(String(begun.headers['location']), `https://${this.host}`);
    upload.searchParams.set('digest', digest);
    await this.#send(repository, 'PUT', upload.pathname + upload.search, bytes, 'application/octet-stream');
    return digest;
  }

  /** @param reference a tag, or nothing for the digest itself */
  async pushManifest(
    repository: string,
    document: { readonly mediaType: string },
    reference?: string,
  ): Promise<Digest> {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOfBytes(bytes);
    await this.#send(
      repository,
      'PUT',
      `/v2/${repository}/manifests/${reference ?? digest}`,
      bytes,
      document.mediaType,
    );
    return digest;
  }

  async #send(repository: string, method: 'POST' | 'PUT', target: string, body?: Uint8Array, type?: string) {
    const authorization = this.#authorization(repository);
    const response = await request(`https://${this.host}${target}`, {
      method,
      dispatcher: this.#dispatcher,
      headers: { ...(type ? { 'content-type': type } : {}), ...(authorization ? { authorization } : {}) },
      ...(body ? { body } : {}),
    });
    const said = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`${method} ${target}: ${response.statusCode} ${said}`);
    return response;
  }
}

function configurationOf(folder: string, port: number, certificate: TestCertificate, auth: string): string {
  return `version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: ${folder}/storage}}
http:
  addr: 127.0.0.1:${port}
  secret: of-a-test
  tls: {certificate: ${certificate.certFile}, key: ${certificate.keyFile}}
${auth}`;
}

async function authOf(folder: string, certificate: TestCertificate, auth: RegistryAuth): Promise<string> {
  if (auth.type === 'Anonymous') return '';
  if (auth.type === 'Basic') {
    const file = path.join(folder, 'users');
    const { stdout } = await run('htpasswd', ['-nbB', auth.login.username, auth.login.password]);
    await writeFile(file, stdout);
    return `auth: {htpasswd: {realm: registry, path: ${file}}}\n`;
  }
  const realm = auth.tokens.url;
  return `auth: {token: {realm: "${realm}", service: ${SERVICE}, issuer: ${ISSUER}, rootcertbundle: ${certificate.certFile}}}\n`;
}

/** A token server as registries name them: a login or none, a scope, a signed token for it. */
export class TokenServer {
  readonly url: string;
  readonly server: HostileServer;
  readonly #certificate: TestCertificate;

  private constructor(server: HostileServer, certificate: TestCertificate) {
    this.server = server;
    this.url = server.url('token');
    this.#certificate = certificate;
  }

  /** @param login whom it gives a token; others get 401. Refresh tokens that it takes are the password. */
  static async start(certificate: TestCertificate, login: Login): Promise<TokenServer> {
    const server = await HostileServer.start(certificate);
    const tokens = new TokenServer(server, certificate);
    const basic = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
    server.answer((request, response, body) => {
      const form = new URLSearchParams(request.method === 'POST' ? body : (request.url ?? '').replace(/^[^?]*\?/, ''));
      const known =
        request.method === 'POST'
          ? form.get('refresh_token') === login.password
          : request.headers.authorization === basic;
      const [, repository, actions] = (form.get('scope') ?? '').split(':');
      if (!known || form.get('service') !== SERVICE) return void response.writeHead(401).end('who are you?');
      const token = tokens.issue(repository ?? '', (actions ?? '').split(','));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(request.method === 'POST' ? { access_token: token } : { token, expires_in: 300 }));
    });
    return tokens;
  }

  /** A token as the registry checks it: a JWT whose certificate stands in its head. */
  issue(repository: string, actions: readonly string[]): string {
    const certificate = new X509Certificate(this.#certificate.cert);
    const now = Math.floor(Date.now() / 1_000);
    const head = { typ: 'JWT', alg: 'ES256', x5c: [certificate.raw.toString('base64')] };
    const claims = {
      iss: ISSUER,
      sub: 'test',
      aud: SERVICE,
      exp: now + 300,
      nbf: now - 60,
      iat: now,
      jti: randomUUID(),
      access: [{ type: 'repository', name: repository, actions }],
    };
    const text = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    if (createPublicKey(this.#certificate.cert).asymmetricKeyType !== 'ec') throw new Error('the test wants an EC key');
    const signature = createSign('sha256').update(text).sign({ key: this.#certificate.key, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
