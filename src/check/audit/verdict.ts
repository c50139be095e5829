import type { AuditVerdict } from '../../model/audit-record.ts';

/** What `headway audit verify` says; the last line is what to write down for the next time. */
export function verdictText(data: string, { records, files, first, head, findings }: AuditVerdict): string {
  const lines = findings.map(({ place, message }) => `${place}: ${message}`);
  const range = first === undefined ? '' : `, records ${first} to ${head!.seq}`;
  const what = findings.length === 0 ? 'whole' : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`;
  lines.push(`${data}: ${records} records in ${files} ${files === 1 ? 'file' : 'files'}${range}: ${what}`);
  if (head) lines.push(`head ${head.seq} ${head.hash}`);
  return `${lines.join('\n')}\n`;
}
