/**
 * What is built, from what, to `examples/wasm/<name>.wasm`. One row per component; the sources say how they behave, the
 * rows say what becomes of them.
 */
export type Example = CExample | QuickJsExample;

export interface CExample {
  readonly language: 'c';
  readonly name: string;
  readonly about: string;
  /** Relative to `examples/`; the shared sources of `c/` are linked to each. */
  readonly sources: readonly string[];
  /** A world of `c/worlds.wit`. */
  readonly world: string;
  readonly defines?: Readonly<Record<string, string>>;
  /** The maximum that the memory declares; none where it is absent. */
  readonly maxMemoryBytes?: number;
}

export interface QuickJsExample {
  readonly language: 'quickjs';
  readonly name: string;
  readonly about: string;
  readonly source: string;
  /** Relative to the root of the repository: a folder that holds one WIT package. */
  readonly wit: string;
  readonly world: string;
}

const MEBIBYTE = 1024 * 1024;

function greeting(name: string, version: string, fault: string, about: string): CExample {
  return {
    language: 'c',
    name,
    about,
    sources: ['greeting/c/greeting.c', `greeting/c/faults/${fault}.c`],
    world: 'service',
    defines: { VERSION: JSON.stringify(version) },
  };
}

function counter(name: string, version: string, about: string): CExample {
  return {
    language: 'c',
    name,
    about,
    sources: ['counter/counter.c'],
    world: 'keeping-service',
    defines: { VERSION: JSON.stringify(version) },
  };
}

function report(name: string, version: string, fault: string, about: string): CExample {
  return {
    language: 'c',
    name,
    about,
    sources: ['report/report.c'],
    world: 'command',
    defines: { VERSION: JSON.stringify(version), FAULT: fault },
  };
}

function tax(name: string, about: string, defines: Readonly<Record<string, string>>): CExample {
  return { language: 'c', name, about, sources: ['checkout/tax.c'], world: 'tax', defines };
}

function pricing(name: string, version: string, trapsEvery: number, about: string): CExample {
  return {
    language: 'c',
    name,
    about,
    sources: ['pricing/pricing.c'],
    world: 'priced',
    defines: { VERSION: JSON.stringify(version), TRAPS_EVERY: String(trapsEvery) },
  };
}

const TESTBED_SOURCES = ['testbed', 'plain', 'host', 'misbehaviour'].map((part) => `testbed/${part}.c`);

export const EXAMPLES: readonly Example[] = [
  greeting('greeting-v1', 'v1', 'none', 'greets'),
  greeting('greeting-v2', 'v2', 'none', 'greets, and says v2'),
  greeting('greeting-flaky', 'v2-flaky', 'flaky', 'answers 500 to a third of the greetings'),
  greeting('greeting-slow-tail', 'v2-slow-tail', 'slow-tail', 'takes 300 ms more for a tenth of the greetings'),
  greeting('greeting-traps', 'v2-traps', 'traps', 'traps on a tenth of the greetings'),
  greeting('greeting-spins', 'v2-spins', 'spins', 'never returns from one greeting in twenty'),
  {
    ...greeting(
      'greeting-eats-memory',
      'v2-eats-memory',
      'eats-memory',
      'takes all memory on a tenth of the greetings',
    ),
    maxMemoryBytes: 256 * MEBIBYTE,
  },
  greeting('greeting-never-ready', 'v2-never-ready', 'never-ready', 'answers 503 to its readiness probe, for ever'),
  greeting(
    'greeting-ungranted',
    'v2-ungranted',
    'ungranted',
    'imports files and outgoing requests, which nobody grants',
  ),
  counter('counter-v1', 'v1', 'counts, and keeps its counters in a store'),
  counter('counter-v2', 'v2', 'counts, and says v2'),
  {
    ...counter('counter-view', 'view', 'says what was counted, and cannot count'),
    defines: { VERSION: JSON.stringify('view'), COUNTS: 'false' },
  },
  {
    ...counter('counter-v3', 'v3', 'counts, with its data in another form, into which it brings the old one'),
    world: 'migrating-service',
    defines: { VERSION: JSON.stringify('v3'), FORM: '2' },
  },
  {
    language: 'c',
    name: 'checkout',
    about: 'prices with tax, whose rates another component knows',
    sources: ['checkout/checkout.c'],
    world: 'checkout',
  },
  tax('tax-v1', 'the rates', { RATE_OF_DE: '190' }),
  tax('tax-v2', 'the rates after a reform', { RATE_OF_DE: '160' }),
  tax('tax-traps', 'the reform, and a trap once in three calls', { RATE_OF_DE: '160', TRAP_SHARE: '3' }),
  {
    language: 'quickjs',
    name: 'greeting-js',
    about: 'greets from JavaScript, over headway:http',
    source: 'greeting/js/greeting.js',
    wit: 'wit/http',
    world: 'service',
  },
  report('report-v1', 'v1', '0', 'a command for the clock: says what it does'),
  report('report-v2', 'v2', '0', 'the same, and says v2'),
  report('report-broken', 'v2-broken', '1', 'ends every run with exit code 1'),
  pricing('pricing-v1', 'v1', 0, 'prices a basket, called with JSON'),
  pricing('pricing-v2', 'v2', 0, 'prices a basket, and says v2'),
  pricing('pricing-traps', 'v2-traps', 3, 'traps on every third basket'),
  {
    language: 'c',
    name: 'testbed',
    about: 'behaves as its path says',
    sources: TESTBED_SOURCES,
    world: 'service',
  },
  {
    language: 'c',
    name: 'testbed-managed',
    about: 'the testbed with life cycle and health, which the environment can make fail',
    sources: [...TESTBED_SOURCES, 'testbed/managed.c'],
    world: 'managed-service',
  },
  {
    language: 'c',
    name: 'testbed-stored',
    about: 'every function of wasi:keyvalue and wasi:config by a route of its name',
    sources: ['testbed/stored.c'],
    world: 'keeping-service',
  },
  {
    language: 'c',
    name: 'testbed-migrates',
    about: 'the same with migrate, which the environment can make fail',
    sources: ['testbed/stored.c', 'testbed/migrates.c'],
    world: 'migrating-service',
  },
  {
    language: 'c',
    name: 'testbed-files',
    about: 'every function of wasi:filesystem, as a script in its query says',
    sources: ['testbed/files.c'],
    world: 'service',
  },
  {
    language: 'c',
    name: 'testbed-outbound',
    about: 'sends requests of its own, as its query says',
    sources: ['testbed/outbound.c'],
    world: 'service',
  },
  {
    language: 'c',
    name: 'testbed-sockets',
    about: 'every function of wasi:sockets, in the order that its query says',
    sources: ['testbed/sockets.c'],
    world: 'socket-service',
  },
  {
    language: 'c',
    name: 'testbed-records',
    about: 'the smallest guest of headway:http/handler',
    sources: ['testbed/records.c'],
    world: 'plain-service',
  },
];
