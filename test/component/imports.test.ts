import { describe, expect, test } from 'vitest';
import { blockingImports } from '../../src/component/admission/blocking.ts';
import { IMPORTS, refusedImport, type Given } from '../../src/model/imports.ts';

const NOTHING: Given = { capabilities: [], links: [] };
const spelled = (name: string, version: string): string => {
  const plain = name.endsWith('/*') ? name.replace('*', 'anything') : name;
  return `${plain}@${version === '0.1' ? '0.1.0' : version === '0.2' ? '0.2.3' : '0.2.0-draft'}`;
};

describe('every row of the table', () => {
  test.each(IMPORTS.filter((row) => row.rule !== 'Granted'))(
    '$name is admitted without a grant',
    ({ name, version }) => {
      expect(refusedImport([spelled(name, version)], NOTHING)).toBeUndefined();
    },
  );

  test.each(IMPORTS.filter((row) => row.rule === 'Granted'))(
    '$name needs one of $capabilities',
    ({ name, version, capabilities }) => {
      const imports = [spelled(name, version)];
      const refused = refusedImport(imports, NOTHING);
      expect(refused).toMatchObject({ code: 'HW2111', policy: 'Terminal' });
      expect(refused?.message).toContain(imports[0]);
      expect(refused?.remedy).toContain(`"${capabilities[0]}"`);
      expect(refusedImport(imports, { capabilities: [{ capability: 'other' }], links: [] })).toMatchObject({
        code: 'HW2111',
      });
      for (const capability of capabilities) {
        expect(refusedImport(imports, { capabilities: [{ capability }], links: [] })).toBeUndefined();
      }
    },
  );

  test('no interface has two rows', () => {
    expect(new Set(IMPORTS.map((row) => row.name)).size).toBe(IMPORTS.length);
  });
});

describe('versions', () => {
  test.each([
    'wasi:io/streams@0.2.0',
    'wasi:io/streams@0.2.12',
    'headway:http/types@0.1.3',
    'wasi:config/store@0.2.0-draft',
    'wasi:config/store@0.2.0-rc.1',
    'wasi:config/store@0.2.1',
    'wasi:config/runtime@0.2.0-draft',
  ])('%s is there', (name) => {
    expect(refusedImport([name], NOTHING)).toBeUndefined();
  });
  test.each(['wasi:keyvalue/store@0.2.0-draft', 'wasi:keyvalue/batch@0.2.0-draft2'])('%s is there', (name) => {
    expect(refusedImport([name], { capabilities: [{ capability: 'keyValue' }], links: [] })).toBeUndefined();
  });
  test.each(['wasi:keyvalue/store@0.1.0', 'wasi:keyvalue/readwrite@0.2.0-draft', 'wasi:keyvalue/store@0.2.0'])(
    '%s is not',
    (name) => {
      const refused = refusedImport([name], { capabilities: [{ capability: 'keyValue' }], links: [] });
      expect(refused?.code).toBe('HW2112');
    },
  );
  test.each([
    'wasi:io/streams',
    'wasi:io/streams@0.3.0',
    'wasi:io/streams@0.2.0-rc-2023-11-10',
    'wasi:io/streams@1.2.0',
    'wasi:io/streams@10.2.0',
    'headway:http/types@0.2.0',
  ])('%s is not, and the message names what is', (name) => {
    const refused = refusedImport([name], NOTHING);
    expect(refused).toMatchObject({ code: 'HW2112' });
    expect(refused?.message).toMatch(/the host has \S+ 0\.[12]\.x/);
  });
});

describe('what no row names', () => {
  test.each(['shop:tax/rates@0.2.0', 'wasi:unknown/types@0.2.0', 'wasi:http/other@0.2.0', 'wasi:io@0.2.0', 'x'])(
    '%s',
    (name) => {
      expect(refusedImport([name], NOTHING)).toMatchObject({ code: 'HW2112' });
    },
  );

  test('a link provides exactly the import that it names', () => {
    const linked: Given = { capabilities: [], links: [{ import: 'shop:tax/rates@0.2.0' }] };
    expect(refusedImport(['shop:tax/rates@0.2.0'], linked)).toBeUndefined();
    expect(refusedImport(['shop:tax/rates@0.2.1'], linked)).toMatchObject({ code: 'HW2112' });
  });

  test('the first of several is named', () => {
    expect(refusedImport(['wasi:io/poll@0.2.0', 'b:b/b@1.0.0', 'c:c/c@1.0.0'], NOTHING)?.message).toContain(
      'b:b/b@1.0.0',
    );
  });
});

describe('what may suspend', () => {
  test.each<[string, string[], string[], string[]]>([
    ['nothing imported', [], ['poll'], []],
    ['imported and not used', ['wasi:io/poll@0.2.3'], ['[method]pollable.ready'], []],
    ['used', ['wasi:io/poll@0.2.3'], ['poll'], ['wasi:io/poll#poll']],
    ['used by name only, from another interface', ['shop:a/b@0.1.0'], ['poll'], []],
    [
      'both interfaces',
      ['wasi:io/streams@0.2.0', 'wasi:io/poll@0.2.0'],
      ['[method]pollable.block', '[method]input-stream.blocking-read', '[method]input-stream.read'],
      ['wasi:io/poll#[method]pollable.block', 'wasi:io/streams#[method]input-stream.blocking-read'],
    ],
  ])('%s', (_what, imports, taken, expected) => {
    expect(blockingImports(imports, new Set(taken))).toEqual(expected);
  });
});
