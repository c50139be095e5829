import { ARTIFACT_CODES } from './artifact-codes.ts';
import { BASE_CODES } from './base-codes.ts';
import { BINARY_CODES } from './binary-codes.ts';
import { CELL_CODES } from './cell-codes.ts';
import { CHECK_CODES } from './check-codes.ts';
import { DAEMON_CODES } from './daemon-codes.ts';
import { ENGINE_CODES } from './engine-codes.ts';
import { FIRING_CODE_ROWS } from './firing-codes.ts';
import { INGRESS_CODES } from './ingress-codes.ts';
import { LINK_CODES } from './link-codes.ts';
import { MANIFEST_CODES } from './manifest-codes.ts';
import { REPORT_CODES } from './report-codes.ts';
import { SECRET_CODES } from './secret-codes.ts';
import { REMOTE_CODES } from './remote-codes.ts';
import { ROOT_CODES } from './root-codes.ts';
import { SIGNATURE_CODES } from './signature-codes.ts';
import { SSH_CODES } from './ssh-codes.ts';
import { TRIAL_CODES } from './trial-codes.ts';
import { STATE_CODES } from './state-codes.ts';
import { TYPE_CODES } from './type-codes.ts';
import { VALUE_CODES } from './value-codes.ts';
import type { Policy } from './problem.ts';

/** One row of the table of codes: what the code means, what to do by default, and how the runtime treats it. */
export interface CodeRow {
  readonly title: string;
  readonly remedy: string;
  readonly policy: Policy;
}

/**
 * Every code that Headway can say. Callers match on the code, never on a message.
 * HW1xxx manifests · HW2xxx artifacts and admission · HW3xxx git · HW4xxx cells, engine and ingress · HW5xxx the
 * daemon's own start · HW6xxx rollouts.
 */
