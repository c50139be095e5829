import type { CodeRow } from './codes.ts';

/** Values of Secrets where they are opened. All but the command's wait: what mends them may be on the host, not in git. */
export const SECRET_CODES = {
  HW5100: {
    title: 'secret for somebody else',
    remedy:
      'give the host the identity (secrets.identityFiles in runtime.yaml), or encrypt for it: `headway secret rotate`',
    policy: 'Waiting',
  },
  HW5101: {
    title: 'secret damaged',
    remedy: 'restore the line from git, or write the value anew: `headway secret encrypt`',
    policy: 'Waiting',
  },
  HW5102: {
    title: 'secret of another place',
    remedy:
      'write the value anew where it is to stand: `headway secret encrypt`; a ciphertext cannot be copied or renamed',
    policy: 'Waiting',
  },
  HW5103: {
    title: 'identity file unusable',
    remedy: 'give secrets.identityFiles a file of `age-keygen` that only the daemon can read (chmod 600)',
    policy: 'Waiting',
  },
  HW5104: {
    title: 'secret not written',
    remedy: 'see the message; nothing was changed',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
