/** The hosts of `outboundHttp`: each is one that a request can be held against, so that no line grants nothing by its spelling. */
import { parseBlock } from '../../model/address.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue } from './assembly.ts';

const LABEL = /^[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?$/i;
/** What ends in it is read as an address, whatever its spelling. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/i;

export function outboundHostProblems(
  document: ParsedDocument<'Component'> | ParsedDocument<'Role'>,
): readonly Diagnostic[] {
  return (document.value.spec.capabilities ?? []).flatMap(({ outboundHttp }, index) =>
    (outboundHttp?.hosts ?? []).flatMap((host, place) => {
      if (isHost(host)) return [];
      const pointer = `/spec/capabilities/${index}/outboundHttp/hosts/${place}`;
      return [
        atValue(
          document,
          pointer,
          'HW1220',
          `\`${host}\` is neither a name, \`*.\` and a domain, an address nor a block`,
        ),
      ];
    }),
  );
}

function isHost(host: string): boolean {
  if (parseBlock(host.replace(/^\[(.*:.*)\]$/, '$1'))) return true;
  const labels = host.replace(/^\*\./, '').split('.');
  return labels.every((label) => LABEL.test(label)) && !NUMBER.test(labels.at(-1)!);
}
