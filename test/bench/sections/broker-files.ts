/** What files in a volume cost a cell, beside the questions of section `broker`. */
import { Seat, type BrokerChannel } from '../../../src/cell/broker.ts';
import { Fate, Scope } from '../../../src/cell/scope.ts';
import { isFailed, type FileNode } from '../../../src/cell/wasi/filesystem-node.ts';
import { volumeRoot } from '../../../src/cell/wasi/filesystem-volume.ts';
import { InputStream } from '../../../src/cell/wasi/streams.ts';
import { FileSource } from '../../../src/cell/file-streams.ts';
import type { Metrics, Subject } from '../harness.ts';

const LARGE = 64 * 1024;
const FILE_BYTES = 16 * 1024 * 1024;
const MEGABYTE = 1e6;

interface OpenFile {
  readonly scope: Scope;
  readonly file: FileNode;
}

/** One file for each of so many instances. */
async function openFiles(channel: BrokerChannel, count: number): Promise<readonly OpenFile[]> {
  const opened: OpenFile[] = [];
  for (let index = 0; index < count; index++) {
    const scope = new Scope(1_000, new Fate(() => undefined));
    scope.enter(undefined, true);
    const root = volumeRoot(new Seat(channel).of(scope), 'media', true);
    const file = wanted(await root.openAt({}, `file ${index}`, { create: true }, { read: true, write: true }));
    wanted(await file.setSize(BigInt(FILE_BYTES)));
    opened.push({ scope, file });
  }
  return opened;
}

export async function fileSubjects(channel: BrokerChannel, budgetMs: number): Promise<readonly Subject[]> {
  const files = await openFiles(channel, 8);
  const large = new Uint8Array(LARGE);
  const often = (
    name: string,
    among: readonly OpenFile[],
    bytes: number,
    ask: (open: OpenFile) => Promise<unknown>,
  ): Subject => ({ name, measure: () => perSecond(among, budgetMs, bytes, ask) });
  return [
    often('stat of a file, one at a time', files.slice(0, 1), 1, async ({ file }) => wanted(await file.stat())),
    often('read of 64 kB, one at a time', files.slice(0, 1), LARGE, async ({ file }) =>
      wanted(await file.read(BigInt(LARGE), 0n)),
    ),
    often('read of 64 kB, 8 in flight', files, LARGE, async ({ file }) => wanted(await file.read(BigInt(LARGE), 0n))),
    often('write of 64 kB, 8 in flight', files, LARGE, async ({ file }) => wanted(await file.write(large, 0n))),
    often('a file of 16 MB as a stream', files.slice(0, 1), FILE_BYTES, streamed),
  ];
}

async function streamed({ scope, file }: OpenFile): Promise<void> {
  const source = file.source(0n);
  if (!(source instanceof FileSource)) throw new Error('no stream');
  const stream = new InputStream(scope, source, () => file.closeStream(source));
  for (;;) {
    const read = await stream.blockingRead(BigInt(LARGE));
    if (!(read instanceof Uint8Array)) break;
  }
  stream[Symbol.dispose]();
}

function wanted<Value>(outcome: Value): Exclude<Value, { readonly tag: 'err' }> {
  if (isFailed(outcome)) throw new Error(outcome.val);
  return outcome as Exclude<Value, { readonly tag: 'err' }>;
}

async function perSecond(
  among: readonly OpenFile[],
  budgetMs: number,
  bytes: number,
  ask: (open: OpenFile) => Promise<unknown>,
): Promise<Metrics> {
  const startMs = performance.now();
  let asked = 0;
  await Promise.all(
    among.map(async (open) => {
      while (performance.now() - startMs < budgetMs) {
        await ask(open);
        asked += 1;
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  return { 'µs each': (seconds * 1e6) / asked, 'MB/s': (asked * bytes) / seconds / MEGABYTE };
}
