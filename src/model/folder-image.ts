/**
 * A folder of the repository as one piece of content: what a cell gets of it. The same files are the same bytes, so that its
 * digest says what is in it.
 *
 * `HWF1`, `u32le files`, of each file, by path: `u16le length` and path in UTF-8, `u32le size`; then the contents in that order.
 */

/** Of all files together: a cell holds them in memory. */
export const MAX_FOLDER_BYTES = 16 * 1024 * 1024;
export const MAX_FOLDER_FILES = 4096;
const MAX_PATH_BYTES = 4096;
const MAGIC = 0x31465748;
const HEAD_BYTES = 8;

export interface FolderFile {
  /** Relative to the folder, `/` between segments. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** @throws RangeError over the bounds: the caller has looked. */
export function encodeFolder(files: readonly FolderFile[]): Uint8Array {
  const sorted = files
    .map(({ path, bytes }) => ({ path: Buffer.from(path, 'utf8'), bytes }))
    .sort((one, other) => one.path.compare(other.path));
  const content = sorted.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const heads = sorted.reduce((sum, { path }) => sum + 6 + path.length, HEAD_BYTES);
  if (sorted.length > MAX_FOLDER_FILES || content > MAX_FOLDER_BYTES) throw new RangeError('a folder over its bounds');
  const image = Buffer.alloc(heads + content);
  image.writeUInt32LE(MAGIC, 0);
  image.writeUInt32LE(sorted.length, 4);
  let at = HEAD_BYTES;
  let contentAt = heads;
  for (const { path, bytes } of sorted) {
    if (path.length > MAX_PATH_BYTES) throw new RangeError('a path over its bounds');
    at = image.writeUInt16LE(path.length, at);
    at += path.copy(image, at);
    at = image.writeUInt32LE(bytes.length, at);
    image.set(bytes, contentAt);
    contentAt += bytes.length;
  }
  return image;
}

/**
 * The files as views of the image.
 *
 * @throws RangeError where it is none.
 */
export function decodeFolder(image: Uint8Array): readonly FolderFile[] {
  const buffer = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  if (buffer.readUInt32LE(0) !== MAGIC) throw new RangeError('not the image of a folder');
  const count = buffer.readUInt32LE(4);
  if (count > MAX_FOLDER_FILES) throw new RangeError(`${count} files`);
  const heads: { readonly path: string; readonly size: number }[] = [];
  let at = HEAD_BYTES;
  for (let index = 0; index < count; index++) {
    const length = buffer.readUInt16LE(at);
    const path = buffer.toString('utf8', at + 2, at + 2 + length);
    heads.push({ path, size: buffer.readUInt32LE(at + 2 + length) });
    at += 6 + length;
  }
  return heads.map(({ path, size }) => {
    if (at + size > buffer.length) throw new RangeError('an image that ends within a file');
    const bytes = image.subarray(at, at + size);
    at += size;
    return { path, bytes };
  });
}
