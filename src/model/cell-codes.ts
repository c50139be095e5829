import type { CodeRow } from './codes.ts';

/** How a cell is started, how it ends, and what it uses. */
export const CELL_CODES = {
  HW4101: {
    title: 'not enough memory on this engine',
    remedy:
      'wait for another replica to end, lower spec.limits.memory or spec.limits.concurrency, or give the engine more memory',
    policy: 'Waiting',
  },
  HW4102: {
    title: 'too many replicas on this engine',
    remedy: 'wait for another replica to end, or run another engine',
    policy: 'Waiting',
  },
  HW4103: {
    title: 'the sandbox is not available',
    remedy:
      'install bubblewrap and allow user namespaces; or set spec.isolation to Process, unless a Policy asks for Strict',
    policy: 'Waiting',
  },
  HW4104: {
    title: 'the component did not load',
    remedy: 'run it with the same files by `headway test`, or see the message: it is what the component said',
    policy: 'Terminal',
  },
  HW4105: {
    title: 'the start took too long',
    remedy: 'raise spec.limits.startTimeout or make the component start faster',
    policy: 'Terminal',
  },
  HW4106: {
    title: 'the replica never became ready',
    remedy: 'mend what the readiness probe calls, or raise spec.probes.readiness.deadline',
    policy: 'Terminal',
  },
  HW4107: {
    title: 'the cell crashed',
    remedy: 'mend the component; the message holds the signal or exit code',
    policy: 'Terminal',
  },
  HW4108: {
    title: 'a file of the bundle is damaged or missing',
    remedy: 'none: the bundle is prepared again from the artifact',
    policy: 'Retry',
  },
  HW4109: {
    title: 'the cell went over its memory',
    remedy: 'raise spec.limits.memory, or lower what the component uses',
    policy: 'Terminal',
  },
  HW4110: { title: 'the assignment is too large', remedy: 'shorten spec.env and spec.config', policy: 'Terminal' },
  HW4111: {
    title: 'the cell did not answer',
    remedy: 'mend what spins or blocks in the component, or raise spec.limits.requestTimeout',
    policy: 'Terminal',
  },
  HW4112: {
    title: 'the cell broke the protocol',
    remedy: 'report it with the component: bindings and host disagree',
    policy: 'Terminal',
  },
  HW4113: { title: 'the liveness probe failed', remedy: 'mend what the liveness probe calls', policy: 'Terminal' },
  HW4115: { title: 'the engine is shutting down', remedy: 'none: the next engine starts it', policy: 'Waiting' },
  HW4141: {
    title: 'no process for the cell',
    remedy:
      'none: it is tried again, and nothing is held against the release. If it goes on, give the machine more processor time or memory',
    policy: 'Waiting',
  },
  HW4140: {
    title: 'the process that the cell shared ended',
    remedy:
      'none: it is started again. The message says whose doing it was; isolation Auto gives a cell a process of its own',
    policy: 'Retry',
  },
  HW4116: {
    title: 'the cell uses more of the processor than it may',
    remedy: 'raise spec.limits.cpu, lower spec.limits.concurrency, or mend what the component does so much of',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
