import { encroaches, type Match } from './route.ts';

/** Matches that somebody holds, by host and the first segment of the path: a look-up looks at few of ten thousand. */
export class HeldMatches<Held extends { readonly match: Match }> {
  readonly #hosts = new Map<string, Map<string, Held[]>>();

  add(held: Held): void {
    const host = held.match.hostname ?? '';
    const segments = this.#hosts.get(host) ?? new Map<string, Held[]>();
    this.#hosts.set(host, segments);
    const segment = firstSegment(held.match);
    const list = segments.get(segment);
    if (list) list.push(held);
    else segments.set(segment, [held]);
  }

  /** The first that a rule with this match would take requests from. */
  find(match: Match, counts: (held: Held) => boolean = () => true): Held | undefined {
    const segments = new Set(['', firstSegment(match)]);
    for (const host of hostsAbove(match.hostname)) {
      for (const segment of segments) {
        const lists = this.#hosts.get(host)?.get(segment) ?? [];
        const found = lists.find((held) => counts(held) && encroaches(match, held.match));
        if (found) return found;
      }
    }
    return undefined;
  }
}

/** `a` of `/a/b`. What it takes from is above it, so under the same segment, or under `/`. */
function firstSegment({ path }: Match): string {
  return path.value.split('/', 2)[1] ?? '';
}

/** The host itself and each wildcard that covers it; a rule for every host is held against others of its kind alone. */
function hostsAbove(hostname: string | undefined): readonly string[] {
  if (hostname === undefined) return [''];
  const labels = hostname.split('.');
  return [hostname, ...labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)];
}
