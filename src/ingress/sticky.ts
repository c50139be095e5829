/**
 * Weighted rendezvous hashing: each pair of client and release has a fixed score, stretched by the release's weight; the
 * highest wins. A client keeps its arm for as long as the weights stand still; when one weight rises, clients move only
 * to that arm; which clients go first differs from release to release.
 *
 * Source: Schindelhauer and Schomaker, Weighted Distributed Hash Tables, SPAA 2005.
 */
export interface StickyArm {
  readonly release: string;
  readonly weight: number;
}

/** The index of the client's arm; -1 where no arm has any weight. */
export function stickyArm(client: string, arms: readonly StickyArm[]): number {
  let best = -1;
  let bestScore = -1;
  for (const [index, arm] of arms.entries()) {
    if (arm.weight === 0) continue;
    const score = arm.weight / -Math.log(uniform(client, arm.release));
    if (score > bestScore) [best, bestScore] = [index, score];
  }
  return best;
}

/** A fixed number between 0 and 1, exclusive: FNV-1a over both texts, then the finaliser of MurmurHash3. */
function uniform(client: string, release: string): number {
  let hash = fnv1a(0x811c9dc5, release);
  hash = fnv1a(hash, client);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return ((hash >>> 0) + 0.5) / 2 ** 32;
}

function fnv1a(seed: number, text: string): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}

/** The value of one cookie in a Cookie header. */
export function cookieValue(header: string, name: string): string | undefined {
  for (const part of header.split(';')) {
    const equals = part.indexOf('=');
    if (equals !== -1 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}
