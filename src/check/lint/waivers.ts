/**
 * `metadata.annotations: {lint.headway.dev/HW1064: "why this is meant"}` takes one finding of lint off one document, with
 * a reason that reviewers see. What the daemon refuses cannot be waived, a waiver without a reason does not hold, and
 * one that waives nothing is a finding itself: it would hide the next one.
 */
import { finding } from '../../manifest/finding.ts';
import { isLintRule } from '../../manifest/lint-config.ts';
import { keySpan, keyOf, subjectOf, valueSpan, type ParsedDocument } from '../../manifest/parsed.ts';
import { child } from '../../manifest/place.ts';
import type { Diagnostic, Subject } from '../../model/diagnostic.ts';
import type { WaivedFinding } from './report.ts';

export const WAIVER_PREFIX = 'lint.headway.dev/';
/** A word is no reason. */
const MIN_REASON_LENGTH = 10;

export interface Waived {
  readonly findings: readonly Diagnostic[];
  readonly waived: readonly WaivedFinding[];
}

interface Waiver {
  readonly code: string;
  readonly reason: string;
  readonly document: ParsedDocument;
  readonly pointer: string;
}

export function applyWaivers(findings: readonly Diagnostic[], documents: readonly ParsedDocument[]): Waived {
  const waivers = documents.flatMap(waiversOf);
  const broken = waivers.flatMap(problemOf);
  const sound = waivers.filter((waiver) => problemOf(waiver).length === 0);
  const used = new Set<Waiver>();
  const kept: Diagnostic[] = [];
  const waived: WaivedFinding[] = [];
  for (const one of findings) {
    const waiver = sound.find(({ code, document }) => code === one.code && isAbout(one.subject, document));
    if (waiver) {
      used.add(waiver);
      waived.push({ finding: one, reason: waiver.reason });
    } else {
      kept.push(one);
    }
  }
  const unused = sound
    .filter((waiver) => !used.has(waiver))
    .map(({ code, document, pointer }) =>
      finding('HW1069', `nothing here is a finding of ${code}`, {
        span: keySpan(document, pointer),
        subject: subjectOf(document),
        severity: 'warning',
      }),
    );
  return { findings: [...kept, ...broken, ...unused], waived };
}

function waiversOf(document: ParsedDocument): readonly Waiver[] {
  const annotations = document.value.metadata.annotations ?? {};
  return Object.entries(annotations)
    .filter(([name]) => name.startsWith(WAIVER_PREFIX))
    .map(([name, reason]) => ({
      code: name.slice(WAIVER_PREFIX.length),
      reason: reason.trim(),
      document,
      pointer: child('/metadata/annotations', name),
    }));
}

function problemOf({ code, reason, document, pointer }: Waiver): readonly Diagnostic[] {
  const more = { subject: subjectOf(document) };
  if (!isLintRule(code)) {
    const message = `${code} is no rule that can be waived`;
    return [finding('HW1068', message, { ...more, span: keySpan(document, pointer) })];
  }
  if (reason.length < MIN_REASON_LENGTH) {
    const message = `the waiver of ${code} gives no reason`;
    return [finding('HW1068', message, { ...more, span: valueSpan(document, pointer) })];
  }
  return [];
}

function isAbout(subject: Subject | undefined, document: ParsedDocument): boolean {
  return (
    subject?.kind === document.kind &&
    keyOf({ namespace: subject.namespace ?? '', name: subject.name }) === keyOf(document)
  );
}
