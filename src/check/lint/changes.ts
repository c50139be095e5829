/**
 * `--changed-since`: what a change is to answer for. A finding counts when its file has changed; when its document has,
 * as it is after variables and patches of an Environment, or an artifact that it names; or when it was not there before,
 * as where the change took away what another document refers to. A work tree is compared as it lies there.
 */
import type { Digest } from '../../kit/digest.ts';
import { canonicalJson, type Json } from '../../kit/json.ts';
import { keyOf, type Parsed, type ParsedDocument } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';

/** One state of what is linted, all of it. */
export interface LintedState {
  readonly files: readonly ManifestFile[];
  /** Absent where the parser did not get through it. */
  readonly parsed?: Parsed;
  readonly digests: ReadonlyMap<string, Digest>;
  readonly findings: readonly Diagnostic[];
}

/** A folder that was not there before: everything in it is new. */
export const NOTHING: LintedState = { files: [], digests: new Map(), findings: [] };

export function findingsOfChanges(before: LintedState, after: LintedState): readonly Diagnostic[] {
  const changed = changedFiles(before, after);
  const documents = changedDocuments(before, after);
  const known = new Set(before.findings.map(nameOfFinding));
  return after.findings.filter((finding) => {
    const { span, subject } = finding;
    if (!span || changed.has(span.file)) return true;
    if (subject !== undefined && documents.has(nameOf({ namespace: '', ...subject }))) return true;
    return !known.has(nameOfFinding(finding));
  });
}

function changedFiles(before: LintedState, after: LintedState): ReadonlySet<string> {
  const old = new Map(before.files.map(({ path, bytes }) => [path, bytes]));
  const differs = ({ path, bytes }: ManifestFile): boolean => {
    const was = old.get(path);
    return was === undefined || Buffer.compare(was, bytes) !== 0;
  };
  return new Set(after.files.filter(differs).map(({ path }) => path));
}

function changedDocuments(before: LintedState, after: LintedState): ReadonlySet<string> {
  const old = new Map((before.parsed?.documents ?? []).map((document) => [nameOf(document), document]));
  const replaced = (path: string): boolean => before.digests.get(path) !== after.digests.get(path);
  const differs = (document: ParsedDocument): boolean => {
    const was = old.get(nameOf(document));
    return was === undefined || contentOf(was) !== contentOf(document) || replaced(artifactOf(document));
  };
  return new Set((after.parsed?.documents ?? []).filter(differs).map(nameOf));
}

function contentOf({ value }: ParsedDocument): string {
  return canonicalJson(value as unknown as Json);
}

function artifactOf(document: ParsedDocument): string {
  if (document.kind !== 'Component') return '';
  const { source } = (document as ParsedDocument<'Component'>).value.spec;
  return source.path?.replace(/^\.\//, '') ?? '';
}

function nameOf(subject: { readonly kind: string; readonly namespace: string; readonly name: string }): string {
  return `${subject.kind} ${keyOf(subject)}`;
}

/** The same trouble in the same place of the documents, on whatever line that is now. */
function nameOfFinding({ code, span, subject, message }: Diagnostic): string {
  return JSON.stringify([code, span?.file, subject ? nameOf({ namespace: '', ...subject }) : '', message]);
}
