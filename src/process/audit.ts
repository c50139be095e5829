/** `headway audit verify|show`: the audit of a data folder, offline; a running daemon is not asked and not disturbed. */
import { filterOf, isShown, recordText } from '../check/audit/records.ts';
import { verdictText } from '../check/audit/verdict.ts';
import { printProblem } from '../check/print.ts';
import type { Terminal } from '../check/terminal.ts';
import { openAuditFolder, recordsOf, type AuditFolder } from '../journal/audit/read.ts';
import { verifyAudit } from '../journal/audit/verify.ts';
import type { AuditVerdict } from '../model/audit-record.ts';
import { EXIT, type ExitCode } from '../model/exit.ts';
import { problem } from '../model/problem.ts';

export interface AuditOptions {
  readonly data: string;
  readonly format: 'text' | 'json';
}

/** Exit code 0 where it is whole, 1 where something is found, 2 where there is none to read. */
export function verifyCommand(
  options: AuditOptions & { readonly contains: readonly string[] },
  terminal: Terminal,
): ExitCode {
  return reading(options.data, terminal, (folder) => {
    const { anchor } = folder;
    const verdict = verifyAudit(folder.files(), {
      anchor: anchor.ok ? anchor.value : undefined,
      contains: options.contains,
    });
    const whole: AuditVerdict = anchor.ok
      ? verdict
      : {
          ...verdict,
          findings: [...verdict.findings, { place: 'audit', message: `${anchor.error}: its end cannot be checked` }],
        };
    terminal.out(options.format === 'json' ? `${JSON.stringify(whole)}\n` : verdictText(options.data, whole));
    return whole.findings.length === 0 ? EXIT.Ok : EXIT.Findings;
  });
}

export interface ShowOptions extends AuditOptions {
  readonly entry?: string | undefined;
  readonly kind?: string | undefined;
  readonly since?: string | undefined;
}

/** Exit code 0; 1 where a line cannot be read; 2 where there is nothing to read or the filter says nothing. */
export function showCommand(options: ShowOptions, terminal: Terminal): ExitCode {
  const filter = filterOf(options, Date.now());
  if (!filter.ok) {
    printProblem(terminal, problem('HW5012', filter.error));
    return EXIT.Broken;
  }
  return reading(options.data, terminal, (folder) => {
    let code: ExitCode = EXIT.Ok;
    const damaged = (place: string): void => {
      code = EXIT.Findings;
      terminal.err(`headway: ${place} is not a line of the audit; \`headway audit verify\` says more\n`);
    };
    for (const record of recordsOf(folder.files(), damaged)) {
      if (isShown(record, filter.value)) {
        terminal.out(options.format === 'json' ? `${JSON.stringify(record)}\n` : recordText(record));
      }
    }
    return code;
  });
}

function reading(data: string, terminal: Terminal, read: (folder: AuditFolder) => ExitCode): ExitCode {
  try {
    const folder = openAuditFolder(data);
    if (folder.ok) return read(folder.value);
    printProblem(terminal, folder.error);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    printProblem(terminal, problem('HW5042', `the audit in ${data} cannot be read: ${error.message}`));
  }
  return EXIT.Broken;
}
