import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openContentStore } from '../../src/artifact/store.ts';
import { openSupply, type SupplyOptions } from '../../src/artifact/supply.ts';
import type { FetchLimits } from '../../src/artifact/limits.ts';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import type { ArtifactSource } from '../../src/model/component.ts';
import type { ArtifactPort, SupplyPort } from '../../src/reconcile/ports.ts';
import { makeCertificate, type TestCertificate } from '../support/certificate.ts';
import { keepingLog } from '../support/log.ts';

/** Small, so that each bound is met within a test; and patient: who is not late on purpose is never late. */
export const TIGHT: FetchLimits = {
  artifactBytes: 100_000,
  manifestBytes: 10_000,
  tokenBytes: 2_000,
  signatureBytes: 8_000,
  signatures: 4,
  referrerPages: 3,
  connectMs: 30_000,
  headMs: 30_000,
  answerMs: 60_000,
  rateSpanMs: 30_000,
  rateBytes: 1_000,
  redirects: 3,
};
/** For who is late on purpose. */
export const HURRIED: FetchLimits = { ...TIGHT, headMs: 700, answerMs: 4_000, rateSpanMs: 500 };

export interface Place {
  readonly folder: string;
  readonly certificate: TestCertificate;
}

/** A folder and a certificate for the tests of a file. */
export function place(): () => Place {
  let made: Place | undefined;
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
    made = { folder, certificate: await makeCertificate(folder) };
  });
  afterAll(async () => {
    if (made) await rm(made.folder, { recursive: true, force: true });
  });
  return () => made!;
}

let stores = 0;

/** An empty store in a folder of its own, and what brings artifacts into it. */
export function supplyIn(
  folder: string,
  options: Partial<SupplyOptions> = {},
): { readonly supply: SupplyPort; readonly store: ArtifactPort } {
  stores += 1;
  const store = openContentStore({
    folder: path.join(folder, `store-${stores}`),
    maxBytes: 2 ** 28,
    log: keepingLog().log,
  });
  return { supply: openSupply({ store, limits: TIGHT, ...options }), store };
}

export const NEVER = new AbortController().signal;

export function fileAt(url: string, bytes: Uint8Array): { readonly artifact: Digest; readonly source: ArtifactSource } {
  const digest = digestOfBytes(bytes);
  return { artifact: digest, source: { type: 'https', url, digest } };
}
