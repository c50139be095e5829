/** The disposable child that reads the types of components: their bytes are foreign. See `shape-reader.ts`. */
import { inspect } from '../component/inspect.ts';
import type { ShapeAnswer } from './shape-reader.ts';
import { READY, type FromChild, type ToChild } from './disposable-child.ts';

process.on('message', ({ id, job }: ToChild<Uint8Array>) => {
  process.send!({ id, answer: inspect(job) } satisfies FromChild<ShapeAnswer>);
});
process.on('disconnect', () => process.exit(0));
process.send!(READY);
