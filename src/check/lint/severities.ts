import type { LintConfig } from '../../manifest/lint-config.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';

/** Findings of lint's own rules with the severities that `.headway.yaml` gives them; `Ignore` drops them. */
export function withSeverities(findings: readonly Diagnostic[], { rules }: LintConfig): readonly Diagnostic[] {
  return findings.flatMap((finding) => {
    const wanted = rules.get(finding.code);
    if (wanted === undefined) return [finding];
    return wanted === 'Ignore' ? [] : [{ ...finding, severity: wanted === 'Error' ? 'error' : 'warning' }];
  });
}
