import type { CodeRow } from './codes.ts';

/** HW508x: what keeps the outcome of a commit from where it is to be told. None of them touches what serves. */
export const REPORT_CODES = {
  HW5080: {
    title: 'receiver of reports does not answer',
    remedy: 'look at the server that report.targets in runtime.yaml names; it is told again by itself',
    policy: 'Retry',
  },
  HW5081: {
    title: 'receiver of reports refuses the credentials',
    remedy:
      'give the token of report.targets the right to write statuses (deployments, pull requests) of this repository',
    policy: 'Retry',
  },
  HW5082: {
    title: 'report not taken',
    remedy: 'check repository and url of the target in runtime.yaml; the message holds what the server said',
    policy: 'Terminal',
  },
  HW5083: {
    title: 'receiver of reports asks to wait',
    remedy: 'nothing to do: it is told again when the server lets us; raise its limit if that happens often',
    policy: 'Waiting',
  },
  HW5084: {
    title: 'receiver of reports redirects',
    remedy: 'write the final address as url in runtime.yaml: credentials are never sent on to another one',
    policy: 'Retry',
  },
  HW5085: {
    title: 'receiver of reports makes no sense',
    remedy: 'check that url in runtime.yaml is the address of an API of the type of the target',
    policy: 'Retry',
  },
  HW5086: {
    title: 'notes not pushed',
    remedy:
      'let the credentials of report.notes in runtime.yaml push to refs/notes/headway; it is tried again by itself',
    policy: 'Retry',
  },
  HW5087: {
    title: 'revert not proposed',
    remedy: 'revert it by hand: the status of the commit has the line',
    policy: 'Terminal',
  },
  HW5088: {
    title: 'report of runtime.yaml does not hold together',
    remedy: 'correct report in runtime.yaml as the message says',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
