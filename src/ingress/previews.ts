/**
 * Candidates without traffic, for the people who name one: by the host `<label>.<domain>`, by the host that its strategy
 * names below the domain, or by the header `x-headway-preview: <release12>`. Asked before the routes, so that nobody is
 * shown what serves for what they asked for.
 *
 * Invariants
 * V1 Without the host's leave (`previewAccess`) there are none, and neither host nor header means anything.
 * V2 A preview answers by the candidate's own rules: what matches none of them is as unknown as it will be.
 * V3 Who names a preview that is not there is told so, and never gets another release.
 * V4 A host name of the repository's choice counts only below the host's own preview domain.
 */
import { short } from '../kit/digest.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { compileRule, type CompiledRule, type Directory } from './compiled-rule.ts';
import type { RequestFacts } from './request-facts.ts';
import { RouteTable } from './route-table.ts';

export const PREVIEW_HEADER = 'x-headway-preview';

export type Previewed =
  | { readonly rule: CompiledRule | undefined }
  /** It was named and is not there. */
  | { readonly missing: string };

export class Previews {
  /** Every compiled rule, for whoever keeps what the rules name. */
  readonly rules: readonly CompiledRule[];
  readonly #byLabel = new Map<string, RouteTable<CompiledRule>>();
  readonly #byRelease = new Map<string, RouteTable<CompiledRule>>();
  readonly #suffix: string | undefined;
  readonly #takesHeader: boolean;

  private constructor(snapshot: Snapshot, directory: Directory) {
    const { domain, header } = snapshot.previewAccess!;
    this.#suffix = domain === undefined ? undefined : `.${domain}`;
    this.#takesHeader = header;
    const all: CompiledRule[] = [];
    for (const { release, label, hostname, rules } of snapshot.previews ?? []) {
      const compiled = rules.map((rule) =>
        compileRule(rule, directory, { releaseHeader: snapshot.releaseHeader, preview: true }),
      );
      all.push(...compiled);
      this.#byRelease.set(short(release), new RouteTable(compiled));
      const anyHost = new RouteTable(compiled.map(withoutHost));
      this.#byLabel.set(label, anyHost);
      // V4: below the domain, or it means nothing. Labels go first, so that it can be nobody else's.
      if (this.#suffix === undefined || !hostname?.endsWith(this.#suffix)) continue;
      const own = hostname.slice(0, -this.#suffix.length);
      if (!this.#byLabel.has(own)) this.#byLabel.set(own, anyHost);
    }
    this.rules = all;
  }

  static of(snapshot: Snapshot, directory: Directory): Previews | undefined {
    return snapshot.previewAccess && new Previews(snapshot, directory);
  }

  /** Undefined: the request names no preview. */
  find(facts: RequestFacts): Previewed | undefined {
    if (this.#suffix !== undefined && facts.host.endsWith(this.#suffix)) {
      const label = facts.host.slice(0, -this.#suffix.length);
      return answerOf(this.#byLabel.get(label), label, facts);
    }
    const release = this.#takesHeader ? facts.header(PREVIEW_HEADER) : undefined;
    return release === undefined ? undefined : answerOf(this.#byRelease.get(release), release, facts);
  }
}

function answerOf(table: RouteTable<CompiledRule> | undefined, name: string, facts: RequestFacts): Previewed {
  return table === undefined ? { missing: name } : { rule: table.find(facts) };
}

/** Under its preview host a candidate answers for every host that its rules name. */
function withoutHost(compiled: CompiledRule): CompiledRule {
  const { hostname: _, ...match } = compiled.match;
  return { ...compiled, match };
}
