/** A registry that means ill, and lists that go on and on. */
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { endless, HostileServer } from '../support/hostile-server.ts';
import { bytesOf, descriptor, EMPTY, imageAt, INDEX, layer, manifest, MANIFEST } from './images.ts';
import {
  BUNDLE,
  demandOf,
  keyBundle,
  PAYLOAD,
  payloadOf,
  SIGNATURE,
  signed,
  signingKey,
  statementOf,
} from './signing.ts';
import { HURRIED, NEVER, place, supplyIn, TIGHT } from './support.ts';

const there = place();
const OURS = signingKey();
const THEIRS = signingKey();
const byKey = demandOf({ keys: [OURS.pem] });

describe('a hostile registry', () => {
  let server: HostileServer;
  const wasm = layer(Buffer.from('\0asm-hostile'));
  const document = bytesOf(manifest([wasm]));
  const digest = digestOfBytes(document);
  beforeAll(async () => {
    server = await HostileServer.start(there().certificate);
  });
  afterAll(() => server?.stop());

  type Way = (response: ServerResponse) => void;
  const none: Way = (response) => void response.writeHead(404).end();
  const image = () => `${server.host}/shop/cart`;
  const payload = () => payloadOf(image(), digest);
  const right: Way = (response) => {
    const part = descriptor({ mediaType: PAYLOAD, bytes: payload() });
    const layers = [{ ...part, annotations: { [SIGNATURE]: signed(payload(), OURS) } }];
    response.end(bytesOf({ ...manifest([], EMPTY), layers }));
  };

  it.each<[string, string | undefined, Way, Way, Way]>([
    ['that behaves', undefined, right, (response) => void response.end(payload()), none],
    [
      'without a list beside a signature',
      undefined,
      right,
      (response) => void response.end(payload()),
      (response) => void response.writeHead(500).end(),
    ],
    ['with a list that fails', 'HW2402', none, none, (response) => void response.writeHead(500).end()],
    ['with an endless list', 'HW2015', none, none, (response) => endless(response, new Uint8Array(4_096))],
    ['with a list that is none', 'HW2013', none, none, (response) => void response.end(document)],
    ['with an endless signature', 'HW2015', (response) => endless(response, new Uint8Array(4_096)), none, none],
    ['with a signature in drips', 'HW2405', (response) => endless(response, Buffer.from(' '), 50), none, none],
    ['with another payload than it lists', 'HW2013', right, (response) => void response.end('other'), none],
    ['with an endless payload', 'HW2015', right, (response) => endless(response, new Uint8Array(4_096)), none],
    [
      'with an index for a signature',
      'HW2013',
      (response) => void response.end(bytesOf({ schemaVersion: 2, manifests: [] })),
      none,
      none,
    ],
    [
      'that redirects the signature',
      'HW2407',
      (response) => void response.writeHead(307, { location: '/x' }).end(),
      none,
      none,
    ],
    [
      'with a compressed signature',
      'HW2409',
      (response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10_000_000))),
      none,
      none,
    ],
  ])('%s: %s', async (_, code, onSignature, onPayload, onList) => {
    server.answer(({ url = '' }, response) => {
      if (url.endsWith(`/manifests/${digest}`)) response.end(document);
      else if (url.endsWith(`/blobs/${digestOfBytes(wasm.bytes)}`)) response.end(wasm.bytes);
      else if (url.endsWith('.sig')) onSignature(response);
      else if (url.includes('/blobs/')) onPayload(response);
      else if (url.includes('/referrers/')) onList(response);
      else none(response);
    });
    const hosts = [{ host: server.host, caFile: there().certificate.caFile }];
    const { supply } = supplyIn(there().folder, { hosts, limits: code === 'HW2405' ? HURRIED : TIGHT });
    const outcome = await supply.fetch({ ...imageAt(image(), digest), signatures: [byKey] }, NEVER);
    expect(outcome).toMatchObject(code ? { ok: false, error: { code } } : { ok: true });
  });

  describe('that lists bundles page after page', () => {
    const right = keyBundle(statementOf(digest, OURS));
    const wrong = keyBundle(statementOf(digest, THEIRS));
    const holding = (bundle: Uint8Array) => bytesOf(manifest([{ mediaType: BUNDLE, bytes: bundle }], EMPTY));
    const documents = new Map<string, Uint8Array>(
      [right, wrong].flatMap((bytes) => [
        [digestOfBytes(bytes), bytes],
        [digestOfBytes(holding(bytes)), holding(bytes)],
      ]),
    );
    const listOf = (bundle: Uint8Array) => ({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ ...descriptor({ mediaType: MANIFEST, bytes: holding(bundle) }), artifactType: BUNDLE }],
    });
    const relative = (page: number) => `</v2/shop/cart/referrers/${digest}?n=1&last=${page}>; rel="next"`;

    it.each<[string, readonly Uint8Array[], (page: number) => string, string | undefined]>([
      ['with the right one on the last', [wrong, right], relative, undefined],
      [
        'by whole addresses',
        [wrong, wrong, right],
        (page) => `<https://${server.host}/v2/shop/cart/referrers/${digest}?last=${page}>; rel=next`,
        undefined,
      ],
      ['with none that is right', [wrong, wrong], relative, 'HW2011'],
      ['more than are read', [wrong, wrong, wrong, right], relative, 'HW2015'],
      ['without end, the right one among the first', [right, wrong, wrong, wrong], relative, undefined],
      ['and goes on on another server', [wrong, right], () => '<https://elsewhere.example/x>; rel="next"', 'HW2407'],
      ['and goes on in another repository', [wrong, right], () => '</v2/shop/other/referrers/x>; rel="next"', 'HW2407'],
      ['and goes on with another relation', [wrong, right], (page) => relative(page).replace('next', 'prev'), 'HW2011'],
    ])('%s: %s', async (_, pages, link, code) => {
      const asked: string[] = [];
      server.answer(({ url = '' }, response) => {
        const { pathname, searchParams } = new URL(url, 'https://x');
        const name = pathname.split('/').at(-1)!;
        if (pathname.includes('/referrers/')) {
          asked.push(url);
          const page = Number(searchParams.get('last') ?? 0);
          if (page + 1 < pages.length) response.setHeader('link', link(page + 1));
          response.end(bytesOf(listOf(pages[page]!)));
        } else if (url.endsWith(`/manifests/${digest}`)) response.end(document);
        else if (name === digestOfBytes(wasm.bytes)) response.end(wasm.bytes);
        else if (documents.has(name)) response.end(documents.get(name));
        else none(response);
      });
      const hosts = [{ host: server.host, caFile: there().certificate.caFile }];
      const { supply } = supplyIn(there().folder, { hosts });
      const outcome = await supply.fetch({ ...imageAt(image(), digest), signatures: [byKey] }, NEVER);
      expect(outcome).toMatchObject(code ? { ok: false, error: { code } } : { ok: true });
      expect(asked.length).toBeLessThanOrEqual(3);
    });
  });
});
