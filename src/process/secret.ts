/**
 * `headway secret`: writes Secret documents. Values come from standard input, a file or an editor, never from the command
 * line, which others can see; what is printed names keys and versions only.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { printProblem } from '../check/print.ts';
import type { Terminal } from '../check/terminal.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { BOUNDS } from '../manifest/bounds.ts';
import type { SealedSetting } from '../manifest/generated/secret.ts';
import { newSecret, secretsIn, withSettings, type WrittenSecret } from '../manifest/secret-text.ts';
import { decodeText } from '../manifest/text.ts';
import { createValidators } from '../manifest/validator.ts';
import type { EntryKey } from '../model/component.ts';
import { EXIT } from '../model/exit.ts';
import { problem, type Problem } from '../model/problem.ts';
import { createIdentity, readIdentities } from '../secret/identities.ts';
import { seal, unseal } from '../secret/seal.ts';
import { editText } from './edit-text.ts';

export type SecretVerb = 'encrypt' | 'edit' | 'rotate' | 'keygen';
export const SECRET_VERBS: readonly SecretVerb[] = ['encrypt', 'edit', 'rotate', 'keygen'];

export interface SecretArguments {
  readonly verb: SecretVerb;
  readonly file: string;
  readonly key?: string;
  /** `namespace/name`: which Secret of the file, or the one to make. */
  readonly secret?: string;
  /** Of a Secret that is made. */
  readonly recipients: readonly string[];
  readonly identities: readonly string[];
  /** A file with the value; absent: standard input. */
  readonly from?: string;
}

type SecretExit = typeof EXIT.Ok | typeof EXIT.Broken;

export async function secretCommand(given: SecretArguments, terminal: Terminal): Promise<SecretExit> {
  const done = await COMMANDS[given.verb](given);
  if (!done.ok) {
    printProblem(terminal, done.error);
    return EXIT.Broken;
  }
  terminal.out(`${done.value}\n`);
  return EXIT.Ok;
}

const COMMANDS: Readonly<Record<SecretVerb, (given: SecretArguments) => Promise<Result<string, Problem>>>> = {
  encrypt: async (given) => {
    const value = await readValue(given.from);
    if (!value.ok) return value;
    if (!existsSync(given.file)) return create(given, value.value);
    const opened = open(given);
    return opened.ok ? write(given.file, opened.value, given.key!, value.value) : opened;
  },

  edit: async (given) => {
    const opened = open(given);
    if (!opened.ok) return opened;
    const { secret } = opened.value;
    const setting = secret.value.spec.data.find(({ name }) => name === given.key);
    if (!setting) return err(problem('HW5104', `Secret ${secret.key} has no key \`${given.key}\``));
    const value = await reveal(secret, setting, given.identities);
    if (!value.ok) return value;
    const edited = editText(value.value);
    if (!edited.ok) return err(problem('HW5104', edited.error));
    if (edited.value === value.value) return ok(`${secret.key} ${setting.name}: the value is as it was`);
    return write(given.file, opened.value, setting.name, edited.value);
  },

  rotate: async (given) => {
    const opened = open(given);
    if (!opened.ok) return opened;
    const { secret, text } = opened.value;
    const settings: SealedSetting[] = [];
    for (const setting of secret.value.spec.data) {
      const value = await reveal(secret, setting, given.identities);
      if (!value.ok) return value;
      const sealed = await sealFor(secret, setting.name, setting.version, value.value);
      if (!sealed.ok) return sealed;
      settings.push(sealed.value);
    }
    const edited = withSettings(given.file, text, secret.key, settings);
    if (!edited.ok) return edited;
    const saved = save(given.file, edited.value);
    const count = secret.value.spec.recipients.length;
    return saved.ok
      ? ok(`${secret.key}: ${settings.length} values encrypted for ${count} recipients; commit it`)
      : saved;
  },

  keygen: ({ file }) => createIdentity(file),
};

interface Opened {
  readonly text: string;
  readonly secret: WrittenSecret;
}

