/** Out of a volume: by paths, links, renames, what an operator put there, and another process that swaps names meanwhile. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { SWAPS } from '../../../support/swaps.ts';
import type { Attempt, Scene } from '../attempt.ts';
import { SECRET } from '../outside-peers.ts';

const place = ({ program, isolation }: Scene, ...segments: readonly string[]): string =>
  path.join(program.volume(`media-${isolation.toLowerCase()}`), ...segments);

/** What the guest's script says, line by line. */
async function run({ program, isolation }: Scene, ...commands: readonly string[]): Promise<string[]> {
  const { status, body } = await program.ask('files', isolation, `/run?${commands.join(';')}`);
  return status === 200 ? body.split('\n') : [`status ${status}`];
}

interface Tried {
  /** Before, from outside of the guest. */
  readonly given?: (scene: Scene) => void;
  readonly denial?: RegExp;
}

/** The last line that is said is what came of it. */
const row = (
  what: string,
  commands: readonly string[],
  comes: string | RegExp,
  { given, denial }: Tried = {},
): Attempt => ({
  group: 'paths, links and renames',
  what,
  async tries(scene) {
    given?.(scene);
    return (await run(scene, ...commands)).at(-1)!;
  },
  comes,
  ...(denial ? { denial } : {}),
});

const NOT = 'not-permitted';

const PATHS: readonly Attempt[] = [
  row(
    'a file of another volume by ..',
    ['open:1:5:secret:c:rw', 'write:5:0:secret', 'open:0:6:../other/secret:-:r'],
    NOT,
  ),
  row('an absolute path', ['open:0:6:/etc/passwd:-:r'], NOT),
  row('the folder above', ['open:0:6:..:d:r'], NOT),
  row('up after down', ['mkdir:0:down', 'open:0:6:down/../../other/secret:-:r'], NOT),
  row('above a folder that it was given', ['open:0:7:down:d:rm', 'open:7:6:../made:c:w'], NOT),
  row('its own process', ['open:0:6:../../../../proc/self/environ:-:r'], NOT),
  row('a descriptor by its number', ['open:0:6:/proc/self/fd/4:-:r'], NOT),
  row('a NUL in a name', ['mkdir:0:a%00b', 'list:0'], /^(?!.*\0)/),
  row('a name of 256 letters', [`mkdir:0:${'n'.repeat(256)}`], 'name-too-long'),
  row('a path of 4,100 letters', [`open:0:6:${'a/'.repeat(2050)}:-:r`], 'name-too-long'),
  row('a rename to the folder above', ['open:0:8:mine:c:w', 'rename:0:mine:0:../mine'], NOT),
  row('a rename into another volume', ['rename:0:mine:1:mine'], 'cross-device'),
  row('a rename of what lies outside to here', ['rename:0:../other/secret:0:secret'], NOT),
  row('a hard link to what lies outside', ['link:0:../other/secret:0:hard'], NOT),
  row('a hard link from another volume', ['link:1:secret:0:hard'], 'cross-device'),
  row('a folder into itself', ['rename:0:down:0:down/down'], 'invalid'),
  row('an absolute link', ['symlink:0:/etc/passwd:absolute'], NOT),
  row('a link that leads up', ['symlink:0:../other/secret:up', 'open:0:6:up:-:r'], NOT),
  row('a link to the folder above, on the way', ['symlink:0:..:parent', 'open:0:6:parent/other/secret:-:r'], NOT),
  row('a link to itself', ['symlink:0:loop:loop', 'open:0:6:loop:-:r'], 'loop'),
  row('removing through a link', ['unlink:0:parent/other/secret'], NOT),
  row('making through a link', ['mkdir:0:parent/made'], NOT),
  row('times of what a link leads to', ['times-at:0:up:1:1'], NOT),
];

