import type { Address } from './address.ts';
import type { GitLimits } from './limits.ts';

/**
 * Old repositories hold commits with such faults; refusing them would refuse the repository for ever, because history
 * cannot be mended. Faults that let a tree show two faces (duplicate entries, names with `/` or `..`) stay errors.
 */
const HARMLESS = [
  'badTimezone',
  'missingEmail',
  'missingNameBeforeEmail',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'zeroPaddedDate',
  'zeroPaddedFilemode',
] as const;

/**
 * The mirror's own configuration, written anew at each start so that nobody's edit of it lasts. The address stands here
 * and not on a command line.
 */
export function mirrorConfig(address: Address, limits: GitLimits, caFile: string | undefined): string {
  const sections: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
    [
      'core',
      [
        ['repositoryformatversion', '0'],
        ['bare', 'true'],
        ['hooksPath', '/dev/null'],
        ['fsync', 'committed'],
        ['logAllRefUpdates', 'false'],
        ['askPass', ''],
      ],
    ],
    [
      'remote "origin"',
      [
        ['url', address.url],
        ['tagOpt', '--no-tags'],
      ],
    ],
    ['credential', [['helper', '']]],
    ['protocol', [['allow', 'never']]],
    [`protocol "${address.protocol}"`, [['allow', 'always']]],
    [
      'http',
      [
        ['followRedirects', 'false'],
        ['lowSpeedLimit', '1'],
        ['lowSpeedTime', String(Math.max(1, Math.ceil(limits.stallMs / 1_000)))],
        ['emptyAuth', 'false'],
        ['saveCookies', 'false'],
        ...(caFile ? [['sslCAInfo', caFile] as const] : []),
      ],
    ],
    [
      'fetch',
      [
        ['fsckObjects', 'true'],
        ['recurseSubmodules', 'false'],
        ['writeCommitGraph', 'false'],
        // One pack per fetch, never loose objects: a fetch that dies leaves one temporary file, not thousands.
        ['unpackLimit', '1'],
      ],
    ],
    ['fetch "fsck"', HARMLESS.map((id) => [id, 'warn'] as const)],
    ['submodule', [['recurse', 'false']]],
    ['gc', [['auto', '0']]],
    ['maintenance', [['auto', 'false']]],
    ['transfer', [['bundleURI', 'false']]],
    ['pack', [['threads', '1']]],
  ];
  return sections.map(([name, entries]) => `[${name}]\n${entries.map(line).join('')}`).join('');
}

function line([name, value]: readonly [string, string]): string {
  return `\t${name} = "${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"\n`;
}
