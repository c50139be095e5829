import { copyFile, mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, PLAN_EXIT } from '../../src/model/exit.ts';
import { freePort } from '../support/child-server.ts';
import { Daemon } from '../support/daemon.ts';
import { headway, PROGRAM, type RunOptions } from '../support/headway.ts';
import { shop } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';

/** Where SQLite keeps `PRAGMA user_version` in a database file. */
const USER_VERSION_OFFSET = 60;
const NODE_20 =
  "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.19.2'}})";

let folder: string;
let repository: Repository;
let taken: Server;
let takenAddress: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headway-'));
  repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Start', shop());
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  takenAddress = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await new Promise<void>((resolve) => taken?.close(() => resolve()));
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** `headway run` on free addresses and a data folder of its own, unless the arguments say otherwise (the last wins). */
async function run(args: readonly string[], options?: RunOptions): ReturnType<typeof headway> {
  const own = ['--data', path.join(folder, `data-${args.join('').length}`)];
  const listen = ['--listen', `127.0.0.1:${await freePort()}`, '--status', `127.0.0.1:${await freePort()}`];
  return headway(['run', ...own, ...listen, ...args], options);
}

describe('several engines', () => {
  it.each([
    [['--engines', '0'], 'HW1170', '--engines "0" is not a number from 1 to 16'],
    [['--engines', '17'], 'HW1170', '--engines "17" is not a number from 1 to 16'],
    [['--engines', 'two'], 'HW1170', '--engines "two" is not a number'],
    [['--engines', '2', '--listen', '127.0.0.1:0'], 'HW1171', '2 engines cannot listen on 127.0.0.1:0'],
  ])('are refused: %j', async (flags, code, words) => {
    const ran = await run(['--repo', repository.url, ...flags]);
    expect([ran.code, ran.err]).toEqual([EXIT.ConfigInvalid, expect.stringContaining(code)]);
    expect(ran.err).toContain(words);
  });

  it('do not share a port with another program, also where that one would', async () => {
    const ran = await run(['--repo', repository.url, '--engines', '2', '--listen', takenAddress]);
    expect([ran.code, ran.err]).toEqual([EXIT.PortInUse, expect.stringContaining('another program listens there')]);
    const sharing = createServer();
    await new Promise<void>((resolve) => sharing.listen({ host: '127.0.0.1', port: 0, reusePort: true }, resolve));
    const address = `127.0.0.1:${(sharing.address() as AddressInfo).port}`;
    const shared = await run(['--repo', repository.url, '--engines', '2', '--listen', address]);
    sharing.close();
    expect([shared.code, shared.err]).toEqual([EXIT.PortInUse, expect.stringContaining('HW4501')]);
  });
});

