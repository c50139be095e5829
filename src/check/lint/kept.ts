/** What was read of artifacts to hash them, for whoever wants the bytes next: so much of it that memory stays bounded. */
import { digestOfBytes, type Digest } from '../../kit/digest.ts';

/** Of all that is kept, and of what is read at once. */
export const MAX_KEPT_BYTES = 64 * 2 ** 20;

export class KeptArtifacts {
  readonly #digests = new Map<string, Digest>();
  readonly #bytes = new Map<Digest, Uint8Array>();
  #room = MAX_KEPT_BYTES;

  /** Equal bytes are kept once, whatever they are called. */
  add(path: string, bytes: Uint8Array): Digest {
    const digest = digestOfBytes(bytes);
    this.#digests.set(path, digest);
    if (bytes.byteLength <= this.#room && !this.#bytes.has(digest)) {
      this.#bytes.set(digest, bytes);
      this.#room -= bytes.byteLength;
    }
    return digest;
  }

  get(path: string): Uint8Array | undefined {
    const digest = this.#digests.get(path);
    return digest && this.#bytes.get(digest);
  }
}
