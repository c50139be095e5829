/**
 * The disposable child that parses manifests: YAML may be hostile. Files in, one result for each out, over the channel
 * that the parent opened; it touches nothing else and ends with its parent. See `manifest-parser.ts`.
 */
import { createParseFile } from '../manifest/parse.ts';
import type { Parsed } from '../manifest/parsed.ts';
import type { ManifestFile } from '../reconcile/ports.ts';
import { READY, type FromChild, type ToChild } from './disposable-child.ts';

// A broken file makes one error object for each mistake; nobody reads where in the parser it was made.
Error.stackTraceLimit = 0;

const parseFile = createParseFile();

process.on('message', ({ id, job }: ToChild<readonly ManifestFile[]>) => {
  process.send!({ id, answer: job.map(parseFile) } satisfies FromChild<readonly Parsed[]>);
});
process.on('disconnect', () => process.exit(0));
process.send!(READY);