describe('what stops a start: an exit code of its own, what is wrong, and what to do', () => {
  it('Node is too old and none came with the checkout', async () => {
    const alone = path.join(folder, 'alone');
    await mkdir(alone);
    const program = path.join(alone, 'headway.mjs');
    await copyFile(PROGRAM, program);
    const { code, err } = await headway(['run'], { program, nodeFlags: ['--import', NODE_20], cwd: alone });
    expect(err).toMatch(/this is Node 20\.19\.2, and Headway needs Node 26.*\n {2}fix: run `npm ci`/);
    expect(code).toBe(EXIT.NodeTooOld);
  });

  it('Node is too old, and the one that npm ci brought takes over', async () => {
    const { code, out } = await headway(['--version'], { nodeFlags: ['--import', NODE_20] });
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(code).toBe(EXIT.Ok);
  });

  it('git is missing', async () => {
    // A folder of that name is no git either.
    const env = { ...process.env, PATH: folder };
    expect((await stat(path.join(folder, 'git'))).isDirectory()).toBe(true);
    const { code, err } = await run(['--repo', repository.url], { env });
    expect(err).toMatch(/git.*\(HW3008\)\n {2}fix: install git/);
    expect(code).toBe(EXIT.GitMissing);
  });

  it('the traffic port is in use', async () => {
    const { code, err } = await run(['--repo', repository.url, '--listen', takenAddress]);
    expect(err).toContain(takenAddress);
    expect(err).toMatch(/\(HW4501\)\n {2}fix: .*--listen/);
    expect(code).toBe(EXIT.PortInUse);
  });

  it('the status port is in use', async () => {
    const { code, err } = await run(['--repo', repository.url, '--status', takenAddress]);
    expect(err).toContain(takenAddress);
    expect(err).toMatch(/another process listens there \(HW5030\)\n {2}fix: .*--status/);
    expect(code).toBe(EXIT.PortInUse);
  });

  it('the repository cannot be reached and nothing is known yet', async () => {
    const { code, err } = await run(['--repo', `file://${folder}/nowhere.git`]);
    expect(err).toMatch(/\(HW300\d\)\n {2}fix: /);
    expect(code).toBe(EXIT.RepositoryUnreachable);
  });

  it('the ref does not exist', async () => {
    const { code, err } = await run(['--repo', repository.url, '--ref', 'nobody']);
    expect(err).toMatch(/nobody.*\(HW3003\)\n {2}fix: .*push the branch/s);
    expect(code).toBe(EXIT.RepositoryUnreachable);
  });

  it('runtime.yaml is wrong: file, line and column', async () => {
    const config = path.join(folder, 'runtime.yaml');
    await writeFile(config, 'apiVersion: headway.dev/v1alpha1\nkind: Runtime\nrepository: {url: "ftp://x"}\nport: 1\n');
    const { code, err } = await run(['--config', config]);
    expect(err).toMatch(new RegExp(`${config}:3:\\d+: .*\\n  fix: `));
    expect(err).toMatch(new RegExp(`${config}:4:1: .*port.*\\n  fix: `));
    expect(code).toBe(EXIT.ConfigInvalid);
  });

  it('runtime.yaml is not there, or names a secret that is not', async () => {
    const absent = path.join(folder, 'absent.yaml');
    const first = await run(['--config', absent]);
    expect(first.err).toMatch(/absent\.yaml cannot be read.*\(HW5014\)/);
    expect(first.code).toBe(EXIT.ConfigInvalid);
    const config = path.join(folder, 'secret.yaml');
    const credentials = 'credentials: {token: {file: no-such-token}}';
    await writeFile(
      config,
      `apiVersion: headway.dev/v1alpha1\nkind: Runtime\nrepository: {url: "${repository.url}", ${credentials}}\n`,
    );
    const second = await run(['--config', config]);
    expect(second.err).toMatch(/no-such-token cannot be read.*\(HW5016\)\n {2}fix: /);
    expect(second.code).toBe(EXIT.ConfigInvalid);
  });

  it.each([
    ['a file', (file: string) => file],
    ['below a file', (file: string) => path.join(file, 'deep', 'data')],
  ])('the data folder is %s', async (_what, at) => {
    const file = path.join(folder, 'a-file');
    await writeFile(file, 'kept');
    const { code, err } = await run(['--repo', repository.url, '--data', at(file)]);
    expect(err).toBe(
      `headway: the data folder ${at(file)} cannot be made: ${file} is a file (HW5031)\n  fix: name a folder with --data (or data in runtime.yaml), or move the file away that has its name\n`,
    );
    expect(code).toBe(EXIT.DataFolderUnusable);
    expect(await readFile(file, 'utf8')).toBe('kept');
  });

  it('the data folder cannot be made', async () => {
    const { code, err } = await run(['--repo', repository.url, '--data', '/sys/headway']);
    expect(err).toMatch(/the data folder \/sys\/headway cannot be made: .*\(HW5032\)\n {2}fix: make the place/);
    expect(code).toBe(EXIT.DataFolderUnusable);
  });

  it.each([
    [[], /headway follows HEAD/],
    [['deploy'], /there is no command "deploy" \(HW5012\)/],
    [['run'], /run needs --repo <url> or --config/],
    [['run', '--repo', 'https://git.example.com/x.git', '--colour', 'blue'], /--colour/],
    [['run', '--repo', 'https://git.example.com/x.git', '--listen', 'nowhere'], /--listen "nowhere" is not an address/],
    [['lint'], /lint needs exactly one folder/],
    [['explain', 'shop'], /explain needs one <namespace>\/<name>/],
  ])('wrong usage: headway %j', async (args, says) => {
    const { code, out, err } = await headway(args);
    expect(out + err).toMatch(says);
    expect(code).toBe(EXIT.Broken);
  });

  it('wrong usage: headway plan ends as plan tools do, where 2 says that something changes', async () => {
    const { code, err } = await headway(['plan', 'main']);
    expect(err).toMatch(/plan needs one range/);
    expect(code).toBe(PLAN_EXIT.Error);
  });
});

const KEY = 'shop/greeting';

