/** What whoever starts the program has, in its environment and open: none of it is in a process that meets foreign code. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { SECRET } from '../outside-peers.ts';
import type { Attempt, Scene } from '../attempt.ts';
import { nameOf } from '../program.ts';

/** The variable that the daemon of the suite is started with. */
export const LEAKED_VARIABLE = 'HEADWAY_TEST_LEAK';
const GROUP = 'environment and descriptors';

function pidsOf({ program, isolation }: Scene, name: string): Promise<readonly number[]> {
  if (name !== 'cell') return Promise.resolve(program.daemon.processes().get(name) ?? []);
  return program.daemon
    .status()
    .then((status) =>
      status!.entries
        .filter(({ key }) => key === `shop/${nameOf(key.slice('shop/'.length).replace(/-[a-z]+$/, ''), isolation)}`)
        .flatMap(({ replicas }) => replicas.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))),
    );
}

const environmentOf = (pid: number): string => readFileSync(`/proc/${pid}/environ`, 'latin1');

/** Where the descriptors of a process lead, without the numbers of sockets and pipes. */
function openIn(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, '');
    } catch {
      return 'gone';
    }
  });
}

const leak = (
  what: string,
  of: string,
  comes: string,
  look: (pid: number, scene: Scene) => readonly string[],
): Attempt => ({
  group: GROUP,
  what: `${what} of ${of}`,
  comes,
  async tries(scene) {
    const pids = await pidsOf(scene, of);
    if (pids.length === 0) return `no ${of}`;
    return [...new Set(pids.flatMap((pid) => look(pid, scene)))].sort().join() || 'nothing';
  },
});

/** What bubblewrap says of itself in an environment that was cleared. */
const OF_BWRAP = 'PWD=/';
/** All that the environment of a cell holds: constants of ours for the allocator (ADR 0150). */
const OF_CELLS = ['MALLOC_ARENA_MAX=1', 'MALLOC_MMAP_THRESHOLD_=24576', 'MALLOC_TRIM_THRESHOLD_=4194304'];
const SERVANTS = ['control', 'engine', 'spawner', 'broker'] as const;
/** What a cell of ours has open: itself, and nothing with a name but this. */
const NAMELESS = /^(?:socket|pipe|anon_inode:.*|gone|\/dev\/null)$/;

export const LEAKS: readonly Attempt[] = [
  {
    group: GROUP,
    what: 'what the guest is told of its environment',
    comes: 'ATTEMPT and what its manifest names',
    async tries({ program, isolation }) {
      const { body } = await program.ask('plain', isolation, '/env');
      const names = [...body.matchAll(/^env ([^=\n]+)=/gm)].map((match) => match[1]!);
      const own = names.includes('ATTEMPT') && !/PATH|HOME|HEADWAY|NODE/.test(names.join());
      return own ? 'ATTEMPT and what its manifest names' : names.join();
    },
  },
  leak('environment', 'cell', OF_CELLS.join(), (pid) =>
    environmentOf(pid)
      .split('\0')
      .filter((one) => one !== '' && one !== OF_BWRAP),
  ),
  leak('files', 'cell', 'nothing', (pid) => openIn(pid).filter((one) => !NAMELESS.test(one) && one !== '/')),
  ...SERVANTS.map((of) =>
    leak('our variable in the environment', of, of === 'control' ? LEAKED_VARIABLE : 'nothing', (pid) =>
      environmentOf(pid).includes(LEAKED_VARIABLE) ? [LEAKED_VARIABLE] : [],
    ),
  ),
  ...SERVANTS.map((of) =>
    leak('the descriptor of whoever started us', of, 'nothing', (pid, { outside }) => {
      const { ino } = statSync(outside.secretFile);
      return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
        try {
          return statSync(`/proc/${pid}/fd/${fd}`).ino === ino;
        } catch {
          return false;
        }
      });
    }),
  ),
  leak('the secret itself', 'cell', 'nothing', (pid) => (environmentOf(pid).includes(SECRET) ? [SECRET] : [])),
];
