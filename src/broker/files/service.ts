/**
 * `wasi:filesystem` on volumes, behind the grants: judge, do, record.
 *
 * Invariants
 * K1 Nothing is done before it was judged, and each judgement leaves a record.
 * K2 What a guest asks is done in one piece, without a turn of the event loop between look and act: cells of one broker
 *    cannot race each other. Only `sync` and the listing of a folder wait for the disk, `MAX_AT_DISK` at a time and cell by
 *    cell, so that threads of the process are left for others.
 */
import { closeSync, fdatasync, fsync, type Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Files, MAX_LISTED_BYTES, MAX_LISTED_ENTRIES, type FileError } from '../../wire/file-frames.ts';
import * as answer from '../answer.ts';
import type { Answer } from '../answer.ts';
import { countsFor, type Actor, type Records } from '../records.ts';
import { Turns } from '../turns.ts';
import * as answers from './answers.ts';
import type { FileAuthority, FileVerdict } from './authority.ts';
import { codeOf, FileFault } from './fault.ts';
import { pageAfter } from './listing.ts';
import { openAt, OpenedFile, opensToWrite, privately, resize, Volume, type Opened } from './opened.ts';
import * as operations from './operations.ts';
import { SHAPES, type FilesRequest, type Place } from './request.ts';
import { HandleCount, type OpenedTable } from './table.ts';
import type { VolumeQuota } from './usage.ts';
import { itself } from './walk.ts';

const NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** What waits for the disk: of all cells, and of one. */
const MAX_AT_DISK = 2;
const MAX_AT_DISK_OF_ONE = 1;
/** Of a folder, from one turn of the event loop to the next. */
const ENTRIES_AT_ONCE = 256;
/** Of a volume that could not be opened or counted; guests that ask meanwhile do not make it be tried each time. */
const RETRY_MS = 1_000;

export interface FilesAsker {
  readonly actor: Actor;
  readonly files: FileAuthority;
  readonly mirrored: boolean;
}

export interface FilesOptions {
  readonly folder: string;
  readonly records: Records;
  readonly wallMs: () => number;
  /** Something is wrong with a volume that no guest can mend. */
  readonly onFailure: (volume: string, error: unknown) => void;
}

export type FullRequest = FilesRequest & { readonly target: string };

export class FilesService {
  readonly #options: FilesOptions;
  /** What all cells have open together. */
  readonly handles = new HandleCount();
  readonly #volumes = new Map<string, Volume>();
  readonly #failed = new Map<string, number>();
  readonly #disk = new Turns(MAX_AT_DISK, MAX_AT_DISK_OF_ONE);

  constructor(options: FilesOptions) {
    this.#options = options;
  }