function open({ file, secret: wanted }: SecretArguments): Result<Opened, Problem> {
  const read = readBytes(file);
  if (!read.ok) return read;
  const text = decodeText(file, read.value, BOUNDS);
  if (!text.ok) return text;
  const secrets = secretsIn(file, text.value, createValidators().Secret);
  if (!secrets.ok) return secrets;
  const names = secrets.value.map(({ key }) => key);
  if (wanted === undefined && names.length > 1) {
    return err(problem('HW5104', `${file} has several Secrets: say which by --secret ${names.join(' or ')}`));
  }
  const secret = wanted === undefined ? secrets.value[0] : secrets.value.find(({ key }) => key === wanted);
  if (secret) return ok({ text: text.value, secret });
  return err(problem('HW5104', `there is no Secret ${wanted === undefined ? '' : `${wanted} `}in ${file}`));
}

async function create(
  { file, key, secret, recipients }: SecretArguments,
  value: string,
): Promise<Result<string, Problem>> {
  const [namespace, name] = (secret ?? '').split('/');
  if (!namespace || !name || recipients.length === 0) {
    const message = `${file} is not there: to make it, say --secret <namespace>/<name> and --recipient <age1…>`;
    return err(problem('HW5104', message));
  }
  const version = newVersion();
  const sealed = await seal({ secret: `${namespace}/${name}`, key: key!, version }, value, recipients);
  if (!sealed.ok) return sealed;
  const text = newSecret({ namespace, name }, recipients, { name: key!, version, encrypted: sealed.value });
  // Names come from the command line: what is written is read back by the same form as any other.
  const checked = secretsIn(file, text, createValidators().Secret);
  if (!checked.ok) return checked;
  const saved = save(file, text);
  return saved.ok ? ok(written(secret!, key!, version)) : saved;
}

async function write(
  file: string,
  { text, secret }: Opened,
  key: string,
  value: string,
): Promise<Result<string, Problem>> {
  const version = newVersion();
  const sealed = await sealFor(secret, key, version, value);
  if (!sealed.ok) return sealed;
  const edited = withSettings(file, text, secret.key, [sealed.value]);
  if (!edited.ok) return edited;
  const checked = secretsIn(file, edited.value, createValidators().Secret);
  if (!checked.ok) return checked;
  const saved = save(file, edited.value);
  return saved.ok ? ok(written(secret.key, key, version)) : saved;
}

function written(secret: string, key: string, version: string): string {
  return `${secret} ${key} is version ${version} from now on; commit it`;
}

async function sealFor(
  { key: secret, value }: WrittenSecret,
  key: string,
  version: string,
  text: string,
): Promise<Result<SealedSetting, Problem>> {
  const sealed = await seal({ secret: secret as EntryKey, key, version }, text, value.spec.recipients);
  return sealed.ok ? ok({ name: key, version, encrypted: sealed.value }) : sealed;
}

async function reveal(
  { key }: WrittenSecret,
  { name, version, encrypted }: SealedSetting,
  files: readonly string[],
): Promise<Result<string, Problem>> {
  const identities = readIdentities(files);
  return identities.ok
    ? unseal({ secret: key as EntryKey, key: name, version }, encrypted, identities.value)
    : identities;
}

function newVersion(): string {
  return randomBytes(8).toString('hex');
}

/** Far more than a value may have: what is too large is refused by the size that it has, not read without end. */
const MAX_READ_BYTES = 2 ** 20;

/** One line end at the end is not part of it. */
async function readValue(from: string | undefined): Promise<Result<string, Problem>> {
  try {
    const text = from === undefined ? await standardInput() : readFileSync(from, 'utf8');
    return ok(text.replace(/\r?\n$/, ''));
  } catch (error) {
    return err(problem('HW5014', `${from ?? 'standard input'} cannot be read: ${(error as Error).message}`));
  }
}

/** Waits for whoever writes: a pipe whose other end is slow is no error. */
async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_READ_BYTES) throw new Error(`it has more than ${MAX_READ_BYTES} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readBytes(file: string): Result<Uint8Array, Problem> {
  try {
    return ok(readFileSync(file));
  } catch (error) {
    return err(problem('HW5014', `${file} cannot be read: ${(error as Error).message}`));
  }
}

/** As a whole or not at all. */
function save(file: string, text: string): Result<void, Problem> {
  const beside = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(4).toString('hex')}`);
  try {
    writeFileSync(beside, text, { flag: 'wx' });
    if (existsSync(file)) chmodSync(beside, statSync(file).mode & 0o777);
    renameSync(beside, file);
    return ok(undefined);
  } catch (error) {
    return err(problem('HW5013', `${file} cannot be written: ${(error as Error).message}`));
  }
}
