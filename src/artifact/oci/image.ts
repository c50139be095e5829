/** `registry.example.com/shop/checkout` in its parts, and the server that answers for it. */
export interface ImageName {
  /** As written. */
  readonly registry: string;
  readonly repository: string;
  /** `https://host:port` of the registry's API. */
  readonly origin: string;
}

/** Docker Hub's API lives under another name than its images. */
const HUB = { registry: 'docker.io', origin: 'https://registry-1.docker.io' };

/** @returns undefined where it does not name a registry and a repository in it. */
export function parseImage(image: string): ImageName | undefined {
  const slash = image.indexOf('/');
  const registry = image.slice(0, slash);
  const repository = image.slice(slash + 1);
  if (slash <= 0 || repository === '' || repository.split('/').some((segment) => /^\.+$/.test(segment)))
    return undefined;
  const origin = registry === HUB.registry ? HUB.origin : URL.parse(`https://${registry}`)?.origin;
  return origin ? { registry, repository, origin } : undefined;
}
