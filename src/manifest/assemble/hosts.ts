/**
 * The hosts of `outboundHttp`, `sockets` and `nameLookup`: each is one that a use can be held against, so that no line grants
 * nothing by its spelling.
 */
import { parseAddress, parseHostBlock } from '../../model/address.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { isEntryHost } from '../../model/entry-host.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue } from './assembly.ts';

const LABEL = /^[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?$/i;
/** What ends in it is read as an address, whatever its spelling. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/i;
/** Other entries are reached by `outboundHttp` alone. */
const ENTRIES = /^(?:(?:\*|[-a-z0-9]+)\.[-a-z0-9]+|\*)\.headway$/i;
const MAX_PORT = 65_535;

type Check = (written: string) => string | undefined;

const host: Check = (written) => {
  if (isEntryHost(written) && !ENTRIES.test(written)) {
    return 'is the name of no entry: write `<name>.<namespace>.headway`, `*.<namespace>.headway` or `*.headway`';
  }
  return parseHostBlock(written) || isName(written)
    ? undefined
    : 'is neither a name, `*.` and a domain, an address nor a block';
};
const peer: Check = (written) =>
  isEntryHost(written) ? 'is another entry, which outboundHttp reaches and a socket does not' : host(written);
const name: Check = (written) => {
  if (parseHostBlock(written)) return 'is no name: an address is not looked up';
  return isName(written) ? peer(written) : 'is neither a name nor `*.` and a domain';
};
const endpoint: Check = (written) =>
  isEndpoint(written) ? undefined : 'is not an address in its usual form and a port, which stands for itself';

/** List of a capability → what each of its items has to be. */
const CHECKS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  outboundHttp: { hosts: host },
  sockets: { hosts: peer, listen: endpoint },
  nameLookup: { hosts: name },
};

export function hostProblems(document: ParsedDocument<'Component'> | ParsedDocument<'Role'>): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const [index, grant] of (document.value.spec.capabilities ?? []).entries()) {
    for (const [capability, lists] of Object.entries(CHECKS)) {
      const settings = (grant as unknown as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>)[
        capability
      ];
      for (const [list, check] of Object.entries(lists)) {
        for (const [place, item] of ((settings?.[list] ?? []) as readonly string[]).entries()) {
          const why = check(item);
          const pointer = `/spec/capabilities/${index}/${capability}/${list}/${place}`;
          if (why !== undefined) found.push(atValue(document, pointer, 'HW1220', `\`${item}\` ${why}`));
        }
      }
    }
  }
  return found;
}

function isName(written: string): boolean {
  const labels = written.replace(/^\*\./, '').split('.');
  return labels.every((label) => LABEL.test(label)) && !NUMBER.test(labels.at(-1)!);
}

/** As the broker spells it: it is compared letter by letter. */
function isEndpoint(written: string): boolean {
  const [, inner, plain, port] = /^(?:\[([0-9a-f:]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/.exec(written) ?? [];
  const address = parseAddress(inner ?? plain ?? '');
  if (!address || Number(port) > MAX_PORT) return false;
  return inner === undefined ? address.family === 4 : address.family === 6 && inner === shortest(inner);
}

/** The longest run of two or more zeros left out, the first of equals: RFC 5952. */
function shortest(text: string): string {
  const { value } = parseAddress(text)!;
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(16 * (7 - index))) & 0xffffn).toString(16));
  let [start, length] = [0, 1];
  for (let at = 0; at < groups.length; at++) {
    let run = 0;
    while (groups[at + run] === '0') run += 1;
    if (run > length) [start, length] = [at, run];
  }
  if (length === 1) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}
