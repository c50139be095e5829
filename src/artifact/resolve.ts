/** What a tag or an address leads to at this moment. For `headway lock`: the daemon itself never asks. */
import { digestOfBytes, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { HostSettings } from './hosts.ts';
import { DEFAULT_FETCH_LIMITS, type FetchLimits } from './limits.ts';
import { parseImage } from './oci/image.ts';
import { componentIn, manifestIn, parseDocument } from './oci/layout.ts';
import { Registry, type RegistryAccess } from './oci/registry.ts';
import { fetchFile } from './web.ts';

export interface ResolverOptions {
  readonly hosts: readonly HostSettings[];
  readonly dockerConfig?: string;
  readonly limits?: Partial<FetchLimits>;
  readonly signal: AbortSignal;
}

type Asked =
  | { readonly type: 'oci'; readonly image: string; readonly tag: string }
  | { readonly type: 'https'; readonly url: string };

/** @returns a function that gives the digest to write, or why there is none; also where no component is behind it. */
export function createResolver(options: ResolverOptions): (asked: Asked) => Promise<Result<Digest, Problem>> {
  const { hosts, dockerConfig, signal } = options;
  const access: RegistryAccess = {
    hosts,
    limits: { ...DEFAULT_FETCH_LIMITS, ...options.limits },
    protect: () => undefined,
    ...(dockerConfig === undefined ? {} : { dockerConfig }),
  };
  return async (asked) => {
    if (asked.type === 'https') {
      const bytes = await fetchFile(asked.url, access, signal);
      return bytes.ok ? ok(digestOfBytes(bytes.value)) : bytes;
    }
    const image = parseImage(asked.image);
    if (!image) return err(problem('HW2401', `${asked.image} does not name a registry and a repository in it`));
    return digestOfTag(new Registry(image, access, signal), asked.tag);
  };
}

async function digestOfTag(registry: Registry, tag: string): Promise<Result<Digest, Problem>> {
  const answered = await registry.manifest(tag);
  if (!answered.ok) return answered;
  const { bytes } = answered.value;
  const document = parseDocument(bytes);
  if (!document.ok) return document;
  const readable = document.value.type === 'Index' ? manifestIn(document.value) : componentIn(document.value);
  return readable.ok ? ok(digestOfBytes(bytes)) : readable;
}
