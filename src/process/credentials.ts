/** What `runtime.yaml` names as credentials, as functions that read them anew each time. */
import type { HostSettings } from '../artifact/hosts.ts';
import type { ArtifactHostReference, CredentialsReference } from '../manifest/runtime-config.ts';
import { readSecret } from './secrets.ts';

export type ReadCredentials =
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string };

/**
 * Reads at once, so that a missing secret is known at the start, and again at each call, so that a rotated one is taken
 * up. A file that is being replaced at this moment: the last known secret is better than none.
 *
 * @throws Error naming the variable or the file, never the value.
 */
export function credentialsReader(
  reference: CredentialsReference,
  protect: (secrets: readonly string[]) => void,
): () => ReadCredentials {
  const read = (): ReadCredentials => {
    const secret = readSecret(reference.type === 'token' ? reference.token : reference.password);
    protect([secret]);
    return reference.type === 'token'
      ? { type: 'token', token: secret }
      : { type: 'basic', username: reference.username, password: secret };
  };
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      return last;
    }
    return last;
  };
}

/** @throws Error where a secret is missing. */
export function artifactHosts(
  references: readonly ArtifactHostReference[],
  protect: (secrets: readonly string[]) => void,
): readonly HostSettings[] {
  return references.map(({ credentials, ...rest }) => ({
    ...rest,
    ...(credentials ? { credentials: credentialsReader(credentials, protect) } : {}),
  }));
}
