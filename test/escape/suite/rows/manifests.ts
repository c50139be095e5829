/** Documents and files in git whose names are chosen to be taken for something else. */
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { headway } from '../../../support/headway.ts';
import { component } from '../../../support/manifests.ts';
import type { Attempt, Isolation } from '../attempt.ts';
import { forgedLines, MOVES } from './logs.ts';

const GROUP = 'hostile names';
const LINK = 'wasm/link.wasm';

const named = (name: string, isolation: Isolation, wasm = 'wasm/plain.wasm'): string =>
  component({ wasm, rollout: '{policyRef: {name: now}}', extra: `  isolation: ${isolation}\n` }).replace(
    'name: greeting,',
    `name: ${JSON.stringify(name)},`,
  );

const NAMES: Readonly<Record<string, string>> = {
  prototype: '__proto__',
  escape: '\u001b[2J',
  lines: 'a\n{"msg":"forged"}',
  slash: 'a/b',
  above: '..',
  upper: 'Constructor',
  long: 'a'.repeat(300),
  turned: '\u202eecalp',
  nothing: '',
};
const PATHS: Readonly<Record<string, string>> = {
  'path-above': '../../etc/passwd',
  'path-absolute': '/etc/passwd',
  'path-link': LINK,
  'path-option': '--upload-pack=x',
  'path-git': '.git/config',
};
/** Names of files, of documents that are wrong. */
const FILES = [
  'shop/\u001b[2J.yaml',
  'shop/a\n{"msg":"forged"}.yaml',
  'shop/--help.yaml',
  'shop/\u202elmay.yaml',
  'shop/__proto__.yaml',
];

export const MANIFESTS: readonly Attempt[] = [
  {
    group: GROUP,
    what: 'components, artifacts and files of git',
    comes: 'each refused at its place, and the guests go on',
    async tries({ program, isolation }) {
      const { repository, daemon } = program;
      const changes: Record<string, string> = {};
      for (const [file, name] of Object.entries(NAMES)) changes[`shop/${file}.yaml`] = named(name, isolation);
      for (const [file, from] of Object.entries(PATHS)) changes[`shop/${file}.yaml`] = named(file, isolation, from);
      for (const file of FILES) changes[file] = 'kind: Component\n';
      await symlink('/etc/passwd', path.join(repository.work, LINK));
      const commit = await repository.push('Names', changes);
      const { diagnostics } = await daemon.until('it was looked at', ({ source, diagnostics: found }) => {
        return source.headCommit === commit && found.some(({ severity }) => severity === 'error');
      });
      const places = new Set(diagnostics.map(({ span }) => span?.file));
      const silent = Object.keys(changes).filter((file) => !places.has(file));
      const linted = await headway(['lint', repository.work]);
      const told = await headway(['status', '--status', daemon.statusAddress]);
      const { status } = await program.ask('plain', isolation, '/healthz');
      await repository.revert();
      await daemon.until('it is reverted', (seen) => seen.diagnostics.every(({ severity }) => severity !== 'error'));
      if (silent.length > 0) return `said nothing about ${JSON.stringify(silent)}`;
      if (forgedLines(daemon.output).length > 0)
        return `FORGED: ${JSON.stringify(forgedLines(daemon.output).slice(0, 2))}`;
      // A line of a report ends; nothing else in it moves anything.
      const moved = [linted.out, told.out].filter((text) => MOVES.test(text.replaceAll('\n', '')));
      if (moved.length > 0) return `A TERMINAL WAS MOVED: ${JSON.stringify(moved[0]!.slice(0, 600))}`;
      return status === 200 ? 'each refused at its place, and the guests go on' : `status ${status}`;
    },
  },
  {
    group: GROUP,
    what: 'a component that is called constructor is one as any other',
    comes: 'served',
    async tries({ program, isolation }) {
      const { repository, daemon } = program;
      await repository.push('A name', { 'shop/constructor.yaml': named('constructor', isolation) });
      await daemon.entry('shop/constructor', 'it serves', ({ serving }) => serving !== undefined);
      await repository.revert();
      await daemon.until('it is gone', ({ entries }) => !entries.some(({ key }) => key === 'shop/constructor'));
      return 'served';
    },
  },
];
