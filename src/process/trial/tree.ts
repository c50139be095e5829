import { stagedFiles, type StageOptions } from '../../check/trial/stage.ts';
import { digestOfBytes } from '../../kit/digest.ts';
import type { Subject } from './subject.ts';

/** The files of a commit of the trial's repository: artifacts by digest, so that the same bytes are the same file in all. */
export function treeOf(
  { parsed, artifacts, mounted }: Pick<Subject, 'parsed' | 'artifacts' | 'mounted'>,
  options: Omit<StageOptions, 'artifacts'>,
): ReadonlyMap<string, Uint8Array> {
  const encoder = new TextEncoder();
  const names = new Map<string, string>();
  const files = new Map<string, Uint8Array>(mounted);
  for (const [file, bytes] of artifacts) {
    const name = `trial-artifacts/${digestOfBytes(bytes).replace(/^sha256:/, '')}.wasm`;
    names.set(file, name);
    files.set(name, bytes);
  }
  const texts = stagedFiles(parsed, { ...options, artifacts: names });
  return new Map([...files, ...[...texts].map(([file, text]) => [file, encoder.encode(text)] as const)]);
}
