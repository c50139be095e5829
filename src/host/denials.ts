/**
 * What the engine itself knows of uses, on its way to the audit: denials that a cell answers because nothing of the kind is
 * granted, and calls of other entries, which links grant. The first of a kind at once, its repetitions counted together for a
 * minute, as the broker does with those that it judges.
 */
import type { AccessRecord } from '../model/audit.ts';
import type { EntryKey } from '../model/component.ts';
import type { CellSpec } from '../model/engine.ts';
import type { Denial } from '../wire/reports.ts';

export const WINDOW_MS = 60_000;
/** Of all cells; what comes beyond begins a new window. */
export const MAX_KINDS = 4_096;
const MAX_ASKED_CHARACTERS = 256;
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

type CalledFrom = Pick<CellSpec, 'group' | 'entry' | 'members'>;

export class Denials {
  readonly #add: (records: readonly AccessRecord[]) => void;
  readonly #kinds = new Map<string, AccessRecord>();
  readonly #timer: NodeJS.Timeout;

  /** @param add takes what is to leave now; control knows the release and the commit of the group. */
  constructor(add: (records: readonly AccessRecord[]) => void) {
    this.#add = add;
    this.#timer = setInterval(() => this.flush(), WINDOW_MS).unref();
  }

  note(cell: CalledFrom, denial: Denial): void {
    const { group, entry, members } = cell;
    const component = members[denial.member]?.member.key ?? entry;
    const asked = `${denial.interface}#${denial.function}`.slice(0, MAX_ASKED_CHARACTERS);
    this.#count(`${group}\n${component}\n${asked}`, denial.count, () => ({
      component,
      group,
      capability: CAPABILITIES.find(([prefix]) => asked.startsWith(prefix))?.[1] ?? denial.interface.slice(0, 256),
      grant: '',
      outcome: 'Denied',
      asked,
      why: denial.reason === '' ? NOT_GRANTED : denial.reason.slice(0, MAX_ASKED_CHARACTERS),
    }));
  }

  /** Folders of the repository that a cell gets when it starts: nobody asks for them afterwards. */
  mounted({ group, members }: CalledFrom): void {
    for (const { member } of members) {
      for (const { capability, name, settings } of member.capabilities) {
        const { path } = settings as { readonly path?: string };
        if (capability !== 'filesystem' || path === undefined) continue;
        const asked = `mount ${path}`.slice(0, MAX_ASKED_CHARACTERS);
        this.#count(`${group}\n${member.key}\n${name} ${asked}`, 1, () => ({
          component: member.key,
          group,
          capability,
          grant: name,
          outcome: 'Allowed',
          asked,
          needs: { path, access: 'ReadOnly' },
          why: '',
        }));
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
    const asked = (target === undefined ? name : `${linked} of ${target}`).slice(0, MAX_ASKED_CHARACTERS);
    this.#count(`${group}\n${component}\nlink ${asked}`, 1, () => ({
      component,
      group,
      capability: 'link',
      grant: target === undefined ? '' : linked,
      outcome: target === undefined ? 'Denied' : 'Allowed',
      asked,
      why: target === undefined ? NOT_LINKED : '',
    }));
  }

  #count(kind: string, count: number, make: () => Omit<AccessRecord, 'atWallMs' | 'count'>): void {
    const known = this.#kinds.get(kind);
    if (known) {
      // Nothing was counted since the last flush: the window's first is now.
      const atWallMs = known.count === 0 ? Date.now() : known.atWallMs;
      this.#kinds.set(kind, { ...known, count: known.count + count, atWallMs });
      return;
    }
    if (this.#kinds.size >= MAX_KINDS) this.#begin();
    const record: AccessRecord = { atWallMs: Date.now(), ...make(), count };
    this.#kinds.set(kind, { ...record, count: 0 });
    this.#add([record]);
  }

  /** What was counted leaves; a kind of which nothing came for a whole window is a first one the next time. */
  flush(): void {
    const counted: AccessRecord[] = [];
    for (const [kind, record] of this.#kinds) {
      if (record.count === 0) this.#kinds.delete(kind);
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

  #begin(): void {
    this.flush();
    this.#kinds.clear();
  }
}
