import { err, ok, type Result } from '../kit/result.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { BOUNDS } from './bounds.ts';
import { finding } from './finding.ts';
import { schemaFindings } from './parse.ts';
import { decodeText } from './text.ts';
import { treeOf, type Tree } from './tree.ts';
import type { Validate } from './validator.ts';
import { readYaml } from './yaml.ts';

/** A file beside the manifests that holds exactly one document of one kind, by the manifests' own reader and checks. */
export function readSingleDocument(
  bytes: Uint8Array,
  file: string,
  kind: string,
  createValidator: () => Validate,
): Result<Tree, readonly Diagnostic[]> {
  const text = decodeText(file, bytes, BOUNDS);
  if (!text.ok) return err([text.error]);
  const yaml = readYaml(file, text.value, BOUNDS);
  if (!yaml.ok) return err([yaml.error]);
  const [document, ...others] = yaml.value.documents;
  if (!document || others.length > 0) {
    const message = `${file} holds ${yaml.value.documents.length} documents; it has to hold exactly one`;
    const remedy = `write one document of kind ${kind}`;
    return err([finding('HW1027', message, { span: yaml.value.locate(0, 0), remedy })]);
  }
  const tree = treeOf(document, yaml.value);
  if (tree.problems.length > 0) return err(tree.problems);
  const problems = schemaFindings(file, tree.value, tree.places, createValidator());
  return problems.length > 0 ? err(problems) : ok(tree);
}
