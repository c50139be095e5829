import { isolationOf } from '../../decide/isolation.ts';
import type { ParsedDocument } from '../../manifest/parsed.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { at } from './at.ts';

/** Asked to share, and does not: what it links inline is in its process, and never said that it trusts the others. */
export function unsharedCells(entry: DesiredEntry, document: ParsedDocument<'Component'>): readonly Diagnostic[] {
  const [own, ...linked] = entry.members;
  if (own.isolation !== 'Shared' || isolationOf(entry.members) === 'Shared') return [];
  const { key, isolation } = linked.find((member) => member.isolation !== 'Shared')!;
  const message = `Component ${entry.key} shares no process: ${key}, which it links inline, has isolation ${isolation}`;
  return [at(document, '/spec/isolation', 'HW1218', message)];
}
