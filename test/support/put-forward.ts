/** `headway run` with a clock that a test puts forward: `--skips <file>` before the flags of `run`. */
import { parseArgs } from 'node:util';
import { childrenOf, stopOnSignals } from '../../src/process/run.ts';
import { runOptions } from '../../src/process/run-options.ts';
import { supervise } from '../../src/process/supervisor.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { skips: text, repo: text, ref: text, path: text, data: text, listen: text, status: text },
});
const { skips, ...flags } = values;
const options = runOptions(flags);
if (!options.ok) throw new Error(options.error.map(({ message }) => message).join('; '));
const specs = childrenOf(options.value, skips === undefined ? {} : { skips });
if (!specs.ok) throw new Error(specs.error.message);
const supervisor = supervise(specs.value, (line) => process.stderr.write(`headway: ${line}\n`));
stopOnSignals(() => supervisor.stop());
process.exitCode = await supervisor.ended;
