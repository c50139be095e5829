import path from 'node:path';
import { defineConfig } from 'vitest/config';

const ROOT = path.resolve(import.meta.dirname, '..');
/** No processes, no servers: what `npm run check` runs all the time. */
const FAST = ['test/{house,kit,model,manifest,decide,wire}/**/*.test.ts'];
/** Pure too, and seconds of arithmetic each: years of firing times beside another clock, thousands of simulated gates, hours of schedules. */
const LONG = [
  'test/decide/schedule/times.test.ts',
  'test/decide/gate/monte-carlo.test.ts',
  'test/decide/schedules.test.ts',
];

/**
 * Real processes and files, and nothing that is held against a time shorter than a few seconds. Two files at once.
 */
const APART = [
  'test/{component,artifact,git,journal,check,secret,examples,simulator}/**/*.test.ts',
  'test/e2e/{rehearse,rehearse-artifacts,checks,schedules,kills}.test.ts',
];
/** What waits inside a test gives up earlier and says what it saw; what is polled for does as well, and is no promise about time. */
const PATIENCE = { testTimeout: 240_000, hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } } as const;
/** One kind after the other. */
const order = (groupOrder: number) => ({ sequence: { groupOrder } });

export default defineConfig({
  root: ROOT,
  test: {
    reporters: [process.env['CI'] ? 'default' : 'dot', './test/support/closing-line.ts'],
    projects: [
      // Pure rooms keep nothing between two calls, so nothing between two files.
      {
        root: ROOT,
        // A machine that does other things as well is no failure.
        test: {
          ...order(0),
          name: 'fast',
          include: FAST,
          exclude: LONG,
          pool: 'threads',
          isolate: false,
          maxWorkers: 2,
          testTimeout: 60_000,
        },
      },
      { root: ROOT, test: { ...order(1), name: 'long', include: LONG, pool: 'threads', testTimeout: 60_000 } },
      { root: ROOT, test: { ...PATIENCE, ...order(2), name: 'apart', include: APART, pool: 'forks', maxWorkers: 2 } },
      {
        root: ROOT,
        test: {
          ...PATIENCE,
          ...order(3),
          name: 'real',
          include: ['test/**/*.test.ts'],
          exclude: [...FAST, ...APART],
          pool: 'forks',
          // Two cores: real processes side by side would only slow each other past their deadlines.
          fileParallelism: false,
        },
      },
    ],
  },
});
