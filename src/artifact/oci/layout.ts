/**
 * What stands in OCI manifests and which layer is the component. Pure: the same bytes lead to the same layer, when they
 * are fetched and whenever they are read again from the local disk.
 *
 * Read are the layout of the CNCF (config `application/vnd.wasm.config.v0+json`, one layer `application/wasm`) and that
 * of Spin applications with one component.
 */
import { isDigest, type Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';

export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const WASM_CONFIG = 'application/vnd.wasm.config.v0+json';
/** By the config of the manifest: the layers that are a component. */
const COMPONENT_LAYERS: Readonly<Record<string, readonly string[]>> = {
  [WASM_CONFIG]: ['application/wasm'],
  'application/vnd.fermyon.spin.application.v1+config': [
    'application/vnd.wasm.content.layer.v1+wasm',
    'application/wasm',
  ],
};
/** Spin writes its application as a layer too, beside a plain image config. */
const SPIN_LAYER = 'application/vnd.fermyon.spin.application.v1+config';
const PLAIN_CONFIG = 'application/vnd.oci.image.config.v1+json';
const MAX_DESCRIPTORS = 1_000;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: number;
  readonly artifactType?: string;
  /** Those that are texts. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly architecture: string; readonly os: string };
}

export type Document =
  | { readonly type: 'Index'; readonly mediaType: string; readonly manifests: readonly Descriptor[] }
  | {
      readonly type: 'Manifest';
      readonly mediaType: string;
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
    };

type Fields = Readonly<Record<string, unknown>>;

/** Bytes of a manifest or an index. One that could be read as both is neither: two readers must not see two things. */
export function parseDocument(bytes: Uint8Array): Result<Document, Problem> {
  const value = jsonOf(bytes);
  if (!isFields(value)) return refuse('it is not a JSON object');
  const { schemaVersion, mediaType, manifests, config, layers } = value;
  if (schemaVersion !== 2) return refuse('its schemaVersion is not 2');
  if (manifests !== undefined && (layers !== undefined || config !== undefined)) {
    return refuse('it is an index and a manifest at once');
  }
  const expected = manifests === undefined ? MANIFEST_TYPE : INDEX_TYPE;
  if (mediaType !== undefined && mediaType !== expected) {
    return refuse(`its media type is ${shown(mediaType)}, not ${expected}`);
  }
  if (manifests !== undefined) {
    const found = descriptorsOf(manifests);
    return found ? ok({ type: 'Index', mediaType: expected, manifests: found }) : refuse('its list is malformed');
  }
  const found = descriptorsOf(layers);
  const configuration = descriptorOf(config);
  if (!found || !configuration) return refuse('its config or its layers are malformed');
  return ok({ type: 'Manifest', mediaType: expected, config: configuration, layers: found });
}

/** The one manifest of an index that is for WebAssembly. */
export function manifestIn(index: Extract<Document, { type: 'Index' }>): Result<Descriptor, Problem> {
  const manifests = index.manifests.filter(({ mediaType }) => mediaType === MANIFEST_TYPE);
  const wasm = manifests.filter(
    ({ platform, artifactType }) =>
      artifactType === WASM_CONFIG || (platform && ['wasm', 'wasm32'].includes(platform.architecture)),
  );
  const components = wasm.filter(({ platform }) => platform?.os === 'wasip2');
  const candidates = [components, wasm, manifests].find((list) => list.length > 0) ?? [];
  const [only] = candidates;
  if (only && candidates.length === 1) return ok(only);
  if (!only) return refuse('the index holds no image manifest');
  return err(
    problem('HW2421', `the index holds ${candidates.length} manifests that may be meant`, {
      remedy: `write the digest of one of them: ${candidates
        .slice(0, 4)
        .map(({ digest }) => digest)
        .join(', ')}`,
    }),
  );
}

/** The one layer of a manifest that is the component. */
export function componentIn({ config, layers }: Extract<Document, { type: 'Manifest' }>): Result<Descriptor, Problem> {
  const isSpin = config.mediaType === PLAIN_CONFIG && layers.some(({ mediaType }) => mediaType === SPIN_LAYER);
  const type = isSpin ? SPIN_LAYER : config.mediaType;
  const accepted = Object.hasOwn(COMPONENT_LAYERS, type) ? COMPONENT_LAYERS[type]! : undefined;
  if (!accepted) {
    return refuse(`its config is ${shown(config.mediaType)}, which is neither ${WASM_CONFIG} nor a Spin application`);
  }
  const components = layers.filter(({ mediaType }) => accepted.includes(mediaType));
  const [only] = components;
  if (only && components.length === 1) return ok(only);
  if (!only) {
    const types = layers.slice(0, 4).map(({ mediaType }) => shown(mediaType));
    return refuse(`none of its layers is ${accepted.join(' or ')}: ${types.join(', ') || 'there is none'}`);
  }
  const message = `the manifest holds ${components.length} components, and one document runs one`;
  return err(problem('HW2421', message, { remedy: 'push each component as an artifact of its own' }));
}

function descriptorsOf(value: unknown): readonly Descriptor[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_DESCRIPTORS) return undefined;
  const found = value.map(descriptorOf);
  return found.every((one) => one !== undefined) ? found : undefined;
}

function descriptorOf(value: unknown): Descriptor | undefined {
  if (!isFields(value)) return undefined;
  const { mediaType, digest, size, artifactType, platform, annotations } = value;
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest)) return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  const { architecture, os } = isFields(platform) ? platform : {};
  return {
    mediaType,
    digest,
    bytes: size,
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(isFields(annotations) ? { annotations: textsOf(annotations) } : {}),
    ...(typeof architecture === 'string' ? { platform: { architecture, os: typeof os === 'string' ? os : '' } } : {}),
  };
}

function textsOf(fields: Fields): Readonly<Record<string, string>> {
  const texts = Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Foreign text in a message: short, and nothing but what media types are made of. */
function shown(text: unknown): string {
  return String(text)
    .replaceAll(/[^\w.+/-]/g, '?')
    .slice(0, 100);
}

function refuse(why: string): Result<never, Problem> {
  return err(problem('HW2420', `the OCI artifact cannot be read: ${why}`));
}
