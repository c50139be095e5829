/**
 * What the engine itself knows of uses, on its way to the audit: denials that a cell answers by itself, and calls of other
 * entries, which links grant. The first of a kind at once, its repetitions counted together for a minute, as the broker does
 * with those that it judges.
 *
 * Invariants
 * D1 Nothing is lost by counting: what leaves adds up to what was noted.
 * D2 What is asked is the guest's to choose, or whoever's broke out of one: a group of cells makes at most `MAX_KINDS_PER_GROUP`
 *    kinds in a window. What comes beyond them is counted as one more kind of its capability.
 */
import type { AccessRecord } from '../model/audit.ts';
import type { EntryKey, Member } from '../model/component.ts';
import type { CellSpec } from '../model/engine.ts';
import type { GroupId } from '../model/snapshot.ts';
import type { Denial } from '../wire/reports.ts';

export const WINDOW_MS = 60_000;
/** Of all cells; what comes beyond begins a new window. */
export const MAX_KINDS = 4_096;
export const MAX_KINDS_PER_GROUP = 256;
const MAX_ASKED_CHARACTERS = 256;
/** A capability that is none of ours is named by the cell. */
const OTHER_CAPABILITIES = 'other';
const OTHERS = '(more kinds than are told apart)';
const NOT_GRANTED = 'nothing of the kind is granted';
const NOT_LINKED = 'no link of mode Remote names it';

/** Which capability would have been needed; what is not here is its own. */
const CAPABILITIES: readonly (readonly [string, string])[] = [
  ['wasi:http/', 'outboundHttp'],
  ['wasi:sockets/ip-name-lookup', 'nameLookup'],
  ['wasi:sockets/', 'sockets'],
  ['wasi:filesystem/', 'filesystem'],
  ['wasi:keyvalue/', 'keyValue'],
  ['wasi:blobstore/', 'blobStore'],
  ['wasi:messaging/', 'messaging'],
];

type Kind = Omit<AccessRecord, 'atWallMs' | 'count'>;
type CalledFrom = Pick<CellSpec, 'group' | 'entry' | 'members'>;

export class Denials {
  readonly #add: (records: readonly AccessRecord[]) => void;
  readonly #kinds = new Map<string, AccessRecord>();
  /** D2. */
  readonly #perGroup = new Map<GroupId, number>();
  readonly #timer: NodeJS.Timeout;

  /** @param add takes what is to leave now; control knows the release and the commit of the group. */
  constructor(add: (records: readonly AccessRecord[]) => void) {
    this.#add = add;
    this.#timer = setInterval(() => this.flush(), WINDOW_MS).unref();
  }

