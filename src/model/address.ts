/**
 * IP addresses in canonical form, without I/O: what an address is, whether it belongs to the open internet, and which
 * blocks hold it. An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
 */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** `10.0.0.0/8`, or one address with the whole length as prefix. */
export interface AddressBlock extends Address {
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;
const V4_PART = /^(?:0|[1-9][0-9]{0,2})$/;
const V6_PART = /^[0-9a-f]{1,4}$/i;
const PREFIX = /^(?:0|[1-9][0-9]{0,2})$/;
/** `::ffff:0:0/96` */
const MAPPED_PREFIX = 0xffffn;

/** IPv4 that is not a public unicast address: RFC 6890 and its successors; and one public one that is a cloud's inside. */
const RESERVED_V4 = blocks(
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
);
/** Inside 2000::/3: what tunnels to an IPv4 address of the sender's choice, or is for documents only. */
const RESERVED_V6 = blocks('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20');
const UNICAST_V6 = blocks('2000::/3')[0]!;

/** Only the usual spellings: four decimal numbers, or IPv6 text without a zone. `undefined` for everything else. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) return parseV4(text);
  const value = parseV6(text);
  if (value === undefined) return undefined;
  return value >> 32n === MAPPED_PREFIX ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value };
}

/** A host of a grant that is no name: as `parseBlock`, and IPv6 may stand in brackets. */
export function parseHostBlock(host: string): AddressBlock | undefined {
  return parseBlock(host.replace(/^\[(.*:.*)\]$/, '$1'));
}

/** An address or a block in CIDR notation whose address has no bit behind the prefix; `undefined` for everything else. */
export function parseBlock(text: string): AddressBlock | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = BITS[address.family];
  if (slash === -1) return { ...address, prefix: bits };
  const length = text.slice(slash + 1);
  if (!PREFIX.test(length)) return undefined;
  // The prefix of a mapped address counts from the start of the IPv6 one.
  const mapped = address.family === 4 && text.includes(':');
  const prefix = mapped ? Number(length) - 96 : Number(length);
  if (prefix < 0 || prefix > bits) return undefined;
  const block = { ...address, prefix };
  return networkOf(address, prefix) << BigInt(bits - prefix) === address.value ? block : undefined;
}

/** Whether every address of `inner` is in `outer`. */
export function contains(outer: AddressBlock, inner: AddressBlock): boolean {
  if (outer.family !== inner.family || inner.prefix < outer.prefix) return false;
  return networkOf(outer, outer.prefix) === networkOf(inner, outer.prefix);
}

export function asBlock(address: Address): AddressBlock {
  return { ...address, prefix: BITS[address.family] };
}

/** An address of the open internet: nothing on this machine, in this network, or of the cloud that it runs in. */
export function isPublic(address: Address): boolean {
  const block = asBlock(address);
  if (address.family === 4) return !RESERVED_V4.some((reserved) => contains(reserved, block));
  return contains(UNICAST_V6, block) && !RESERVED_V6.some((reserved) => contains(reserved, block));
}

/**
 * Whether a block names inside addresses: it has no public one. `0.0.0.0/0` is a way to say "any", and names none of what
 * only those reach who are inside.
 */
export function isInside(block: AddressBlock): boolean {
  if (block.family === 4) return RESERVED_V4.some((reserved) => contains(reserved, block));
  if (RESERVED_V6.some((reserved) => contains(reserved, block))) return true;
  return !contains(UNICAST_V6, block) && !contains(block, UNICAST_V6);
}

function networkOf({ family, value }: Address, prefix: number): bigint {
  return value >> BigInt(BITS[family] - prefix);
}

function parseV4(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => V4_PART.test(part) && Number(part) <= 255)) return undefined;
  return { family: 4, value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) };
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const lists = halves.map((half) => (half === '' ? [] : half.split(':')));
  const head = groupsOf(lists[0]!, lists.length === 1);
  const tail = lists[1] ? groupsOf(lists[1], true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (lists.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** Groups of 16 bits; the last part of an address may be IPv4. */
function groupsOf(parts: readonly string[], mayEndInV4: boolean): number[] | undefined {
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const v4 = mayEndInV4 && index === parts.length - 1 && part.includes('.') ? parseV4(part) : undefined;
    if (v4) groups.push(Number(v4.value >> 16n), Number(v4.value & 0xffffn));
    else if (V6_PART.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function blocks(...texts: readonly string[]): readonly AddressBlock[] {
  return texts.map((text) => parseBlock(text)!);
}
