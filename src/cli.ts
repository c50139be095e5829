/** argv → command. Thin: parses flags, imports the command that was named, and hands back its exit code. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { EXIT, PLAN_EXIT, type ExitCode } from './model/exit.ts';
import { problem } from './model/problem.ts';
import { printProblem } from './check/print.ts';
import type { Terminal } from './check/terminal.ts';

const HELP = `headway follows HEAD: a git repository of YAML manifests is the only API of a fleet of WebAssembly components.

  headway run --repo <url> --ref <ref> [--path <dir>] [--data <dir>] [--listen <addr>] [--status <addr>]
              [--engines <n>]               processes that share the traffic address
  headway run --config <runtime.yaml>
  headway demo [--no-visitor]               what \`npm start\` runs
  headway tour                              what \`npm run tour\` runs: good, bad and revert by themselves, with the numbers
  headway lint <dir>|<repository>@<revision> [--format <reporter>] [--report <reporter>=<file>]... [--ignore <glob>]...
               [--changed-since <revision>] [--fix]     exit 0 clean, 1 findings, 2 broken
               reporters: text, json, sarif, junit, github, gitlab, markdown
  headway schema [kind]                     the JSON schema of a kind; without one, the kinds
  headway plan <base>..<head> [--repo <dir>] [--path <dir>] [--format text|json|markdown|github]
               [--live <addr>] [--fail-on escalation]   exit 0 no change, 1 error, 2 change
               [--environments staging,production]      folders below --path, and what the second lacks of the first
  headway lock <dir> [--check] [--update] [--config <runtime.yaml>] [--docker-config <file>]
               writes the digests of tags into the manifests; --check: exit 0 all there, 1 some missing, 2 broken
  headway secret encrypt <file> <key> [--from <file>] [--secret <namespace>/<name> --recipient <age1…>...]
               the value comes from standard input or a file; the two flags make a new file
  headway secret edit <file> <key> --identity <file>      in your EDITOR
  headway secret rotate <file> --identity <file>          encrypts the same values for the recipients of today
  headway secret keygen <file>                            a new identity; prints its recipient
  headway test <dir>|<repository>@<revision> [--format text|json|junit] [--report <format>=<file>]...
  headway test <component.wasm> --checks <dir>
               the calls of Checks, in a runtime of their own: exit 0 all passed, 1 some failed, 2 broken
  headway rehearse <base>..<head> [--repo <dir>] [--path <dir>] [--speed <factor>] [--deadline <duration>]
               [--format text|json|junit] [--report <format>=<file>]...
               what a merge would do, in a runtime of its own, with waits compressed: exit codes as of test
               both: [--artifacts <dir>] [--fetch [--config <runtime.yaml>] [--docker-config <file>]]
               where artifacts come from that git does not hold; without --fetch no server is asked
  headway status [--status <addr>] [--watch] [--json]
  headway explain <namespace>/<name> [--status <addr>] [--json]
  headway audit verify [--data <dir>] [--contains <hash>] [--format text|json]   exit 0 whole, 1 findings, 2 broken
  headway audit show [--data <dir>] [--entry <namespace>/<name>] [--kind use,denial,audited,decision] [--since 2h]

No command changes what is live: push a commit, or revert one.
`;

const DEFAULT_STATUS = '127.0.0.1:8081';
const DEFAULT_DATA = '.headway';

type Values = Readonly<Record<string, string | boolean | string[] | undefined>>;

interface Command {
  readonly options: ParseArgsOptionsConfig;
  /** It takes no words besides its options; where one is likely meant for another command, which. */
  readonly wordless?: string;
  readonly run: (values: Values, positionals: readonly string[]) => Promise<ExitCode>;
}

const text = { type: 'string' } as const;
const texts = { type: 'string', multiple: true } as const;
const flag = { type: 'boolean', default: false } as const;
const ARTIFACT_OPTIONS = { artifacts: text, fetch: flag, config: text, 'docker-config': text } as const;

const terminal: Terminal = {
  out: (line) => void process.stdout.write(line),
  err: (line) => void process.stderr.write(line),
  colours: process.stdout.isTTY === true && !process.env['NO_COLOR'],
};

