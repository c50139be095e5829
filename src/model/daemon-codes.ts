import type { CodeRow } from './codes.ts';

/** HW5xxx: the daemon's own start, its data folder and journal, and the commands that ask it. */
export const DAEMON_CODES = {
  HW5001: {
    title: 'Node is too old',
    remedy: 'run Headway with Node 26 or newer; `npm ci` brings one',
    policy: 'Terminal',
  },
  HW5010: {
    title: 'no status from the daemon',
    remedy: 'start it with `npm start` or `headway run`, or name its status address with --status',
    policy: 'Terminal',
  },
  HW5011: { title: 'no such entry', remedy: 'see `headway status` for the entries', policy: 'Terminal' },
  HW5012: { title: 'wrong usage', remedy: 'see `headway help`', policy: 'Terminal' },
  HW5013: {
    title: 'folder not readable',
    remedy: 'name a folder of manifests that this user may read',
    policy: 'Terminal',
  },
  HW5014: {
    title: 'configuration not readable',
    remedy: 'check the path and the permissions of the file',
    policy: 'Terminal',
  },
  HW5016: {
    title: 'secret not available',
    remedy: 'set the variable or write the file that runtime.yaml names',
    policy: 'Terminal',
  },
  HW5020: {
    title: 'data folder in use',
    remedy: 'stop the other daemon or give this one its own --data folder',
    policy: 'Terminal',
  },
  HW5021: {
    title: 'journal of a newer version',
    remedy: 'start the newer version of Headway, or give this one an empty --data folder',
    policy: 'Terminal',
  },
  HW5022: {
    title: 'data folder unusable',
    remedy: 'make the data folder writable for this user and free some space',
    policy: 'Terminal',
  },
  HW5023: {
    title: 'journal not written',
    remedy: 'look at the disk of the data folder; nothing new is started until a write succeeds',
    policy: 'Retry',
  },
  HW5024: {
    title: 'journal over its limits',
    remedy: 'make the repository smaller or raise the limit in the configuration of the host',
    policy: 'Terminal',
  },
  HW5030: {
    title: 'status address not available',
    remedy: 'free the address or give another one with --status',
    policy: 'Terminal',
  },
  HW5031: {
    title: 'data folder is not a folder',
    remedy: 'name a folder with --data (or data in runtime.yaml), or move the file away that has its name',
    policy: 'Terminal',
  },
  HW5032: {
    title: 'data folder cannot be made',
    remedy: 'make the place of the data folder writable for this user, or name another one with --data',
    policy: 'Terminal',
  },
  HW5040: {
    title: 'audit not written',
    remedy: 'look at the disk of the data folder; nothing new is decided until a write succeeds',
    policy: 'Retry',
  },
  HW5041: {
    title: 'audit cut or changed',
    remedy: 'run `headway audit verify --data <dir>`, and compare with a copy or with a hash written down before',
    policy: 'Terminal',
  },
  HW5042: {
    title: 'no audit to read',
    remedy: 'name the data folder of a daemon with --data',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
