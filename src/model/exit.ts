/** What the process says to its caller when it ends. Commands for people use 0, 1 and 2; the daemon's start has its own. */
export const EXIT = {
  Ok: 0,
  /** The command worked and found something: lint findings, a plan with changes. */
  Findings: 1,
  /** The command could not do its work: wrong usage, unreadable input, a bug. */
  Broken: 2,
  NodeTooOld: 10,
  GitMissing: 11,
  PortInUse: 12,
  DataFolderHeld: 13,
  RepositoryUnreachable: 14,
  JournalTooNew: 15,
  ConfigInvalid: 16,
  DataFolderUnusable: 17,
} as const;

/** Of `headway plan`, as users of plan tools expect them: a script can tell "nothing to do" from "look at it". */
export const PLAN_EXIT = { NoChange: 0, Error: 1, Change: 2 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A child that ends with one of these will not do better when it is started again. */
export function isFinal(code: number | null): boolean {
  return code !== null && code >= EXIT.NodeTooOld && code <= EXIT.DataFolderUnusable;
}
