/**
 * The disposable child that parses manifests: YAML may be hostile. One message in, one out, over the channel that the
 * parent opened; it touches nothing else and ends with its parent. See `manifest-parser.ts`.
 */
import { artifactPathsOf, createParse, type SourceFile } from '../manifest/parse.ts';
import type { ParseReply, ParseRequest } from './manifest-parser.ts';

const parse = createParse();

process.on('message', ({ id, files }: ParseRequest) => {
  const parsed = parse(files as readonly SourceFile[]);
  process.send!({ id, parsed, artifactPaths: artifactPathsOf(parsed) } satisfies ParseReply);
});
process.on('disconnect', () => process.exit(0));
process.send!({ id: 0 } satisfies ParseReply);
