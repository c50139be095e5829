import path from 'node:path';
import { defineConfig } from 'vitest/config';

const ROOT = path.resolve(import.meta.dirname, '..');
/** No processes, no servers: what `npm run check` runs all the time. */
const FAST = ['test/{house,kit,model,manifest,decide,wire}/**/*.test.ts'];
/** Pure too, and seconds of arithmetic each: years of firing times beside another clock, thousands of simulated gates. */
const LONG = ['test/decide/schedule/times.test.ts', 'test/decide/gate/monte-carlo.test.ts'];

export default defineConfig({
  root: ROOT,
  test: {
    reporters: [process.env['CI'] ? 'default' : 'dot', './test/support/closing-line.ts'],
    projects: [
      // Pure rooms keep nothing between two calls, so nothing between two files.
      {
        root: ROOT,
        // A machine that does other things as well is no failure.
        test: { name: 'fast', include: FAST, exclude: LONG, pool: 'threads', isolate: false, testTimeout: 60_000 },
      },
      { root: ROOT, test: { name: 'long', include: LONG, pool: 'threads' } },
      {
        root: ROOT,
        test: {
          name: 'real',
          include: ['test/**/*.test.ts'],
          exclude: FAST,
          pool: 'forks',
          // What waits inside a test gives up earlier and says what it saw.
          testTimeout: 240_000,
          hookTimeout: 120_000,
          // Two cores: real processes side by side would only slow each other past their deadlines.
          fileParallelism: false,
        },
      },
    ],
  },
});
