import type { Digest } from '../kit/digest.ts';

/**
 * Where a digest lies below the folder of the content store: `sha256/ab/cdef…`. Whoever opens such a file hashes what
 * it read before using it: the name says what the bytes should be, not what they are.
 */
export function contentPath(digest: Digest): string {
  const hex = digest.slice('sha256:'.length);
  return `sha256/${hex.slice(0, 2)}/${hex.slice(2)}`;
}
