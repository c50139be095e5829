import { Composer, Lexer, LineCounter, Parser, type Document } from 'yaml';
import type { CST } from 'yaml';
import { err, ok, type Result } from '../kit/result.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Span } from '../model/problem.ts';
import type { Bounds } from './bounds.ts';
import { finding } from './finding.ts';

/** Turns offsets of the text into places. */
export type Locate = (start: number, end: number) => Span;

/** Line and column of an offset, both from 1. */
export type Position = (offset: number) => readonly [line: number, column: number];

export interface YamlFile {
  readonly documents: readonly Document.Parsed[];
  readonly locate: Locate;
  readonly position: Position;
}

/**
 * Text → documents by the stages of the yaml package, one lexeme at a time, so that depth and number of keys are
 * checked while they grow: its composer recurses (a deep nest ends the process), and what is not built cannot hurt.
 * Duplicate keys are looked for in `tree.ts`, because the package's own check compares each key with each.
 */
export function readYaml(file: string, text: string, bounds: Bounds): Result<YamlFile, Diagnostic> {
  const lines = new LineCounter();
  const position = positions(lines.lineStarts);
  const locate: Locate = (start, end) => {
    const [line, column] = position(start);
    const [endLine, endColumn] = position(Math.max(start, end));
    return { file, line, column, endLine, endColumn };
  };
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  const counts = { lexemes: 0, keys: 0, documents: 0 };
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    const offset = parser.offset;
    for (const token of parser.next(lexeme)) tokens.push(token);
    counts.lexemes += 1;
    if (lexeme === ':') counts.keys += 1;
    // A document begins with `---` or, without one, with its first content.
    if (lexeme === '---' || lexeme === '\u0002') counts.documents += 1;
    const breach = breached(parser.stack, counts, bounds);
    if (breach) return err(finding('HW1003', breach, { span: locate(offset, offset + 1) }));
  }
  tokens.push(...parser.end());
  const directive = tokens.find((token) => token.type === 'directive');
  if (directive) {
    const message = `the directive \`${directive.source}\` is not allowed: manifests are YAML 1.2`;
    const { offset } = directive;
    return err(finding('HW1004', message, { span: locate(offset, offset + directive.source.length) }));
  }
  const composer = new Composer({ version: '1.2', schema: 'core', strict: true, uniqueKeys: false, stringKeys: true });
  return ok({ documents: [...composer.compose(tokens, false, text.length)], locate, position });
}

const COLLECTIONS: ReadonlySet<string> = new Set(['block-map', 'block-seq', 'flow-collection']);

interface Counts {
  readonly lexemes: number;
  readonly keys: number;
  readonly documents: number;
}

function breached(stack: readonly CST.Token[], counts: Counts, bounds: Bounds): string | undefined {
  const isDeep = stack.length > bounds.maxDepth;
  if (isDeep && stack.filter((token) => COLLECTIONS.has(token.type)).length > bounds.maxDepth) {
    return `more than ${bounds.maxDepth} levels of nesting`;
  }
  if (counts.lexemes > bounds.maxLexemes) return `more than ${bounds.maxLexemes} words and signs in one file`;
  if (counts.keys > bounds.maxKeys) return `more than ${bounds.maxKeys} keys in one file`;
  if (counts.documents > bounds.maxDocumentsPerFile) {
    return `more than ${bounds.maxDocumentsPerFile} documents in one file`;
  }
  return undefined;
}

/** What is asked for stands mostly in the line that was asked for last, or near it. */
function positions(starts: readonly number[]): Position {
  let at = 0;
  return (offset) => {
    while (at > 0 && starts[at]! > offset) at -= 1;
    while (at + 1 < starts.length && starts[at + 1]! <= offset) at += 1;
    return [at + 1, offset - starts[at]! + 1];
  };
}