const COMMANDS: Readonly<Record<string, Command>> = {
  run: {
    options: {
      repo: text,
      ref: text,
      path: text,
      data: text,
      listen: text,
      status: text,
      config: text,
      engines: text,
    },
    wordless: 'what it follows is said by --repo, --ref and --path',
    run: async (values) => (await import('./process/run.ts')).runCommand(values, terminal),
  },
  demo: {
    options: { 'no-visitor': flag, data: text, listen: text, status: text },
    wordless: 'what it follows is seeded from manifests/',
    run: async (values) => (await import('./process/demo/demo.ts')).demoCommand(values, terminal),
  },
  tour: {
    options: { data: text, listen: text, status: text },
    wordless: 'it goes its own way',
    run: async (values) => (await import('./process/demo/tour.ts')).tourCommand(values, terminal),
  },
  lint: {
    options: {
      format: { ...text, default: 'text' },
      report: texts,
      ignore: texts,
      'changed-since': text,
      fix: flag,
    },
    run: async (values, [target, ...rest]) => {
      if (!target || rest.length > 0) return usage('lint needs exactly one folder, or <repository>@<revision>');
      const { lintArguments } = await import('./check/lint/arguments.ts');
      const options = lintArguments(target, values);
      if (!options.ok) return usage(options.error);
      return (await import('./process/lint.ts')).lintCommand(options.value, terminal);
    },
  },
  schema: {
    options: {},
    run: async (_values, [kind, ...rest]) => {
      if (rest.length > 0) return usage('schema takes one kind, or none');
      return (await import('./check/schema.ts')).schema(kind, terminal);
    },
  },
  lock: {
    options: { check: flag, update: flag, config: text, 'docker-config': text },
    run: async (values, [dir, ...rest]) => {
      if (!dir || rest.length > 0) return usage('lock needs exactly one folder');
      const { check, update, config, 'docker-config': dockerConfig } = values;
      const flags = {
        dir,
        check: check === true,
        update: update === true,
        ...(typeof config === 'string' ? { config } : {}),
        ...(typeof dockerConfig === 'string' ? { dockerConfig } : {}),
      };
      return (await import('./process/lock.ts')).lockCommand(flags, terminal);
    },
  },
  plan: {
    options: {
      repo: { ...text, default: '.' },
      path: { ...text, default: '.' },
      format: { ...text, default: 'text' },
      live: text,
      'fail-on': text,
      environments: text,
    },
    run: async (values, [range, ...rest]) => {
      const ends = /^(.+?)\.\.(.+)$/.exec(range ?? '');
      if (!ends || rest.length > 0) return usage('plan needs one range <base>..<head>', PLAN_EXIT.Error);
      const { PLAN_FORMATS, planCommand } = await import('./process/plan.ts');
      const format = PLAN_FORMATS.find((known) => known === values['format']);
      if (!format) {
        const known = PLAN_FORMATS.join(', ');
        return usage(`plan has no format "${String(values['format'])}"; there are ${known}`, PLAN_EXIT.Error);
      }
      const failOn = values['fail-on'];
      if (failOn !== undefined && failOn !== 'escalation') {
        return usage(`--fail-on "${String(failOn)}" is not known; there is escalation`, PLAN_EXIT.Error);
      }
      const environments = typeof values['environments'] === 'string' ? values['environments'].split(',') : undefined;
      if (environments?.some((name) => name === '')) {
        return usage('--environments needs folders with a comma between them: staging,production', PLAN_EXIT.Error);
      }
      if (environments && typeof values['live'] === 'string') {
        return usage('--live is the address of one environment: plan it by its --path', PLAN_EXIT.Error);
      }
      const options = {
        repo: String(values['repo']),
        path: String(values['path']),
        base: ends[1]!,
        head: ends[2]!,
        format,
        ...(typeof values['live'] === 'string' ? { live: values['live'] } : {}),
        failOnEscalation: failOn === 'escalation',
        ...(environments === undefined ? {} : { environments }),
      };
      return planCommand(options, terminal);
    },
  },
  secret: {
    options: { secret: text, recipient: texts, identity: texts, from: text },
    run: async (values, [verb, file, key, ...rest]) => {
      const { SECRET_VERBS, secretCommand } = await import('./process/secret.ts');
      const known = SECRET_VERBS.find((one) => one === verb);
      if (!known) return usage(`secret has no "${verb ?? ''}"; there are ${SECRET_VERBS.join(', ')}`);
      const needsKey = known === 'encrypt' || known === 'edit';
      if (!file || (key === undefined) === needsKey || rest.length > 0) {
        return usage(`secret ${known} needs <file>${needsKey ? ' and <key>' : ' and nothing more'}`);
      }
      const identities = (values['identity'] ?? []) as string[];
      if ((known === 'edit' || known === 'rotate') && identities.length === 0) {
        return usage(`secret ${known} needs --identity <file>`);
      }
      const { secret, from } = values;
      const given = {
        verb: known,
        file,
        ...(key === undefined ? {} : { key }),
        ...(typeof secret === 'string' ? { secret } : {}),
        ...(typeof from === 'string' ? { from } : {}),
        recipients: (values['recipient'] ?? []) as string[],
        identities,
      };
      return secretCommand(given, terminal);
    },
  },
  test: {
    options: { checks: text, format: { ...text, default: 'text' }, report: texts, ...ARTIFACT_OPTIONS },
    run: async (values, [target, ...rest]) => {
      if (!target || rest.length > 0)
        return usage('test needs one folder, one <repository>@<revision>, or one .wasm file');
      const { checks, format, report } = values;
      if (checks === undefined && target.endsWith('.wasm')) return usage('a single component needs --checks <dir>');
      const { artifactFlags, trialReports } = await import('./check/trial/arguments.ts');
      const reports = trialReports(String(format), Array.isArray(report) ? report : []);
      if (!reports.ok) return usage(reports.error);
      const artifacts = artifactFlags(values);
      if (!artifacts.ok) return usage(artifacts.error);
      const options = {
        target,
        ...reports.value,
        ...artifacts.value,
        ...(typeof checks === 'string' ? { checks } : {}),
      };
      return (await import('./process/trial/test.ts')).testCommand(options, terminal);
    },
  },
  rehearse: {
    options: {
      repo: { ...text, default: '.' },
      path: { ...text, default: '.' },
      speed: text,
      deadline: { ...text, default: '10m' },
      format: { ...text, default: 'text' },
      report: texts,
      ...ARTIFACT_OPTIONS,
    },
    run: async (values, [range, ...rest]) => {
      const { rehearseArguments } = await import('./check/trial/arguments.ts');
      const options = rehearseArguments(rest.length > 0 ? undefined : range, values);
      if (!options.ok) return usage(options.error);
      return (await import('./process/trial/rehearse.ts')).rehearseCommand(options.value, terminal);
    },
  },
  status: {
    options: { status: { ...text, default: DEFAULT_STATUS }, watch: flag, json: flag },
    wordless: 'it shows all entries; `headway explain <namespace>/<name>` shows one',
    run: async (values) =>
      (await import('./check/status.ts')).status(
        { address: String(values['status']), json: values['json'] === true, watch: values['watch'] === true },
        terminal,
      ),
  },
  audit: {
    options: {
      data: { ...text, default: DEFAULT_DATA },
      format: { ...text, default: 'text' },
      contains: text,
      entry: text,
      kind: text,
      since: text,
    },
    run: async (values, [verb, ...rest]) => {
      if (rest.length > 0) return usage(`audit takes no "${rest[0]}"; the data folder is named by --data`);
      const { format } = values;
      if (format !== 'text' && format !== 'json')
        return usage(`audit has no format "${String(format)}"; there are text and json`);
      const given = (name: string): string | undefined => (typeof values[name] === 'string' ? values[name] : undefined);
      const options = { data: given('data')!, format } as const;
      const { showCommand, verifyCommand } = await import('./process/audit.ts');
      const contains = given('contains');
      if (verb === 'verify')
        return verifyCommand({ ...options, contains: contains === undefined ? [] : [contains] }, terminal);
      if (verb === 'show')
        return showCommand({ ...options, entry: given('entry'), kind: given('kind'), since: given('since') }, terminal);
      return usage(`audit has no "${verb ?? ''}"; there are verify and show`);
    },
  },
  explain: {
    options: { status: { ...text, default: DEFAULT_STATUS }, json: flag },
    run: async (values, [entry, ...rest]) => {
      if (!entry?.includes('/') || rest.length > 0) return usage('explain needs one <namespace>/<name>');
      return (await import('./check/explain.ts')).explain(
        { address: String(values['status']), entry, json: values['json'] === true },
        terminal,
      );
    },
  },
};

function usage(message: string, exit: ExitCode = EXIT.Broken): ExitCode {
  printProblem(terminal, problem('HW5012', message));
  return exit;
}

/** The lines of the help that are about one command. */
function helpOf(name: string): string {
  const parts = HELP.split(/\n(?= {2}headway |\n)/);
  return `${parts.filter((part) => part.startsWith(`  headway ${name} `)).join('\n')}\n`;
}

export async function main(argv: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(HELP);
    return name === undefined ? EXIT.Broken : EXIT.Ok;
  }
  if (name === '--version' || name === 'version') {
    terminal.out(`${(await import('./process/version.ts')).VERSION}\n`);
    return EXIT.Ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return usage(`there is no command "${name}"`);
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.out(helpOf(name));
    return EXIT.Ok;
  }
  try {
    const { values, positionals } = parseArgs({ args: [...rest], options: command.options, allowPositionals: true });
    if (command.wordless !== undefined && positionals.length > 0) {
      return usage(`${name} takes no "${positionals[0]}": ${command.wordless}`);
    }
    return await command.run(values as Values, positionals);
  } catch (error) {
    if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
      // Node goes on about words that start with a hyphen, which no command takes.
      return usage(error.message.split('. To specify')[0]!);
    }
    throw error;
  }
}
