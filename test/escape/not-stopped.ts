/** What JavaScript that got out of its wasm can still do. Everything else that `fixtures/intruder.ts` tries is refused. */

export interface NotStopped {
  readonly attempt: string;
  /** `SameUid`: only where the daemon may not give cells uids of their own. */
  readonly Process: 'Reached' | 'SameUid' | 'Refused';
  readonly Strict: 'Reached' | 'Refused';
  readonly why: string;
}

export const NOT_STOPPED: readonly NotStopped[] = [
  {
    attempt: 'run text by vm',
    Process: 'Reached',
    Strict: 'Reached',
    why: 'text that runs reaches what its process reaches',
  },
  {
    attempt: 'run text in a new context',
    Process: 'Reached',
    Strict: 'Reached',
    why: 'text that runs reaches what its process reaches',
  },
  {
    attempt: 'set flags of V8',
    Process: 'Reached',
    Strict: 'Reached',
    why: 'they are of its own process; a bug in V8 is contained by Strict only',
  },
  {
    attempt: 'learn the name of the machine',
    Process: 'Reached',
    Strict: 'Refused',
    why: 'Process has the name spaces of the machine',
  },
  {
    attempt: 'learn the addresses of the machine',
    Process: 'Reached',
    Strict: 'Refused',
    why: 'Process has the name spaces of the machine; it learns of networks and reaches none',
  },
  {
    attempt: 'learn the memory and the load of the machine',
    Process: 'Reached',
    Strict: 'Reached',
    why: 'the kernel tells everybody; V8 asks for it too',
  },
  {
    attempt: 'learn who it runs for',
    Process: 'SameUid',
    Strict: 'Refused',
    why: 'Node asks nobody before it looks up the name of a user',
  },
  {
    attempt: 'signal the engine',
    Process: 'SameUid',
    Strict: 'Refused',
    why: 'Node asks nobody before it sends a signal',
  },
  {
    attempt: 'signal another cell',
    Process: 'SameUid',
    Strict: 'Refused',
    why: 'as above: each could end the others',
  },
  {
    attempt: 'wake the inspector of the engine',
    Process: 'SameUid',
    Strict: 'Refused',
    why: 'the signal is sent; our processes run with --disable-sigusr1 and do not listen to it',
  },
  {
    attempt: 'lower the priority of the engine',
    Process: 'SameUid',
    Strict: 'Refused',
    why: 'the kernel asks for the uid only',
  },
];
