import { hashOfJson, isDigest, type Digest } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import type { Bundle } from '../model/engine.ts';

/** Gives a bundle its digest: sha256 over the canonical form of everything else in it. */
export function withDigest(content: Omit<Bundle, 'digest'>): Bundle {
  return { digest: digestOf(content), ...content };
}

/** Whether a bundle that was read from disk is what was once written: its digest says so. */
export function isIntact(value: unknown): value is Bundle {
  if (typeof value !== 'object' || value === null) return false;
  const { digest, ...content } = value as Bundle;
  if (!Array.isArray(content.files) || !content.files.every((file) => isDigest(String(file?.digest)))) return false;
  try {
    return digestOf(content) === digest;
  } catch {
    return false;
  }
}

function digestOf(content: Omit<Bundle, 'digest'>): Digest {
  return `sha256:${hashOfJson(content as unknown as Json)}`;
}