  handle(asker: FilesAsker, table: OpenedTable, request: FullRequest, reply: (answer: Answer) => void): void {
    void this.#answerOf(asker, table, request).then(reply, (thrown: unknown) => {
      reply(answers.failure(this.codeOf(thrown, asker.files.namespace)));
    });
  }

  close(): void {
    for (const volume of this.#volumes.values()) volume.close();
    this.#volumes.clear();
  }

  /** K1. What a handle stands for, where it may be used so. @throws FileFault. */
  file(asker: FilesAsker, table: OpenedTable, { handle }: Place, name: string, write: boolean): OpenedFile {
    // A root is never a file.
    if (handle === 0n) throw new FileFault('is-directory');
    const opened = lookUp(table, handle);
    this.judge(asker, opened.volume.name, name, write);
    return operations.asFile(opened);
  }

  /** K1. @throws FileFault where it is denied. */
  judge({ actor, files, mirrored }: FilesAsker, volume: string, name: string, write: boolean, path = ''): VolumeQuota {
    const wallMs = this.#options.wallMs();
    const verdict = files.judge(volume, write, mirrored, wallMs);
    this.#record(actor, verdict, volume, name, write, path);
    if (!verdict.quota) throw new FileFault(verdict.code);
    return verdict.quota;
  }

  codeOf(thrown: unknown, namespace: string): FileError {
    const code = codeOf(thrown);
    if (code === undefined) this.#options.onFailure(namespace, thrown);
    return code ?? 'io';
  }

  #record(actor: Actor, verdict: FileVerdict, volume: string, name: string, write: boolean, path: string): void {
    const { records, wallMs } = this.#options;
    const known = verdict.counted?.get(name);
    if (countsFor(known, actor)) return records.again(known, wallMs());
    const about = verdict.outcome === 'Denied' && path !== '' ? `/${path}` : '';
    const needs = { volume, access: write ? 'ReadWrite' : 'ReadOnly' };
    const counted = records.note(actor, 'filesystem', verdict, `${name} ${volume}${about}`, wallMs(), needs);
    verdict.counted?.set(name, counted);
  }

  #volume(namespace: string, name: string): Volume {
    const id = `${namespace}/${name}`;
    const known = this.#volumes.get(id);
    if (known) return known;
    // Names of the manifests; a cell of its own making could say others.
    if (!NAME.test(name)) throw new FileFault('no-entry');
    if (performance.now() < (this.#failed.get(id) ?? 0)) throw new FileFault('io');
    try {
      const volume = new Volume(this.#options.folder, namespace, name);
      this.#volumes.set(id, volume);
      volume.ready.catch((thrown: unknown) => this.#fail(id, thrown));
      return volume;
    } catch (thrown) {
      this.#fail(id, thrown);
      throw new FileFault('io');
    }
  }

  async #counted(namespace: string, name: string): Promise<void> {
    const { ready } = this.#volume(namespace, name);
    await ready.catch(() => {
      throw new FileFault('io');
    });
  }

  #fail(id: string, thrown: unknown): void {
    this.#volumes.get(id)?.close();
    this.#volumes.delete(id);
    this.#failed.set(id, performance.now() + RETRY_MS);
    this.#options.onFailure(id, thrown);
  }

  async #answerOf(asker: FilesAsker, table: OpenedTable, request: FullRequest): Promise<Answer> {
    const { operation, place, path, how, other } = request;
    const { name, write } = SHAPES[operation];
    const writes = write || (operation === Files.OpenAt && opensToWrite(how));
    const volume = volumeOf(table, place);
    const quota = this.judge(asker, volume, name, writes, path);
    if (other) this.judge(asker, volumeOf(table, other.place), name, true, other.path);
    const { namespace } = asker.files;
    for (const one of [place, other?.place]) {
      // Without a wait where there is none: what is done then counts as the turn's of whoever asked (S2 of `session.ts`).
      if (one?.handle === 0n && !this.#volume(namespace, one.volume).isCounted)
        await this.#counted(namespace, one.volume);
    }
    // Only now: what was open when it was asked may have been closed while a volume was counted.
    const at = ({ handle, volume: root }: Place): Opened =>
      handle === 0n ? this.#volume(namespace, root).root : lookUp(table, handle);
    const opened = at(place);
    const second = other && at(other.place);
    switch (operation) {
      case Files.OpenAt: {
        const made = openAt(operations.asFolder(opened), path, how, quota);
        const stats = operations.statOf(made);
        const isRoot = !(made instanceof OpenedFile) && made.depth === 0;
        return answers.opened(table.add(made), stats, isRoot, operations.identityOf(stats));
      }
      case Files.List:
        return this.#list(table, opened, path);
      case Files.Sync:
        return this.#sync(table, opened, SYNC);
      case Files.SyncData:
        return this.#sync(table, opened, SYNC_DATA);
      default:
        return perform(opened, second, request, quota);
    }
  }

  async #list(table: OpenedTable, opened: Opened, after: string): Promise<Answer> {
    const { page, isAll } = await this.#turn(table, operations.asListable(opened), async (descriptor) =>
      pageAfter(await entriesOf(descriptor), Buffer.from(after, 'utf8'), MAX_LISTED_ENTRIES),
    );
    const listed: answers.ListedEntry[] = [];
    let bytes = 0;
    for (const entry of page) {
      bytes += entry.name.length;
      if (bytes > MAX_LISTED_BYTES) break;
      listed.push({ type: answers.typeOf(entry), name: entry.name });
    }
    return answers.entries(listed, isAll && listed.length === page.length);
  }

  async #sync(table: OpenedTable, opened: Opened, sync: (descriptor: number) => Promise<void>): Promise<Answer> {
    await this.#turn(table, opened, sync);
    return answer.DONE;
  }

  /** K2. On a descriptor of its own: the guest may close the other one meanwhile, and its number be another file's. */
  async #turn<T>(table: OpenedTable, opened: Opened, work: (descriptor: number) => Promise<T>): Promise<T> {
    const descriptor = privately(opened);
    try {
      return await this.#disk.run(table, () => work(descriptor));
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Whoever writes its type does not know that names come as bytes where that is asked for. */
async function entriesOf(descriptor: number): Promise<AsyncIterable<Dirent<Buffer>>> {
  const encoding = 'buffer' as BufferEncoding;
  const folder = await opendir(itself(descriptor), { encoding, bufferSize: ENTRIES_AT_ONCE });
  return folder as unknown as AsyncIterable<Dirent<Buffer>>;
}

const SYNC = promisify(fsync);
const SYNC_DATA = promisify(fdatasync);

function volumeOf(table: OpenedTable, { handle, volume }: Place): string {
  return handle === 0n ? volume : lookUp(table, handle).volume.name;
}

function lookUp(table: OpenedTable, handle: bigint): Opened {
  const opened = table.get(handle);
  if (!opened) throw new FileFault('bad-descriptor');
  return opened;
}

/** What is done at once. */
function perform(opened: Opened, second: Opened | undefined, request: FullRequest, quota: VolumeQuota): Answer {
  const { operation, path, how, other, times, target } = request;
  switch (operation) {
    case Files.Stat:
      return answers.stat(operations.statOf(opened));
    case Files.StatAt:
      return answers.stat(operations.statAt(opened, path, how.pathFlags));
    case Files.Read: {
      const into = Buffer.allocUnsafeSlow(request.length);
      const bytes = operations.readAt(opened, into, position(request.number));
      return answers.bytesRead(into.subarray(0, bytes), bytes < request.length);
    }
    case Files.Write:
      return answers.written(operations.writeAt(opened, request.bytes, position(request.number), quota));
    case Files.ReadlinkAt:
      return answers.text(operations.readlinkAt(opened, path));
    case Files.MetadataHash:
      return answers.hash(operations.metadataHash(operations.statOf(opened)));
    case Files.MetadataHashAt:
      return answers.hash(operations.metadataHash(operations.statAt(opened, path, how.pathFlags)));
    case Files.SetSize: {
      const file = operations.asFile(opened);
      if (!file.mayWrite) throw new FileFault('bad-descriptor');
      resize(file.volume, file.descriptor, position(request.number), quota);
      return answer.DONE;
    }
    case Files.SetTimes:
      operations.setTimes(opened, times!);
      return answer.DONE;
    case Files.SetTimesAt:
      operations.setTimesAt(opened, path, how.pathFlags, times!);
      return answer.DONE;
    case Files.CreateDirectoryAt:
      operations.createDirectoryAt(opened, path, quota);
      return answer.DONE;
    case Files.RemoveDirectoryAt:
      operations.removeDirectoryAt(opened, path);
      return answer.DONE;
    case Files.UnlinkFileAt:
      operations.unlinkFileAt(opened, path);
      return answer.DONE;
    case Files.SymlinkAt:
      operations.symlinkAt(opened, target, path, quota);
      return answer.DONE;
    case Files.LinkAt:
      operations.linkAt(opened, how.pathFlags, path, second!, other!.path, quota);
      return answer.DONE;
    case Files.RenameAt:
      operations.renameAt(opened, path, second!, other!.path);
      return answer.DONE;
    default:
      throw new Error(`operation ${operation} waits for the disk`);
  }
}

function position(number: bigint): number {
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new FileFault('invalid');
  return Number(number);
}
