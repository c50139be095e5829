/** Real age files: what opens where, what a file of identities may be, and the command that writes them. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createParse } from '../../src/manifest/parse.ts';
import type { ParsedDocument } from '../../src/manifest/parsed.ts';
import type { SealedPlace } from '../../src/model/sealed.ts';
import { secretCommand, type SecretArguments } from '../../src/process/secret.ts';
import { createIdentity, readIdentities } from '../../src/secret/identities.ts';
import { MAX_SECRET_BYTES, seal, unseal } from '../../src/secret/seal.ts';
import { createVault } from '../../src/secret/vault.ts';
import { PROGRAM } from '../support/headway.ts';

const VALUE = 'canary-7f3a91';
const PLACE: SealedPlace = { secret: 'shop/pay', key: 'token', version: '1' };

let folder: string;
const at = (name: string) => path.join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'headway-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

async function identity(name: string): Promise<{ readonly recipient: string; readonly secrets: readonly string[] }> {
  const recipient = await createIdentity(at(name));
  const secrets = readIdentities([at(name)]);
  if (!recipient.ok || !secrets.ok) throw new Error('no identity');
  return { recipient: recipient.value, secrets: secrets.value };
}

async function sealed(recipients: readonly string[], place = PLACE, value = VALUE): Promise<string> {
  const made = await seal(place, value, recipients);
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}

describe('a sealed value', () => {
  it('opens for each of its recipients and for nobody else', async () => {
    const [one, two, other] = [await identity('1'), await identity('2'), await identity('3')];
    const encrypted = await sealed([one.recipient, two.recipient]);
    for (const { secrets } of [one, two])
      expect(await unseal(PLACE, encrypted, secrets)).toEqual({ ok: true, value: VALUE });
    const refused = await unseal(PLACE, encrypted, other.secrets);
    expect(refused).toMatchObject({ error: { code: 'HW5100', policy: 'Waiting' } });
    expect(JSON.stringify(refused)).toContain('Secret shop/pay, key `token`, version 1');
  });

  it.each<[string, Partial<SealedPlace>]>([
    ['namespace', { secret: 'bank/pay' }],
    ['name', { secret: 'shop/other' }],
    ['key', { key: 'other' }],
    ['version', { version: '2' }],
  ])('that was copied under another %s opens for nobody', async (_what, other) => {
    const { recipient, secrets } = await identity('1');
    const refused = await unseal({ ...PLACE, ...other }, await sealed([recipient]), secrets);
    expect(refused).toMatchObject({ error: { code: 'HW5102' } });
    expect(JSON.stringify(refused)).not.toContain(VALUE);
  });

  it('that is damaged anywhere is refused', async () => {
    const { recipient, secrets } = await identity('1');
    const bytes = Buffer.from(await sealed([recipient]), 'base64');
    for (let index = 0; index < bytes.length; index += 9) {
      const damaged = Buffer.from(bytes);
      damaged[index]! ^= 1;
      const refused = await unseal(PLACE, damaged.toString('base64'), secrets);
      expect(refused.ok).toBe(false);
      if (!refused.ok) expect(['HW5100', 'HW5101']).toContain(refused.error.code);
    }
    const cut = await unseal(PLACE, bytes.subarray(0, -1).toString('base64'), secrets);
    expect(cut).toMatchObject({ error: { code: 'HW5101' } });
  });

  it(`holds ${MAX_SECRET_BYTES} bytes and not one more, and text only`, async () => {
    const { recipient, secrets } = await identity('1');
    const most = 'ä'.repeat(MAX_SECRET_BYTES / 2);
    expect(await unseal(PLACE, await sealed([recipient], PLACE, most), secrets)).toEqual({ ok: true, value: most });
    for (const value of [`${most}a`, 'a\0b', '\ud800']) {
      expect(await seal(PLACE, value, [recipient])).toMatchObject({ error: { code: 'HW5104' } });
    }
    expect(await seal(PLACE, VALUE, [])).toMatchObject({ error: { code: 'HW5104' } });
    expect(await seal(PLACE, VALUE, [recipient.slice(0, -1)])).toMatchObject({ error: { code: 'HW5104' } });
  });
});

describe('the vault', () => {
  const value = (encrypted: string) => [{ into: 'env' as const, name: 'TOKEN', ...PLACE, encrypted }];

  it('opens with any of its files, and tells the logger what to mask before anybody has the value', async () => {
    await identity('1');
    const { recipient } = await identity('2');
    const masked: string[] = [];
    const vault = createVault({ identityFiles: [at('1'), at('2')], protect: (values) => masked.push(...values) });
    expect(await vault.open(value(await sealed([recipient])))).toEqual({
      ok: true,
      value: [{ into: 'env', name: 'TOKEN', value: VALUE }],
    });
    expect(masked).toEqual([VALUE]);
  });

  it('says what is wrong with a file, never what is in it, and takes it up when it is mended', async () => {
    const { recipient } = await identity('1');
    const vault = createVault({ identityFiles: [at('1')], protect: () => undefined });
    const encrypted = await sealed([recipient]);
    const text = readFileSync(at('1'), 'utf8');
    const tried = async () => {
      const opened = await vault.open(value(encrypted));
      return opened.ok ? 'opened' : `${opened.error.code} ${opened.error.message}`;
    };
    chmodSync(at('1'), 0o640);
    expect(await tried()).toMatch(/^HW5103 .*\/1 may be read by others \(mode 0640\): chmod 600 it$/);
    chmodSync(at('1'), 0o600);
    writeFileSync(at('1'), text.replace('AGE-SECRET', 'AGE-SECERT'));
    expect(await tried()).toMatch(/^HW5103 .*\/1 holds something else than identities of age \(entry 1\)$/);
    writeFileSync(at('1'), '# nothing\n');
    expect(await tried()).toMatch(/^HW5103 .*\/1 holds no identity$/);
    writeFileSync(at('1'), text);
    expect(await tried()).toBe('opened');
    const none = createVault({ identityFiles: [], protect: () => undefined });
    expect(await none.open(value(encrypted))).toMatchObject({ error: { code: 'HW5100' } });
    const away = createVault({ identityFiles: [at('away')], protect: () => undefined });
    expect(await away.open(value(encrypted))).toMatchObject({ error: { code: 'HW5103' } });
    expect(await away.open([])).toEqual({ ok: true, value: [] });
  });
});

describe('headway secret', () => {
  interface Ran {
    readonly code: number;
    readonly said: string;
  }

  async function run(given: Partial<SecretArguments> & Pick<SecretArguments, 'verb'>): Promise<Ran> {
    let said = '';
    const terminal = { out: (text: string) => (said += text), err: (text: string) => (said += text), colours: false };
    const code = await secretCommand(
      { file: at('pay.yaml'), recipients: [], identities: [], ...given },
      terminal as never,
    );
    return { code, said };
  }

  function value(text: string): string {
    writeFileSync(at('value'), text);
    return at('value');
  }

  function written() {
    const { documents, invalid } = createParse()([{ path: 'pay.yaml', bytes: readFileSync(at('pay.yaml')) }]);
    expect(invalid).toEqual([]);
    return documents
      .filter((one): one is ParsedDocument<'Secret'> => one.kind === 'Secret')
      .map(({ value: { spec } }) => spec);
  }

  it('makes a file, adds to it and writes over, touching nothing else; only the version tells', async () => {
    const { recipient, secrets } = await identity('1');
    const made = await run({
      verb: 'encrypt',
      key: 'token',
      secret: 'shop/pay',
      recipients: [recipient],
      from: value(`${VALUE}\n`),
    });
    expect(made).toMatchObject({ code: 0 });
    const text = readFileSync(at('pay.yaml'), 'utf8');
    writeFileSync(
      at('pay.yaml'),
      `# ours\n${text.replace('- name: token', '- name: token  # of the provider')}---\n# more\n`,
    );
    chmodSync(at('pay.yaml'), 0o640);
    expect(await run({ verb: 'encrypt', key: 'api/key', from: value('another') })).toMatchObject({ code: 0 });
    const [first] = written();
    expect(await run({ verb: 'encrypt', key: 'token', from: value('a newer one') })).toMatchObject({ code: 0 });
    const [second] = written();
    expect(second!.data[1]).toEqual(first!.data[1]);
    expect(second!.data[0]!.version).not.toBe(first!.data[0]!.version);
    const { name: key, version, encrypted } = second!.data[0]!;
    expect(await unseal({ secret: 'shop/pay', key, version }, encrypted, secrets)).toEqual({
      ok: true,
      value: 'a newer one',
    });
    const after = readFileSync(at('pay.yaml'), 'utf8');
    expect(after).toMatch(/^# ours\n/);
    expect(after).toContain('# of the provider');
    expect(after).toMatch(/---\n# more\n$/);
    expect(statSync(at('pay.yaml')).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(['1', 'pay.yaml', 'value']);
  });

  it('reads the value from standard input, however slowly it comes, and no more than a value may be', async () => {
    const { recipient, secrets } = await identity('1');
    const encrypt = async (script: string) => {
      const flags = `--secret shop/pay --recipient ${recipient}`;
      const line = `(${script}) | "${process.execPath}" "${PROGRAM}" secret encrypt "${at('pay.yaml')}" token ${flags}`;
      const child = spawn('sh', ['-c', line], { stdio: 'ignore' });
      return new Promise((resolve) => child.once('close', resolve));
    };
    expect(await encrypt('printf "sec"; sleep 1; printf "ret\\n"')).toBe(0);
    const { name: key, version, encrypted } = written()[0]!.data[0]!;
    expect(await unseal({ secret: 'shop/pay', key, version }, encrypted, secrets)).toEqual({
      ok: true,
      value: 'secret',
    });
    expect(await encrypt('head -c 2000000 /dev/zero')).toBe(2);
    expect(written()[0]!.data[0]!.version).toBe(version);
  });

  it('rotates: other recipients, the same values and versions', async () => {
    const [one, two] = [await identity('1'), await identity('2')];
    await run({ verb: 'encrypt', key: 'token', secret: 'shop/pay', recipients: [one.recipient], from: value(VALUE) });
    const before = written()[0]!.data[0]!;
    writeFileSync(at('pay.yaml'), readFileSync(at('pay.yaml'), 'utf8').replaceAll(one.recipient, two.recipient));
    expect(await run({ verb: 'rotate', identities: [at('2')] })).toMatchObject({
      code: 2,
      said: expect.stringContaining('HW5100') as string,
    });
    expect(await run({ verb: 'rotate', identities: [at('1')] })).toMatchObject({ code: 0 });
    const { name: key, version, encrypted } = written()[0]!.data[0]!;
    expect(version).toBe(before.version);
    const place = { secret: 'shop/pay', key, version } as const;
    expect(await unseal(place, encrypted, two.secrets)).toEqual({ ok: true, value: VALUE });
    expect(await unseal(place, encrypted, one.secrets)).toMatchObject({ error: { code: 'HW5100' } });
  });

  it('edits in the editor, in a file of its own that is gone afterwards; an untouched value keeps its version', async () => {
    const { recipient } = await identity('1');
    await run({ verb: 'encrypt', key: 'token', secret: 'shop/pay', recipients: [recipient], from: value(VALUE) });
    const before = written()[0]!.data[0]!;
    const edit = async (editor: string) => {
      process.env['VISUAL'] = editor;
      onTestFinished(() => void delete process.env['VISUAL']);
      return run({ verb: 'edit', key: 'token', identities: [at('1')] });
    };
    expect((await edit('true')).said).toBe('shop/pay token: the value is as it was\n');
    expect((await edit('false')).code).toBe(2);
    expect(written()[0]!.data[0]).toEqual(before);
    expect(
      await edit(`f() { stat -c %a "$1" > ${at('mode')}; echo "$1" > ${at('where')}; echo newer > "$1"; }; f`),
    ).toMatchObject({ code: 0 });
    expect(readFileSync(at('mode'), 'utf8').trim()).toBe('600');
    expect(() => statSync(readFileSync(at('where'), 'utf8').trim())).toThrow('ENOENT');
    expect(written()[0]!.data[0]!.version).not.toBe(before.version);
  });

  it('refuses what it cannot write, and leaves the file as it was', async () => {
    const { recipient } = await identity('1');
    const refused = async (given: Partial<SecretArguments>, says: string) =>
      expect(await run({ verb: 'encrypt', key: 'token', ...given, from: given.from ?? value(VALUE) })).toMatchObject({
        code: 2,
        said: expect.stringContaining(says) as string,
      });
    await refused({}, 'to make it, say --secret');
    await refused({ secret: 'shop/Pay', recipients: [recipient] }, 'HW1017');
    await refused({ secret: 'shop/pay', recipients: ['age1'] }, 'HW5104');
    expect(readdirSync(folder).sort()).toEqual(['1', 'value']);
    await run({ verb: 'encrypt', key: 'token', secret: 'shop/pay', recipients: [recipient], from: value(VALUE) });
    const text = readFileSync(at('pay.yaml'), 'utf8');
    await refused({ key: 'not a key' }, 'HW1017');
    await refused({ secret: 'shop/other' }, 'there is no Secret shop/other');
    await refused({ from: value('x'.repeat(MAX_SECRET_BYTES + 1)) }, 'the most is 8192');
    await refused({ verb: 'edit', key: 'other', identities: [at('1')] }, 'no key `other`');
    writeFileSync(at('pay.yaml'), `${text}---\n${text.replace('name: pay', 'name: two')}`);
    await refused({}, '--secret shop/pay or shop/two');
    expect(readFileSync(at('pay.yaml'), 'utf8')).toBe(`${text}---\n${text.replace('name: pay', 'name: two')}`);
  });
});
