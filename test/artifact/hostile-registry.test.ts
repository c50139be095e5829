import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { endless, HostileServer } from '../support/hostile-server.ts';
import { bytesOf, imageAt, index, INDEX, layer, manifest, MANIFEST } from './images.ts';
import { HURRIED, NEVER, place, supplyIn, TIGHT } from './support.ts';

const WASM = Buffer.from(`\0asm-${'x'.repeat(30_000)}`);
const DOCUMENT = bytesOf(manifest([layer(WASM)]));
const there = place();
type Way = (response: ServerResponse, url: string) => void;

const asManifest: Way = (response) => void response.setHeader('content-type', MANIFEST).end(DOCUMENT);
const asBlob: Way = (response) => void response.end(WASM);

describe('a hostile registry', () => {
  let server: HostileServer;
  let storage: HostileServer;
  beforeAll(async () => {
    server = await HostileServer.start(there().certificate);
    storage = await HostileServer.start(there().certificate);
  });
  afterAll(async () => {
    await server?.stop();
    await storage?.stop();
  });
  beforeEach(() => storage.answer((_request, response) => void response.end(WASM)));

  function behave(onManifest: Way, onBlob: Way = asBlob): void {
    server.answer((request, response) => {
      const url = request.url ?? '';
      if (url.includes('/manifests/')) onManifest(response, url);
      else if (url.includes('/blobs/')) onBlob(response, url);
      else response.writeHead(404).end();
    });
  }

  const fetched = (limits = TIGHT, digest = digestOfBytes(DOCUMENT), named: readonly string[] = [server.host]) => {
    const hosts = named.map((host) => ({
      host,
      caFile: there().certificate.caFile,
      credentials: () => ({ type: 'basic', username: 'u', password: 'the-secret' }) as const,
    }));
    const { supply, store } = supplyIn(there().folder, { hosts, limits });
    return { outcome: supply.fetch(imageAt(`${server.host}/shop/cart`, digest), NEVER), store };
  };

  it('that behaves is believed, and gets no credentials that it does not ask for', async () => {
    behave(asManifest);
    expect(await fetched().outcome).toMatchObject({ ok: true });
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  });

  it.each<[string, string, Way]>([
    ['another manifest', 'HW2406', (response) => void response.end(bytesOf(manifest([layer(Buffer.from('other'))])))],
    ['an endless manifest', 'HW2002', (response) => endless(response, new Uint8Array(4096))],
    [
      'a manifest of one byte too many',
      'HW2002',
      (response) => void response.end(new Uint8Array(TIGHT.manifestBytes + 1)),
    ],
    ['a dripping manifest', 'HW2405', (response) => endless(response, new Uint8Array(1), 20)],
    [
      'a redirect of the manifest',
      'HW2407',
      (response) => void response.writeHead(307, { location: storage.url('m') }).end(),
    ],
    [
      'a wish for a login that nobody can answer',
      'HW2403',
      (response) => void response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end(),
    ],
    [
      'refusals without end',
      'HW2403',
      (response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    ],
    [
      'a token server without https',
      'HW2401',
      (response) =>
        void response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://169.254.169.254/latest"' }).end(),
    ],
    [
      'a token server inside',
      'HW2410',
      (response) =>
        void response.writeHead(401, { 'www-authenticate': `Bearer realm="${storage.url('token')}"` }).end(),
    ],
    [
      'a token server that is no address',
      'HW2422',
      (response) => void response.writeHead(401, { 'www-authenticate': 'Bearer realm="nowhere"' }).end(),
    ],
  ])('%s: %s', async (_name, code, way) => {
    behave(way);
    const { outcome, store } = fetched(code === 'HW2405' ? HURRIED : TIGHT);
    const result = await outcome;
    expect(result, JSON.stringify(result)).toMatchObject({ ok: false, error: { code } });
    expect(JSON.stringify(result)).not.toContain('the-secret');
    expect(storage.seen).toEqual([]);
    expect(await store.has(digestOfBytes(DOCUMENT))).toBe(false);
    expect(server.seen.length).toBeLessThanOrEqual(2);
  });

  it.each<[string, string, Way]>([
    ['another blob', 'HW2406', (response) => void response.end(Buffer.from('\0asm-evil'))],
    ['an endless blob', 'HW2002', (response) => endless(response, new Uint8Array(65536))],
    ['a dripping blob', 'HW2405', (response) => endless(response, new Uint8Array(1), 20)],
    ['a silent blob', 'HW2405', () => undefined],
    [
      'a bomb',
      'HW2409',
      (response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(new Uint8Array(10_000_000))),
    ],
    ['no blob', 'HW2404', (response) => void response.writeHead(404).end()],
    [
      'a redirect inside the network',
      'HW2410',
      (response) => void response.writeHead(307, { location: storage.url('b') }).end(),
    ],
    [
      'a redirect to http',
      'HW2401',
      (response) => void response.writeHead(307, { location: 'http://storage.example/b' }).end(),
    ],
    ['redirects in a circle', 'HW2407', (response, url) => void response.writeHead(307, { location: url }).end()],
  ])('%s: %s', async (_name, code, way) => {
    behave(asManifest, way);
    const { outcome, store } = fetched(code === 'HW2405' ? HURRIED : TIGHT);
    const result = await outcome;
    expect(result, JSON.stringify(result)).toMatchObject({ ok: false, error: { code } });
    expect(await store.has(digestOfBytes(WASM))).toBe(false);
    expect(storage.seen).toEqual([]);
  });

  it('a redirect of a blob to storage that the host names is followed, without credentials', async () => {
    behave(
      (response, url) => {
        const signed = server.seen.at(-1)?.authorization?.startsWith('Basic');
        if (signed) return asManifest(response, url);
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      },
      (response) => void response.writeHead(307, { location: storage.url('b?signed=1') }).end(),
    );
    expect(await fetched(TIGHT, digestOfBytes(DOCUMENT), [server.host, storage.host]).outcome).toMatchObject({
      ok: true,
    });
    expect(storage.seen).toMatchObject([{ url: '/b?signed=1', authorization: undefined }]);
  });

  it('an index of an index is not followed', async () => {
    const inner = bytesOf(index());
    const outer = bytesOf({
      ...index({ document: {} }),
      manifests: [{ mediaType: MANIFEST, digest: digestOfBytes(inner), size: inner.length }],
    });
    behave((response, url) => {
      const bytes = url.endsWith(digestOfBytes(outer)) ? outer : inner;
      response.setHeader('content-type', INDEX).end(bytes);
    });
    expect(await fetched(TIGHT, digestOfBytes(outer)).outcome).toMatchObject({ ok: false, error: { code: 'HW2420' } });
  });
});