export const CODES = {
  ...BASE_CODES,
  ...BINARY_CODES,
  ...CHECK_CODES,
  ...LINK_CODES,
  ...MANIFEST_CODES,
  ...TRIAL_CODES,
  ...ROOT_CODES,
  ...STATE_CODES,
  ...TYPE_CODES,
  ...SECRET_CODES,
  ...SIGNATURE_CODES,
  ...REMOTE_CODES,
  ...VALUE_CODES,
  HW2001: {
    title: 'artifact not found',
    remedy: 'commit the .wasm file itself (no symbolic link is followed), or correct spec.source.path',
    policy: 'Terminal',
  },
  HW2002: {
    title: 'artifact too large',
    remedy: 'build a smaller component: leave out debug information, optimise for size',
    policy: 'Terminal',
  },
  HW2003: {
    title: 'stored bytes damaged',
    remedy: 'nothing to do: they are dropped and stored again from their source; look at the disk if it happens again',
    policy: 'Retry',
  },
  HW2004: {
    title: 'content store unusable',
    remedy: 'make the data folder writable and free some space',
    policy: 'Retry',
  },
  HW2005: {
    title: 'not in the content store',
    remedy: 'nothing to do: it is stored again from its source',
    policy: 'Retry',
  },
  HW2006: {
    title: 'content store full',
    remedy: 'raise the size of the content store, or shorten rollout history so that less is kept',
    policy: 'Waiting',
  },
  HW2101: {
    title: 'not a component',
    remedy: 'build a component, not a core module: `jco new`, `wasm-tools component new` or a component toolchain',
    policy: 'Terminal',
  },
  HW2102: {
    title: 'malformed component',
    remedy: 'build the component again; `wasm-tools validate` says more',
    policy: 'Terminal',
  },
  HW2103: {
    title: 'name not allowed',
    remedy: 'use plain WIT names (words of letters and digits) and leave core names as the toolchain makes them',
    policy: 'Terminal',
  },
  HW2104: {
    title: 'component over the limits of its form',
    remedy: 'build a simpler component; the message names the limit',
    policy: 'Terminal',
  },
  HW2105: {
    title: 'shared memory',
    remedy: 'build without threads: no shared memories or tables',
    policy: 'Terminal',
  },
  HW2106: {
    title: '64-bit memory or table',
    remedy: 'build for wasm32',
    policy: 'Terminal',
  },
  HW2107: {
    title: 'garbage-collected types',
    remedy: 'build without WebAssembly GC: its heap cannot be limited',
    policy: 'Terminal',
  },
  HW2108: {
    title: 'feature not supported',
    remedy: 'build for WASI 0.2 without the feature that the message names',
    policy: 'Terminal',
  },
  HW2109: {
    title: 'memory over the limit',
    remedy: 'raise spec.limits.memory or let the component start with less',
    policy: 'Terminal',
  },
  HW2110: {
    title: 'table over the limit',
    remedy: 'build a component with smaller tables',
    policy: 'Terminal',
  },
  HW2111: {
    title: 'import not granted',
    remedy: 'grant it in spec.capabilities or build the component without it',
    policy: 'Terminal',
  },
  HW2112: {
    title: 'import unknown',
    remedy: 'import WASI 0.2 or headway interfaces only, or bind it with a line in spec.links',
    policy: 'Terminal',
  },
  HW2201: {
    title: 'component does not transpile',
    remedy: 'build the component again with a current toolchain; the message is that of the transpiler',
    policy: 'Terminal',
  },
  HW2202: {
    title: 'preparation did not finish',
    remedy: 'nothing to do: it is tried once more',
    policy: 'Retry',
  },
  HW2203: {
    title: 'component stops its own preparation',
    remedy: 'change the component: this version of the toolchain does not get through it',
    policy: 'Terminal',
  },
  HW2204: {
    title: 'bindings not accepted',
    remedy: 'rename what the message points at; if that does not help, report the component to Headway',
    policy: 'Terminal',
  },
  HW2205: {
    title: 'preparation could not start',
    remedy: 'see the message; it is tried again',
    policy: 'Retry',
  },
  HW2206: {
    title: 'core module not accepted by the engine',
    remedy: 'build without WebAssembly proposals that Node does not run',
    policy: 'Terminal',
  },
  ...ARTIFACT_CODES,
  HW3001: {
    title: 'repository unreachable',
    remedy: 'check the URL, the network and the credentials; the last good state serves on meanwhile',
    policy: 'Waiting',
  },
  HW3002: {
    title: 'repository refuses the credentials',
    remedy: 'give valid credentials with read access; the last good state serves on meanwhile',
    policy: 'Waiting',
  },
  HW3003: {
    title: 'ref not found',
    remedy: 'push the branch or tag, or correct the ref that the daemon follows',
    policy: 'Waiting',
  },
  HW3004: {
    title: 'repository not trusted',
    remedy: 'renew the certificate of the server or give its authority as the CA file',
    policy: 'Waiting',
  },
  HW3005: {
    title: 'git took too long',
    remedy: 'look at the git server and the network; the last good state serves on meanwhile',
    policy: 'Waiting',
  },
  HW3006: {
    title: 'the git server answers nonsense',
    remedy: 'check that the URL is that of a git repository and that no proxy answers in its place',
    policy: 'Waiting',
  },
  HW3007: {
    title: 'repository over the limits',
    remedy: 'make the repository smaller or raise the limit in the configuration of the host',
    policy: 'Terminal',
  },
  HW3008: {
    title: 'git is missing',
    remedy: 'install git and put it on the PATH',
    policy: 'Terminal',
  },
  HW3009: {
    title: 'git is too old',
    remedy: 'install git 2.31 or newer',
    policy: 'Terminal',
  },
  HW3010: {
    title: 'repository address or ref not allowed',
    remedy: 'use an https URL without credentials in it, and a plain branch, tag or commit',
    policy: 'Terminal',
  },
  HW3011: {
    title: 'the git server redirects',
    remedy: 'write the address that it redirects to',
    policy: 'Waiting',
  },
  HW3012: {
    title: 'mirror damaged',
    remedy: 'nothing to do: the mirror is set aside and fetched anew with the next look',
    policy: 'Retry',
  },
  HW3013: {
    title: 'git failed',
    remedy: 'see the message; the last good state serves on meanwhile',
    policy: 'Retry',
  },
  HW3014: {
    title: 'not in the mirror',
    remedy: 'check the commit and the path that the daemon follows',
    policy: 'Terminal',
  },
  HW3015: {
    title: 'data folder of the mirror unusable',
    remedy: 'make the data folder writable and free some space',
    policy: 'Retry',
  },
  HW3018: {
    title: 'not a repository',
    remedy: 'name a folder in a git repository with --repo',
    policy: 'Terminal',
  },
  HW3019: {
    title: 'no such revision',
    remedy: 'name a branch, a tag or a commit that the repository has; fetch it first where it is remote',
    policy: 'Terminal',
  },
  ...SSH_CODES,
  HW3040: {
    title: 'does not merge',
    remedy: 'merge the base into the branch, or rebase it, and resolve the conflicts',
    policy: 'Terminal',
  },
  HW3041: {
    title: 'signatures cannot be verified',
    remedy: 'install ssh-keygen (for SSH keys) and gpg (for OpenPGP keys) where the daemon runs; look at the keys',
    policy: 'Retry',
  },
  HW4001: {
    title: 'cell did not start',
    remedy: 'see the message; the release serves again after the next successful start',
    policy: 'Retry',
  },
  ...CELL_CODES,
  HW4701: {
    title: 'cell broke the protocol of the broker',
    remedy: 'report it: no component can do this; the cell was ended',
    policy: 'Terminal',
  },
  HW4120: {
    title: 'the engine is not reachable',
    remedy: 'none: the supervisor starts it again; it serves its last snapshot where only the link is down',
    policy: 'Waiting',
  },
  HW4121: {
    title: 'a message between control and engine is too large',
    remedy: 'split the environment, or report it',
    policy: 'Terminal',
  },
  HW4122: {
    title: 'an older generation than the one in force',
    remedy: 'none: a newer control has published',
    policy: 'Terminal',
  },
  HW4123: {
    title: 'control and engine speak different versions',
    remedy: 'restart both, so that they are of one build',
    policy: 'Waiting',
  },
  ...ENGINE_CODES,
  HW4751: {
    title: 'another instance of a singleton is there',
    remedy: 'none: it starts when the other one has ended',
    policy: 'Waiting',
  },
  HW4752: {
    title: 'shutdown took too long',
    remedy: 'make lifecycle shutdown quicker, or raise drain.deadline; the process was killed in it',
    policy: 'Terminal',
  },
  ...INGRESS_CODES,
  ...FIRING_CODE_ROWS,
  ...DAEMON_CODES,
  ...REPORT_CODES,
  HW6001: {
    title: 'the revision failed its gate',
    remedy: 'change the component, its gate or raise rollout.retry',
    policy: 'Terminal',
  },
  HW6020: {
    title: 'not ready under the present toolchain',
    remedy:
      'nothing in git has to change: it runs on with the bundles of the toolchain before and is tried again with the next; report the component to Headway, or build it again',
    policy: 'Terminal',
  },
  HW6010: {
    title: 'history was rewritten',
    remedy: 'merge the accepted commit into the branch with `git merge -s ours` and push',
    policy: 'Terminal',
  },
  HW6011: {
    title: 'commit that cannot be decided about',
    remedy: 'revert it, and report it: this is a bug of Headway; the commit before it serves on',
    policy: 'Terminal',
  },
  HW6012: {
    title: 'commit not trusted',
    remedy:
      'have the commit signed by somebody who is listed (`git commit --amend -S`, or a signed merge) and push; or let the Environment list the key, in a commit that is trusted',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;

export type Code = keyof typeof CODES;