describe('the life of a daemon', () => {
  let addresses: { readonly listen: string; readonly status: string };
  let data: string;

  beforeAll(async () => {
    addresses = { listen: `127.0.0.1:${await freePort()}`, status: `127.0.0.1:${await freePort()}` };
    data = path.join(folder, 'data');
  });

  async function start(): Promise<Daemon> {
    return Daemon.start({ repo: repository.url, data, ...addresses });
  }

  it('a second one on its data folder is told who holds it; SIGTERM ends it in order', async () => {
    const daemon = await start();
    try {
      await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
      const before = daemon.processes();
      // Those that parse and prepare end when they have done it.
      const lasting = ['control', 'engine', 'spawner', 'cell'].flatMap((name) => before.get(name) ?? []);
      const second = await run(['--repo', repository.url, '--data', data]);
      const [holder] = /(?<=the process )\d+(?= holds the data folder \S+ \(HW5020\))/.exec(second.err) ?? [];
      expect([daemon.one('control'), daemon.one('engine')]).toContain(Number(holder));
      expect(second.err).toContain(`holds the data folder ${data} (HW5020)`);
      expect(second.err).toMatch(/fix: stop the other daemon or give this one its own --data folder/);
      expect(second.code).toBe(EXIT.DataFolderHeld);
      // It touched nothing of the first one's: not its cells, and not the socket between control and engine.
      expect(lasting.filter((pid) => !isAlive(pid))).toEqual([]);
      process.kill(daemon.one('control'), 'SIGKILL');
      await daemon.until(
        'another control found the engine',
        ({ ready }) => ready && daemon.first('control') !== before.get('control')?.[0],
      );
      expect(daemon.first('engine')).toBe(before.get('engine')?.[0]);
      expect(await greeting(daemon)).toContain('greeting v1');
    } finally {
      await expectEnd(daemon, 'SIGTERM');
    }
  });

  it('serves on from its journal while the repository cannot be reached; SIGINT ends it in order', async () => {
    const daemon = await Daemon.start({ repo: `file://${folder}/nowhere.git`, data, ...addresses });
    try {
      expect(await greeting(daemon)).toContain('greeting v1');
      await daemon.until('it says so', ({ source }) => source.condition.reason === 'SourceUnavailable');
    } finally {
      await expectEnd(daemon, 'SIGINT');
    }
  });

  it('with journal and seed lost and the repository away, the engine serves on and control goes on looking', async () => {
    const lost = path.join(folder, 'lost');
    const away = `${repository.bare}-away`;
    const daemon = await Daemon.start({ repo: repository.url, data: lost, ...addresses });
    let isAway = false;
    try {
      expect(await greeting(daemon)).toContain('greeting v1');
      const [control, engine] = [daemon.one('control'), daemon.one('engine')];
      await rename(repository.bare, away);
      isAway = true;
      for (const name of ['journal.db', 'journal.db-wal', 'journal.db-shm', 'seed.json']) {
        await rm(path.join(lost, name), { force: true });
      }
      process.kill(control, 'SIGKILL');
      await daemon.until(
        'another control says what is wrong',
        ({ source, engine: { connected } }) =>
          connected && source.condition.reason === 'SourceUnavailable' && daemon.first('control') !== control,
      );
      expect([daemon.first('engine'), await greeting(daemon)]).toEqual([
        engine,
        expect.stringContaining('greeting v1'),
      ]);
      await rename(away, repository.bare);
      isAway = false;
      await daemon.entry(KEY, 'it is known again', ({ serving }) => serving !== undefined);
    } finally {
      if (isAway) await rename(away, repository.bare);
      await expectEnd(daemon, 'SIGTERM');
    }
  });

  it('kill -9 of the supervisor: its children end by themselves and let go of ports and data folder', async () => {
    const daemon = await start();
    const children = [...daemon.processes().values()].flat();
    expect(children.length).toBeGreaterThanOrEqual(4);
    await daemon.stop('SIGKILL');
    await daemon.becomes('its children end', () => !children.some(isAlive));
    const next = await start();
    try {
      expect(await greeting(next)).toContain('greeting v1');
    } finally {
      await expectEnd(next, 'SIGTERM');
    }
  });

  it('a journal of a newer version is left alone', async () => {
    const journal = await open(path.join(data, 'journal.db'), 'r+');
    await journal.write(Buffer.from([0, 0, 0, 99]), 0, 4, USER_VERSION_OFFSET);
    await journal.close();
    const { code, err } = await run(['--repo', repository.url, '--data', data]);
    expect(err).toMatch(/99.*\(HW5021\)\n {2}fix: start the newer version/s);
    expect(code).toBe(EXIT.JournalTooNew);
  });
});

async function greeting(daemon: Daemon): Promise<string> {
  return (await fetch(`${daemon.url}/`)).text();
}

/** Ended by a signal: exit code 0, and no process is left behind. */
async function expectEnd(daemon: Daemon, signal: NodeJS.Signals): Promise<void> {
  const children = [...daemon.processes()].flatMap(([name, pids]) => pids.map((pid) => ({ name, pid })));
  expect(children.map(({ name }) => name)).toEqual(expect.arrayContaining(['control', 'engine', 'spawner', 'cell']));
  expect(await daemon.stop(signal)).toBe(EXIT.Ok);
  await daemon.becomes('no process is left behind', () => !children.some(({ pid }) => isAlive(pid)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
