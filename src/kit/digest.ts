import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from './json.ts';

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

export function digestOfBytes(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** 64 hex digits: sha256 of the RFC 8785 form. The identity of a revision, a release, an attempt. */
export function hashOfJson(value: Json): string {
  return createHash('sha256').update(canonicalJson(value), 'utf8').digest('hex');
}

/** The first twelve hex digits: what people read and write; never used to look something up. */
export function short(hash: string): string {
  return hash.replace(/^sha256:/, '').slice(0, 12);
}
