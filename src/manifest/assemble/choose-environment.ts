import type { EnvironmentSettings } from '../../model/desired.ts';
import { finding } from '../finding.ts';
import type { Parsed, ParsedDocument } from '../parsed.ts';
import { atValue, type Assembly } from './assembly.ts';
import { environmentProblems, NO_ENVIRONMENT, settingsOf } from './environment.ts';
import { Tenancy } from './tenancy.ts';

export interface ChosenEnvironment {
  readonly settings: EnvironmentSettings;
  /** Whether there is one, now or from before. */
  readonly known: boolean;
}

/**
 * The Environment of the commit, or the last valid one where there is none, or more than one, or it is invalid. One
 * that a tenant put into its own path is judged by the environment before it and does not count.
 */
export function chooseEnvironment(
  parsed: Parsed,
  assembly: Assembly,
  previous: EnvironmentSettings | undefined,
): ChosenEnvironment {
  const documents = allIn(parsed);
  const before = formerly(previous);
  const fallback = { settings: before ?? NO_ENVIRONMENT, known: before !== undefined };
  const tenancyBefore = before && new Tenancy(before);
  const candidates = documents.filter((document) => {
    const why = tenancyBefore?.trespass(document.file, '');
    if (why !== undefined) {
      const problem = atValue(document, '/metadata/name', 'HW1022', why);
      assembly.addInvalid({ kind: 'Environment', file: document.file, problems: [problem] });
    }
    return why === undefined;
  });
  const [document, ...others] = candidates;
  if (!document) {
    reportMissing(parsed, assembly);
    return fallback;
  }
  if (others.length > 0) {
    for (const candidate of candidates) {
      const rivals = candidates
        .filter((other) => other !== candidate)
        .map(({ file, places }) => `${file}:${places['']?.[0] ?? 1}`);
      const message = `there is another Environment in ${rivals.join(', ')}`;
      assembly.refuse(candidate, [atValue(candidate, '/kind', 'HW1020', message)]);
    }
    return fallback;
  }
  const problems = [...environmentProblems(document)];
  const settings = settingsOf(document.name, document.value.spec);
  const why = new Tenancy(settings).trespass(document.file, '');
  if (why !== undefined) problems.push(atValue(document, '/metadata/name', 'HW1022', why));
  if (problems.length > 0) {
    assembly.refuse(document, problems);
    return fallback;
  }
  return { settings, known: true };
}

/** Those that count: one that a tenant put into its own path does not. */
export function environmentsIn(
  parsed: Parsed,
  previous: EnvironmentSettings | undefined,
): readonly ParsedDocument<'Environment'>[] {
  const before = formerly(previous);
  const tenancy = before && new Tenancy(before);
  return allIn(parsed).filter(({ file }) => tenancy?.trespass(file, '') === undefined);
}

function allIn(parsed: Parsed): readonly ParsedDocument<'Environment'>[] {
  return parsed.documents.filter(
    (document): document is ParsedDocument<'Environment'> => document.kind === 'Environment',
  );
}

function formerly(previous: EnvironmentSettings | undefined): EnvironmentSettings | undefined {
  return previous && previous.name !== NO_ENVIRONMENT.name ? previous : undefined;
}

/** An invalid one has said itself what is wrong. */
function reportMissing(parsed: Parsed, assembly: Assembly): void {
  if (parsed.invalid.some((document) => document.kind === 'Environment')) return;
  const problem = finding('HW1020', 'there is no document of kind Environment under the followed path');
  assembly.addInvalid({ kind: 'Environment', file: '.', problems: [problem] });
}
