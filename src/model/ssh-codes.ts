import type { CodeRow } from './codes.ts';

/** git over ssh. */
export const SSH_CODES = {
  HW3020: {
    title: 'ssh host key unknown',
    remedy:
      'add the key of the server to repository.ssh.knownHosts in runtime.yaml, after it was compared with what its owner publishes',
    policy: 'Waiting',
  },
  HW3021: {
    title: 'ssh host key changed',
    remedy: 'ask the owner of the server: replace its line in repository.ssh.knownHosts only if the change was meant',
    policy: 'Waiting',
  },
  HW3022: {
    title: 'ssh key unusable',
    remedy:
      'name a private key without a passphrase, readable by the daemon alone (chmod 600), as repository.ssh.identityFile',
    policy: 'Waiting',
  },
  HW3023: {
    title: 'ssh key refused',
    remedy: 'give the public key read access on the server; the last good state serves on meanwhile',
    policy: 'Waiting',
  },
  HW3024: {
    title: 'ssh is missing',
    remedy: 'install the OpenSSH client and put it on the PATH',
    policy: 'Terminal',
  },
  HW3025: {
    title: 'known hosts unusable',
    remedy: 'name a readable file as repository.ssh.knownHostsFile, or write the lines themselves',
    policy: 'Waiting',
  },
} as const satisfies Record<string, CodeRow>;
