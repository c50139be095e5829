/**
 * What one commit may ask of the parser. The first line against hostile input; the second is the disposable child with
 * its deadline and memory cap. Nothing here limits an honest environment: 1 MiB holds about a thousand components.
 */
export interface Bounds {
  readonly maxFileBytes: number;
  readonly maxTotalBytes: number;
  readonly maxFiles: number;
  /** UTF-16 code units between two line ends: what a reviewer's screen and the lexer have to take at once. */
  readonly maxLineLength: number;
  /** Collections inside each other. */
  readonly maxDepth: number;
  /** Keys of all mappings of one file together. */
  readonly maxKeys: number;
  readonly maxDocumentsPerFile: number;
  /** Lexemes of one file: what its parse costs, however little of it makes sense. */
  readonly maxLexemes: number;
  /** Problems reported for one document; the rest is counted in the last one. */
  readonly maxProblemsPerDocument: number;
}

export const BOUNDS: Bounds = {
  maxFileBytes: 2 ** 20,
  maxTotalBytes: 64 * 2 ** 20,
  maxFiles: 20_000,
  maxLineLength: 16_384,
  maxDepth: 32,
  maxKeys: 50_000,
  maxDocumentsPerFile: 2_000,
  maxLexemes: 500_000,
  maxProblemsPerDocument: 20,
};

/** Hostnames times matches of one Route, over all of its rules. */
export const MAX_RULES_PER_ROUTE = 1_024;
/** With those of its Roles. */
export const MAX_GRANTS_PER_COMPONENT = 256;

/** Bytes of JSON that a Schedule gives to a function. They are part of the release and of each firing. */
export const MAX_PARAMETERS_BYTES = 16_384;

/** Members of one cell: an entry and all that it links inline. */
export const MAX_MEMBERS_PER_CELL = 64;
