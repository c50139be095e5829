/**
 * Secret documents in the text of a file, for the command that writes them. Nothing but the values meant changes:
 * comments, order and line ends stay as they were written.
 */
import { isMap, isScalar, isSeq, type Document, type YAMLMap, type YAMLSeq } from 'yaml';
import { canonicalJson, type Json } from '../kit/json.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { BOUNDS } from './bounds.ts';
import { finding } from './finding.ts';
import type { SealedSetting, Secret } from './generated/secret.ts';
import type { TextEdit } from './lock.ts';
import { API_VERSION } from './kinds.ts';
import { schemaFindings } from './parse.ts';
import { treeOf } from './tree.ts';
import type { Validate } from './validator.ts';
import { readYaml } from './yaml.ts';

export interface WrittenSecret {
  /** `namespace/name`. */
  readonly key: string;
  readonly value: Secret;
}

/** The Secrets of a file, each checked by its schema. */
export function secretsIn(
  file: string,
  text: string,
  validate: Validate,
): Result<readonly WrittenSecret[], Diagnostic> {
  const yaml = readYaml(file, text, BOUNDS);
  if (!yaml.ok) return yaml;
  const found: WrittenSecret[] = [];
  for (const document of yaml.value.documents) {
    const tree = treeOf(document, yaml.value);
    const [problem] = tree.problems;
    if (problem) return err(problem);
    if (!isSecret(document)) continue;
    const [wrong] = schemaFindings(file, tree.value, tree.places, validate);
    if (wrong) return err(wrong);
    const value = tree.value as unknown as Secret;
    found.push({ key: `${value.metadata.namespace}/${value.metadata.name}`, value });
  }
  return ok(found);
}

/** The text with these values in one of its Secrets: in the place of those of the same name, or after the last one. */
export function withSettings(
  file: string,
  text: string,
  key: string,
  settings: readonly SealedSetting[],
): Result<string, Diagnostic> {
  const before = readYaml(file, text, BOUNDS);
  if (!before.ok) return before;
  const document = before.value.documents.find((one) => isSecret(one) && keyIn(one) === key);
  const data: unknown = document?.getIn(['spec', 'data'], true);
  if (!document || !isSeq(data)) return err(finding('HW5104', `there is no Secret ${key} in ${file}`));
  const edits = settings.flatMap((setting) => editsOf(text, data, setting)).sort((a, b) => b.from - a.from);
  let edited = text;
  for (const { from, to, text: more } of edits) edited = edited.slice(0, from) + more + edited.slice(to);
  const after = readYaml(file, edited, BOUNDS);
  const expected = before.value.documents.map((one) => meaningOf(one, one === document ? settings : []));
  if (after.ok && canonicalJson(expected) === canonicalJson(after.value.documents.map((one) => meaningOf(one, [])))) {
    return ok(edited);
  }
  const remedy = 'write `data` of the Secret as a plain list, each field on its own line, and try again';
  return err(finding('HW5104', `${file} cannot be changed there without changing more of it`, { remedy }));
}

/** A new document, as the command writes it. */
export function newSecret(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  recipients: readonly string[],
  setting: SealedSetting,
): string {
  return `apiVersion: ${API_VERSION}
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  recipients:
${recipients.map((recipient) => `    - ${recipient}\n`).join('')}  data:
${itemLines(setting, '    ', '\n')}`;
}

function isSecret(document: Document.Parsed): boolean {
  const root: unknown = document.contents;
  return isMap(root) && root.get('apiVersion') === API_VERSION && root.get('kind') === 'Secret';
}

function keyIn(document: Document.Parsed): string {
  return `${String(document.getIn(['metadata', 'namespace']))}/${String(document.getIn(['metadata', 'name']))}`;
}

function editsOf(text: string, data: YAMLSeq, setting: SealedSetting): readonly TextEdit[] {
  const item = data.items.find((one): one is YAMLMap => isMap(one) && one.get('name') === setting.name);
  if (!item) return [addition(text, data, setting)];
  return (['version', 'encrypted'] as const).flatMap((field) => {
    const written = item.get(field, true);
    if (!isScalar(written) || !written.range) return [];
    return [{ from: written.range[0], to: written.range[1], text: `"${setting[field]}"` }];
  });
}

function addition(text: string, data: YAMLSeq, setting: SealedSetting): TextEdit {
  const [start, end] = data.range!;
  if (data.flow) {
    const last = data.items.at(-1) as YAMLMap;
    const at = last.range![1];
    const { name, version, encrypted } = setting;
    return { from: at, to: at, text: `, {name: ${name}, version: "${version}", encrypted: "${encrypted}"}` };
  }
  const indent = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const at = Math.min(end, text.length);
  const lead = text[at - 1] === '\n' ? '' : newline;
  return { from: at, to: at, text: lead + itemLines(setting, indent, newline) };
}

function itemLines({ name, version, encrypted }: SealedSetting, indent: string, newline: string): string {
  const lines = [`- name: ${name}`, `  version: "${version}"`, `  encrypted: "${encrypted}"`];
  return lines.map((line) => indent + line + newline).join('');
}

/** What a document says, with these values in it. */
function meaningOf(document: Document.Parsed, settings: readonly SealedSetting[]): Json {
  const value = document.toJS() as Json;
  if (settings.length === 0) return value;
  const secret = value as unknown as Secret;
  const changed = new Map(settings.map((setting) => [setting.name, setting]));
  const kept = secret.spec.data.map((one) => changed.get(one.name) ?? one);
  const added = settings.filter(({ name }) => !secret.spec.data.some((one) => one.name === name));
  return { ...secret, spec: { ...secret.spec, data: [...kept, ...added] } } as unknown as Json;
}
