/** Grants of folders of the repository: they only read, and nothing of them grows. */
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atKey, atValue } from './assembly.ts';

export function folderGrantProblems(
  document: ParsedDocument<'Component'> | ParsedDocument<'Role'>,
): readonly Diagnostic[] {
  return (document.value.spec.capabilities ?? []).flatMap(({ filesystem }, index) => {
    if (filesystem?.path === undefined) return [];
    const at = `/spec/capabilities/${index}/filesystem`;
    const problems: Diagnostic[] = [];
    if (filesystem.access === 'ReadWrite') {
      const message = `${filesystem.path} is of the repository: only a commit changes it`;
      problems.push(atValue(document, `${at}/access`, 'HW1241', message));
    }
    for (const quota of ['maxSize', 'maxFiles'] as const) {
      if (filesystem[quota] === undefined) continue;
      problems.push(
        atKey(document, `${at}/${quota}`, 'HW1241', `${quota} is for volumes: nothing of ${filesystem.path} can grow`),
      );
    }
    return problems;
  });
}