const PLACED: readonly Attempt[] = [
  row("an operator's link to a file", ['open:0:6:placed:-:r'], NOT, {
    given: (scene) => symlinkSync(scene.outside.secretFile, place(scene, 'placed')),
  }),
  row('reading where that link leads', ['readlink:0:placed'], NOT),
  row("an operator's link to a folder", ['open:0:6:folder/secret.txt:-:r'], NOT, {
    given: (scene) => symlinkSync(path.dirname(scene.outside.secretFile), place(scene, 'folder')),
  }),
  row('another name for such a link', ['link:0:folder:0:way', 'open:0:6:way/secret.txt:-:r'], NOT),
  row(
    'a rename over such a link',
    ['open:0:8:over:c:w', 'rename:0:over:0:placed', 'lstat-at:0:placed'],
    /^regular-file/,
  ),
  row('a pipe', ['open:0:6:pipe:-:r'], NOT, { given: (scene) => void execFileSync('mkfifo', [place(scene, 'pipe')]) }),
  row('a pipe, to write', ['open:0:6:pipe:ct:rw'], NOT),
  row('a device', ['open:0:6:device:-:r'], NOT, {
    // Who is not root may not make one; a link to one is as good.
    given(scene) {
      if (process.getuid?.() === 0) execFileSync('mknod', ['-m', '666', place(scene, 'device'), 'c', '1', '5']);
      else symlinkSync('/dev/zero', place(scene, 'device'));
    },
  }),
  {
    ...row('a socket', [], NOT),
    async tries(scene) {
      const server = net.createServer().listen(place(scene, 'socket'));
      await once(server, 'listening');
      const [said] = await run(scene, 'open:0:6:socket:-:rw');
      server.close();
      return said!;
    },
  },
];

const QUOTAS: readonly Attempt[] = [
  row('more bytes than granted', ['open:0:9:big:c:rw', 'size:9:2097152'], 'quota'),
  row('a file of 2^62 bytes', ['size:9:4611686018427387904'], /^(?:quota|file-too-large|invalid)$/),
  row('a write at 2^63 - 8', ['write:9:9223372036854775800:x'], 'invalid'),
  {
    ...row('more files than granted', [], /^quota$/),
    tries: async (scene) =>
      (await run(scene, ...Array.from({ length: 110 }, (_, index) => `mkdir:0:many${index}`))).at(-1)!,
  },
];

const ROUNDS = 12;

const RACE: Attempt = {
  group: 'races',
  what: 'names that another process swaps for links while they are walked',
  comes: 'both states were met, and nothing of outside was',
  async tries(scene) {
    const outside = mkdtempSync(path.join(path.dirname(scene.outside.secretFile), 'race-'));
    chmodSync(outside, 0o777);
    writeFileSync(path.join(outside, 'a'), SECRET, { mode: 0o666 });
    const race = place(scene, 'race');
    mkdirSync(path.join(race, 'd'), { recursive: true });
    writeFileSync(path.join(race, 'd/a'), 'within');
    writeFileSync(path.join(race, 'f'), 'within');
    symlinkSync(outside, path.join(race, 'evil'));
    symlinkSync(path.join(outside, 'a'), path.join(race, 'g'));
    const swaps = spawn(process.execPath, ['-e', SWAPS, race], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(swaps.stdout, 'data');
    const seen = new Set<string>();
    // A failed open leaves the place as it was.
    await run(scene, ...Array.from({ length: 24 }, (_, index) => `open:0:${20 + index}:safe:c:rw`));
    for (let round = 0; round < ROUNDS; round++) {
      const commands = Array.from({ length: 8 }, (_, index) => [
        `open:0:${20 + index}:race/d/a:-:r`,
        `read:${20 + index}:30:0`,
        `open:0:${28 + index}:race/f:-:r`,
        `read:${28 + index}:30:0`,
        `open:0:${36 + index}:race/d/made:c:w`,
        'unlink:0:race/d/made',
      ]).flat();
      for (const line of await run(scene, ...commands)) seen.add(line);
    }
    swaps.kill();
    await once(swaps, 'exit');
    const out = [...seen].some((line) => line.includes(SECRET)) || readdirSync(outside).join() !== 'a';
    rmSync(outside, { recursive: true });
    if (out) return 'OUTSIDE WAS REACHED';
    const both = seen.has('within (end)') && seen.has('not-permitted');
    return both ? 'both states were met, and nothing of outside was' : `it did not race: ${[...seen].join()}`;
  },
};

/** What the guest left behind, outside of its volumes. */
const NOTHING_LEFT: Attempt = {
  group: 'paths, links and renames',
  what: 'all of these leave nothing beside the volumes',
  comes: 'nothing',
  tries(scene) {
    const made = ['mine', 'made', 'secret'].filter((name) => existsSync(place(scene, '..', name)));
    return Promise.resolve(made.join() || 'nothing');
  },
};

export const FILES: readonly Attempt[] = [...PATHS, ...PLACED, RACE, ...QUOTAS, NOTHING_LEFT];
