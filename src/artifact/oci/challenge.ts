/** The `WWW-Authenticate` header of a registry: RFC 7235, and docker's token protocol for `Bearer`. */
export type Challenge =
  | { readonly type: 'Basic' }
  | { readonly type: 'Bearer'; readonly realm: string; readonly service?: string };

const MAX_HEADER_CHARACTERS = 4_096;
const SCHEME = /^\s*(Basic|Bearer)\b/i;
const PARAMETER = /([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/giy;

/** The first challenge that we can answer; undefined where there is none. */
export function parseChallenge(header: string | readonly string[] | undefined): Challenge | undefined {
  for (const text of [header ?? []].flat()) {
    const scheme = text.length <= MAX_HEADER_CHARACTERS ? SCHEME.exec(text) : null;
    if (!scheme) continue;
    if (scheme[1]!.toLowerCase() === 'basic') return { type: 'Basic' };
    const { realm, service } = parametersOf(text.slice(scheme[0].length));
    if (realm) return { type: 'Bearer', realm, ...(service === undefined ? {} : { service }) };
  }
  return undefined;
}

function parametersOf(text: string): { readonly realm?: string; readonly service?: string } {
  const found: Record<string, string> = {};
  for (let rest = text.trimStart(); ;) {
    PARAMETER.lastIndex = 0;
    const match = PARAMETER.exec(rest);
    if (!match) break;
    found[match[1]!.toLowerCase()] = match[2]?.replaceAll(/\\(.)/g, '$1') ?? match[3]!;
    rest = rest.slice(match[0].length).replace(/^\s*,\s*/, '');
  }
  const { realm, service } = found;
  return { ...(realm === undefined ? {} : { realm }), ...(service === undefined ? {} : { service }) };
}