  note(cell: CalledFrom, denial: Denial): void {
    const { group, entry, members } = cell;
    const member = members[denial.member]?.member;
    const called = `${denial.interface}#${denial.function}`;
    const what = denial.asked === '' ? '' : ` ${denial.others ? 'among others ' : ''}${denial.asked}`;
    const known = CAPABILITIES.find(([prefix]) => called.startsWith(prefix))?.[1];
    const { grant, needs } = grantOf(member, denial);
    this.#count(group, denial.count, {
      component: member?.key ?? entry,
      group,
      capability: known ?? denial.interface.slice(0, MAX_ASKED_CHARACTERS),
      grant,
      outcome: 'Denied',
      asked: `${called}${what}`.slice(0, MAX_ASKED_CHARACTERS),
      ...(needs ? { needs } : {}),
      why: denial.reason === '' ? NOT_GRANTED : denial.reason.slice(0, MAX_ASKED_CHARACTERS),
    });
  }

  /** Folders of the repository that a cell gets when it starts: nobody asks for them afterwards. */
  mounted({ group, members }: CalledFrom): void {
    for (const { member } of members) {
      for (const { capability, name, settings } of member.capabilities) {
        const { path } = settings as { readonly path?: string };
        if (capability !== 'filesystem' || path === undefined) continue;
        this.#count(group, 1, {
          component: member.key,
          group,
          capability,
          grant: name,
          outcome: 'Allowed',
          asked: `mount ${path}`.slice(0, MAX_ASKED_CHARACTERS),
          needs: { path, access: 'ReadOnly' },
          why: '',
        });
      }
    }
  }

  /**
   * A guest called a function of another entry; without `target` no link allows it, and its cell is ended. What is called is
   * told by its interface: names of functions are the cell's own word, and it could think of many.
   */
  called({ group, entry, members }: CalledFrom, member: number, name: string, target: EntryKey | undefined): void {
    const component = members[member]?.member.key ?? entry;
    const linked = name.slice(0, name.indexOf('#'));
    this.#count(group, 1, {
      component,
      group,
      capability: 'link',
      grant: target === undefined ? '' : linked,
      outcome: target === undefined ? 'Denied' : 'Allowed',
      asked: (target === undefined ? name : `${linked} of ${target}`).slice(0, MAX_ASKED_CHARACTERS),
      why: target === undefined ? NOT_LINKED : '',
    });
  }

  #count(group: GroupId, count: number, what: Kind): void {
    const { component, capability, grant, asked, why } = what;
    const kind = [group, component, capability, grant, asked, why].join('\n');
    const known = this.#kinds.get(kind);
    if (known) {
      // Nothing was counted since the last flush: the window's first is now.
      const atWallMs = known.count === 0 ? Date.now() : known.atWallMs;
      this.#kinds.set(kind, { ...known, count: known.count + count, atWallMs });
      return;
    }
    const kinds = this.#perGroup.get(group) ?? 0;
    if (kinds >= MAX_KINDS_PER_GROUP && asked !== OTHERS) return this.#count(group, count, beyond(what));
    if (this.#kinds.size >= MAX_KINDS) this.#begin();
    this.#perGroup.set(group, (this.#perGroup.get(group) ?? 0) + 1);
    const record: AccessRecord = { atWallMs: Date.now(), ...what, count };
    this.#kinds.set(kind, { ...record, count: 0 });
    this.#add([record]);
  }

  /** What was counted leaves; a kind of which nothing came for a whole window is a first one the next time. */
  flush(): void {
    const counted: AccessRecord[] = [];
    for (const [kind, record] of this.#kinds) {
      if (record.count === 0) this.#forget(kind, record.group);
      else {
        counted.push(record);
        this.#kinds.set(kind, { ...record, count: 0 });
      }
    }
    if (counted.length > 0) this.#add(counted);
  }

  close(): void {
    clearInterval(this.#timer);
    this.flush();
  }

  #forget(kind: string, group: GroupId): void {
    this.#kinds.delete(kind);
    const kinds = this.#perGroup.get(group)! - 1;
    if (kinds === 0) this.#perGroup.delete(group);
    else this.#perGroup.set(group, kinds);
  }

  #begin(): void {
    this.flush();
    this.#kinds.clear();
    this.#perGroup.clear();
  }
}

/** D2. */
function beyond({ component, group, capability, outcome }: Kind): Kind {
  const isKnown = outcome === 'Allowed' || CAPABILITIES.some(([, known]) => known === capability);
  return {
    component,
    group,
    capability: isKnown ? capability : OTHER_CAPABILITIES,
    grant: '',
    outcome,
    asked: OTHERS,
    why: '',
  };
}

/** The grant by which a folder is mounted, and what would have to be granted for it: again, where it has expired. */
function grantOf(
  member: Member | undefined,
  { mount }: Denial,
): { readonly grant: string; readonly needs?: AccessRecord['needs'] } {
  if (!member || mount === undefined) return { grant: '' };
  const mounted = member.capabilities.filter(({ capability }) => capability === 'filesystem')[mount];
  const { path } = (mounted?.settings ?? {}) as { readonly path?: string };
  if (!mounted || path === undefined) return { grant: '' };
  const isExpired = mounted.expireTime !== undefined && Date.parse(mounted.expireTime) <= Date.now();
  return { grant: mounted.name, ...(isExpired ? { needs: { path, access: 'ReadOnly' } } : {}) };
}
