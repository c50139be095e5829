type Slice = (this: Uint8Array, start: number, end: number) => string;
// Not among the declared methods. It reads any bytes in place: `bytes.buffer` would first move small ones off the heap.
const { latin1Slice } = Buffer.prototype as unknown as { readonly latin1Slice: Slice };

/** Each byte as the code unit of its value. */
export function latin1(bytes: Uint8Array): string {
  return latin1Slice.call(bytes, 0, bytes.length);
}
