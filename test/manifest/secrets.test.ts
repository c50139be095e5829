/** Secrets as far as nobody opens them: what a reference becomes, what is part of a revision, what is never said. */
import { describe, expect, it } from 'vitest';
import { grantChanges } from '../../src/check/plan/grants.ts';
import { REPORTERS } from '../../src/check/reporters/reporters.ts';
import { differences } from '../../src/check/plan/differences.ts';
import { attemptOf, revisionOf, secretlessOf } from '../../src/decide/identity.ts';
import { sealedForm } from '../../src/manifest/assemble/sealed-form.ts';
import { secret, sealedLook } from '../support/sealed.ts';
import { cartOf, component, desiredOf, ENVIRONMENT, places, type Files } from './support.ts';

const SEALED = sealedLook();
const item = (version: string, encrypted = SEALED, name = 'token') =>
  `{name: ${name}, version: "${version}", encrypted: ${encrypted}}`;
const TOKEN = '{name: PAY_TOKEN, valueFrom: {secretKeyRef: {name: pay, key: token}}}';

function files(spec: string, data: string): Files {
  return {
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart', spec),
    'pay.yaml': secret({ data }),
  };
}

describe('a value from a Secret', () => {
  it('stays sealed: the component carries its place, its version and the ciphertext', () => {
    const [member] = cartOf(
      files(
        `  env: [${TOKEN}]\n  config: [{name: t, valueFrom: {secretKeyRef: {name: pay, key: token}}}]\n`,
        item('1'),
      ),
    ).members;
    const place = { secret: 'shop/pay', key: 'token', version: '1', encrypted: SEALED };
    expect(member).toMatchObject({
      env: [],
      config: [],
      secretVersions: [{ secret: 'shop/pay/token', version: '1' }],
      sealed: [
        { into: 'config', name: 't', ...place },
        { into: 'env', name: 'PAY_TOKEN', ...place },
      ],
    });
  });

  it('rolls out with its version, and not when the same value is encrypted for other people', () => {
    const before = cartOf(files(`  env: [${TOKEN}]\n`, item('1')));
    const rotated = cartOf(files(`  env: [${TOKEN}]\n`, item('1', sealedLook(2))));
    expect(attemptOf(rotated)).toBe(attemptOf(before));
    expect(differences(before, rotated)).toEqual([]);
    const changed = cartOf(files(`  env: [${TOKEN}]\n`, item('2')));
    expect(revisionOf(changed)).not.toBe(revisionOf(before));
    expect(secretlessOf(changed)).toBe(secretlessOf(before));
    expect(differences(before, changed)).toEqual(['secretVersions: ~ shop/pay/token']);
  });

  it('a version of a key that is not used changes nothing', () => {
    const made = (version: string) =>
      cartOf(files(`  env: [${TOKEN}]\n`, `${item('1')}, ${item(version, SEALED, 'other')}`));
    expect(attemptOf(made('2'))).toBe(attemptOf(made('1')));
  });

  it('under another name is another revision, and the plan says what is given as what', () => {
    const before = cartOf(files(`  env: [${TOKEN}]\n`, item('1')));
    const after = cartOf(files(`  env: [${TOKEN.replace('PAY_TOKEN', 'TOKEN')}]\n`, item('1')));
    expect(revisionOf(after)).not.toBe(revisionOf(before));
    expect(secretlessOf(after)).not.toBe(secretlessOf(before));
    expect(differences(before, after)).toEqual([
      'secrets: + env TOKEN from shop/pay token, − env PAY_TOKEN from shop/pay token',
    ]);
  });
});

describe('who is given a secret', () => {
  const changes = (before: string, after: string) =>
    grantChanges(cartOf(files(before, item('1'))), cartOf(files(after, item('1')))).map(
      ({ name, change, escalation }) => `${change} ${name}${escalation ? '!' : ''}`,
    );
  const given = `  env: [${TOKEN}]\n`;

  it('is looked at first where it is new', () => {
    expect(changes('', given)).toEqual(['Gained secret shop/pay token!']);
    expect(changes(given, '')).toEqual(['Lost secret shop/pay token']);
    expect(changes(given, given.replace('PAY_TOKEN', 'OTHER'))).toEqual([]);
  });
});

it('the line of a Secret is not shown by lint: it may be what was to be hidden', () => {
  const found = desiredOf(files('', item('1', 'correct-horse'))).diagnostics;
  const line = () => Array.from({ length: 20 }, () => 'correct-horse');
  const report = { version: '', dir: '.', prefix: '', files: 1, entries: 0, findings: found, waived: [] };
  for (const print of Object.values(REPORTERS)) {
    const text = print(report, line, false);
    expect(text).toContain('HW1147');
    expect(text).not.toContain('correct-horse');
  }
});

describe('what is not encrypted', () => {
  it.each([
    ['plain text', 'correct-horse'],
    ['plain text that is base64', Buffer.from('correct-horse-battery').toString('base64')],
    ['a number', '739154'],
    ['more than a line holds', 'correct-horse'.repeat(1_240)],
    ['an age file for a passphrase', passphraseLook()],
    [
      'a header without anything behind it',
      Buffer.from(Buffer.from(SEALED, 'base64').subarray(0, -48)).toString('base64'),
    ],
  ])('%s is refused at its place, without being said', (_what, encrypted) => {
    const desired = desiredOf(files(`  env: [${TOKEN}]\n`, item('1', encrypted)));
    const problems = desired.invalid.flatMap((document) => document.problems);
    expect(places(problems)).toEqual(['HW1024 cart.yaml:6:60', 'HW1147 pay.yaml:6:38']);
    expect(JSON.stringify(desired)).not.toContain(encrypted.slice(0, 13));
  });

  it('is not said either where it stands under a field that there is not', () => {
    const desired = desiredOf(files('', '{name: token, version: "1", value: correct-horse}'));
    expect(desired.invalid).toHaveLength(1);
    expect(JSON.stringify(desired)).not.toContain('correct-horse');
  });
});

it('the look of an age file tells how many can open it', () => {
  expect([1, 2, 7].map((count) => sealedForm(sealedLook(count))?.recipients)).toEqual([1, 2, 7]);
  expect(sealedForm('')).toBeUndefined();
});

function passphraseLook(): string {
  return Buffer.from(Buffer.from(SEALED, 'base64').toString('latin1').replace('X25519', 'scrypt'), 'latin1').toString(
    'base64',
  );
}
