/**
 * The disposable child that parses manifests: YAML may be hostile. Files in, one result for each out, over the channel
 * that the parent opened; it touches nothing else and ends with its parent. See `manifest-parser.ts`.
 */
import { createParseFile } from '../manifest/parse.ts';
import type { ParseReply, ParseRequest } from './parse-process.ts';

// A broken file makes one error object for each mistake; nobody reads where in the parser it was made.
Error.stackTraceLimit = 0;

const parseFile = createParseFile();

process.on('message', ({ id, files }: ParseRequest) => {
  process.send!({ id, parsed: files.map(parseFile) } satisfies ParseReply);
});
process.on('disconnect', () => process.exit(0));
process.send!({ id: 0, parsed: [] } satisfies ParseReply);
