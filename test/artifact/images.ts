import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import type { ArtifactSource } from '../../src/model/component.ts';

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const WASM_CONFIG = 'application/vnd.wasm.config.v0+json';
export const SPIN_CONFIG = 'application/vnd.fermyon.spin.application.v1+config';
export const SPIN_WASM = 'application/vnd.wasm.content.layer.v1+wasm';

export interface Part {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export const config = (mediaType = WASM_CONFIG): Part => ({ mediaType, bytes: Buffer.from('{"architecture":"wasm"}') });
export const layer = (bytes: Uint8Array, mediaType = 'application/wasm'): Part => ({ mediaType, bytes });

export function descriptor({ mediaType, bytes }: Part): object {
  return { mediaType, digest: digestOfBytes(bytes), size: bytes.byteLength };
}

export function manifest(layers: readonly Part[], by: Part = config()) {
  return { schemaVersion: 2, mediaType: MANIFEST, config: descriptor(by), layers: layers.map(descriptor) };
}

export function index(...manifests: readonly { readonly document: object; readonly platform?: object }[]) {
  const list = manifests.map(({ document, platform }) => ({
    ...descriptor({ mediaType: MANIFEST, bytes: bytesOf(document) }),
    ...(platform ? { platform } : {}),
  }));
  return { schemaVersion: 2, mediaType: INDEX, manifests: list };
}

export function bytesOf(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}

export function imageAt(image: string, digest: Digest): { readonly artifact: Digest; readonly source: ArtifactSource } {
  return { artifact: digest, source: { type: 'oci', image, tag: '1.0', digest } };
}

/** Of documents that hold nothing but their layers. */
export const EMPTY = config('application/vnd.oci.empty.v1+json');

/** Where a registry keeps what refers to a manifest, if it has no list. */
export function tagOf(digest: Digest): string {
  return digest.replace(':', '-');
}
