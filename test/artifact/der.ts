/** As much of DER as it takes to put a log's promise into a certificate. */
import { createHash, sign, type KeyObject } from 'node:crypto';

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const BIT_STRING = 0x03;
const EXTENSIONS = 0xa3;
/** 1.3.6.1.4.1.11129.2.4.2, of RFC 6962. */
const PROMISES = Buffer.from('060a2b06010401d679020402', 'hex');

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** The parts that a value is made of, each whole. */
function partsOf(value: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [];
  for (let at = headOf(value, 0).end; at < value.length;) {
    const { end, length } = headOf(value, at);
    parts.push(value.subarray(at, end + length));
    at = end + length;
  }
  return parts;
}

function headOf(value: Buffer, at: number): { readonly end: number; readonly length: number } {
  const first = value[at + 1]!;
  if (first < 128) return { end: at + 2, length: first };
  const bytes = first & 0x7f;
  return { end: at + 2 + bytes, length: value.readUIntBE(at + 2, bytes) };
}

export interface PromisedBy {
  /** Of the log. */
  readonly key: KeyObject;
  readonly publicKey: Buffer;
  readonly atMs: number;
}

/** The certificate again, with the promise that a log has it, signed by its authority (ECDSA with SHA-256). */
export function withPromise(
  certificate: Buffer,
  authority: { readonly key: KeyObject; readonly publicKey: Buffer },
  log: PromisedBy,
): Buffer {
  const [body, algorithm] = partsOf(certificate) as readonly [Buffer, Buffer, Buffer];
  const fields = partsOf(body);
  const extensions = partsOf(partsOf(fields.at(-1)!)[0]!);
  const promise = der(SEQUENCE, PROMISES, der(OCTET_STRING, der(OCTET_STRING, promiseList(body, authority, log))));
  const changed = der(SEQUENCE, ...fields.slice(0, -1), der(EXTENSIONS, der(SEQUENCE, ...extensions, promise)));
  const signature = sign('sha256', changed, authority.key);
  return der(SEQUENCE, changed, algorithm, der(BIT_STRING, Buffer.from([0]), signature));
}

function promiseList(body: Buffer, { publicKey }: { readonly publicKey: Buffer }, log: PromisedBy): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigInt64BE(BigInt(log.atMs));
  const length = Buffer.alloc(3);
  length.writeUIntBE(body.length, 0, 3);
  const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
  const signed = Buffer.concat([
    Buffer.from([0, 0]),
    time,
    Buffer.from([0, 1]),
    sha256(publicKey),
    length,
    body,
    short(0),
  ]);
  const signature = sign('sha256', signed, log.key);
  const ecdsaWithSha256 = Buffer.from([4, 3]);
  const head = Buffer.concat([Buffer.from([0]), sha256(log.publicKey), time, short(0)]);
  const promise = Buffer.concat([head, ecdsaWithSha256, short(signature.length), signature]);
  return Buffer.concat([short(promise.length + 2), short(promise.length), promise]);
}

function short(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
