/** Artifacts that git does not hold, for a trial: from the user's folder, and from servers where the user says so. */
import { openArtifactFolder } from '../../artifact/folder.ts';
import { openSupply } from '../../artifact/supply.ts';
import type { ArtifactFlags } from '../../check/trial/arguments.ts';
import { isKind } from '../../check/trial/stand-ins.ts';
import type { Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { atKey } from '../../manifest/assemble/assembly.ts';
import type { Parsed } from '../../manifest/parsed.ts';
import type { ArtifactSource } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { problem, type Problem } from '../../model/problem.ts';
import { serversOf } from '../servers.ts';

export interface Brought {
  /** The components, by the digests that stand in git. */
  readonly components: ReadonlyMap<Digest, Uint8Array>;
  readonly missing: readonly Diagnostic[];
}

export type Bring = (parsed: Parsed) => Promise<Brought>;

/** Who has signed them is the fleet's to ask: here they are what git says, by their digests. */
export async function openArtifacts(
  flags: ArtifactFlags,
  signal: AbortSignal,
): Promise<Result<Bring, readonly Problem[]>> {
  const servers = serversOf(flags);
  if (!servers.ok) return servers;
  const store = await openArtifactFolder(flags.artifacts).catch((error: Error) => error);
  if (store instanceof Error) return err([problem('HW5013', `--artifacts: ${store.message}`)]);
  const supply = openSupply({ store, ...servers.value });
  return ok(async (parsed) => {
    const components = new Map<Digest, Uint8Array>();
    const missing: Diagnostic[] = [];
    for (const document of parsed.documents) {
      if (!isKind(document, 'Component')) continue;
      const source = sourceOf(document.value.spec.source);
      if (!source || components.has(source.digest)) continue;
      const member = { source, artifact: source.digest };
      const fetched = flags.fetch ? await supply.fetch(member, signal) : ok(undefined);
      const found = fetched.ok ? await supply.component(member) : fetched;
      if (found.ok) components.set(source.digest, found.value);
      else {
        const { code, message, remedy } = found.error;
        const what = `the artifact of ${document.namespace}/${document.name}`;
        missing.push(
          flags.fetch
            ? atKey(document, '/spec/source', code, `${what}: ${message}`, remedy)
            : atKey(
                document,
                '/spec/source',
                'HW5114',
                `${what} is not in the repository${flags.artifacts === undefined ? '' : `, nor in ${flags.artifacts}`}`,
              ),
        );
      }
    }
    return { components, missing };
  });
}

/** Without a digest it is a finding already. */
function sourceOf({
  https,
  oci,
}: {
  readonly https?: { readonly url: string; readonly digest?: string };
  readonly oci?: { readonly image: string; readonly tag?: string; readonly digest?: string };
}): Exclude<ArtifactSource, { type: 'path' }> | undefined {
  if (https?.digest !== undefined) return { type: 'https', url: https.url, digest: https.digest as Digest };
  if (oci?.digest !== undefined) return { type: 'oci', image: oci.image, digest: oci.digest as Digest };
  return undefined;
}
