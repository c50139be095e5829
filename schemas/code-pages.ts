/** A page for each code that has a bad and a good example: the rows of the tables that the tests run. */
import { CODES, type Code } from '../src/model/codes.ts';
import { isLintRule } from '../src/manifest/lint-config.ts';
import { BINARY_ROWS, type BinaryRow } from '../test/check/binary-codes.table.ts';
import { LINT_ROWS } from '../test/check/lint-codes.table.ts';
import { TYPE_ROWS, type Artifact, type TypeRow } from '../test/check/type-codes.table.ts';
import { ROOT_ROWS } from '../test/manifest/root-codes.table.ts';
import { BASE_ROWS } from '../test/manifest/base-codes.table.ts';
import { ROWS, type Row } from '../test/manifest/codes.table.ts';
import { marked } from '../test/manifest/marked.ts';

export const CODE_PAGES = 'docs/reference/codes';

type AnyRow = Row & Partial<Omit<BinaryRow, 'artifact' | 'goodArtifact'>> & Partial<TypeRow>;

/** Where the usual sentence about lint and the daemon is not all. */
const BESIDES: Partial<Readonly<Record<Code, string>>> = {
  HW1112:
    'The daemon refuses to start what is called and lets the release before it serve on. Seen from one commit alone the caller is in error only by itself; `headway plan` knows the commit before and says this too.',
  HW1120:
    'The daemon refuses such a document. Which namespaces a repository has is said by `runtime.yaml` of the host, out of reach of any commit: `headway lint` and `headway plan` say this where `namespaces` of `.headway.yaml` repeats it.',
  HW1121:
    'The daemon refuses such a Route. It compares with what the other repositories claim at that moment; no repository holds the others, so neither `headway lint` nor `headway plan` can know it: `headway plan` before the merge is no promise about it. Give each root hosts of its own.',
};

/** Text by path, relative to the root of the repository. */
export function codePages(): ReadonlyMap<string, string> {
  const all: readonly AnyRow[] = [...ROWS, ...BASE_ROWS, ...ROOT_ROWS, ...LINT_ROWS, ...BINARY_ROWS, ...TYPE_ROWS];
  const rows = Map.groupBy(all, ({ code }) => code);
  return new Map([...rows].map(([code, own]) => [`${CODE_PAGES}/${code}.md`, page(code, own)]));
}

function page(code: Code, rows: readonly AnyRow[]): string {
  const { title, remedy } = CODES[code];
  const kind = BESIDES[code] ?? (isLintRule(code)
    ? `A rule of lint itself: the daemon runs such a document as it is written. Its severity can be set in \`.headway.yaml\`, and it can be waived with a reason (\`lint.headway.dev/${code}\`).`
    : 'The daemon refuses such a document and keeps its last valid form, so it cannot be waived.');
  return [
    `# ${code}: ${title}`,
    '',
    `${sentence(remedy)} ${kind}`,
    '',
    ...rows.flatMap((row) => example(row)),
    'Made from the tables of the tests by `npm run generate`. [All codes](../codes.md)',
    '',
  ].join('\n');
}

function example(row: AnyRow): readonly string[] {
  const { code, what, bad, good, at, artifact, goodArtifact, linked, goodLinked, before: earlier } = row;
  const { files, expected } = marked(code, bad);
  const places = at === undefined ? expected.map((place) => place.slice(code.length + 1)) : [at];
  const [before, after] = [files, marked(code, good).files];
  return [
    `## ${what}`,
    '',
    `Found at ${places.map((place) => `\`${place}\``).join(' and ')}:`,
    '',
    ...shown(before, after),
    ...built(artifact, linked),
    ...(earlier ? ['After a commit with:', '', ...shown(marked(code, earlier.files).files, files), ...built(earlier.artifact, earlier.linked)] : []),
    'Good:',
    '',
    ...shown(after, before),
    ...built(goodArtifact, goodLinked),
  ];
}

/** What lies at the paths of the artifacts: examples, or components of the worlds shown. */
function built(artifact: Artifact | undefined, linked: Artifact | undefined): readonly string[] {
  return [...lying('cart.wasm', artifact), ...lying('tax.wasm', linked)];
}

function lying(name: string, artifact: Artifact | undefined): readonly string[] {
  if (artifact === undefined) return [];
  if (typeof artifact === 'string') return [`With \`examples/${artifact}\` as \`${name}\`.`, ''];
  return [`With a component of this world as \`${name}\`:`, '', '```wit', artifact.world.trimEnd(), '```', ''];
}

/** Only the files in which the two differ: what is around them is the same. */
function shown(files: Readonly<Record<string, string>>, others: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(files)
    .filter(([file, text]) => others[file] !== text)
    .flatMap(([file, text]) => ['```yaml', `# ${file}`, printable(text).trimEnd(), '```', '']);
}

/** What cannot be seen is shown as its number. */
function printable(text: string): string {
  return text.replaceAll(
    /[^\n\u0020-\u007e\u00a1-\u1fff\u2010-\u2027\u2030-\u205f\u2070-\ud7ff\u{1f300}-\u{1faff}]/gu,
    (character) => `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`,
  );
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
