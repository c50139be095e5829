import { describe, expect, it } from 'vitest';
import { parseRuntimeConfig } from '../../src/manifest/runtime-config.ts';
import { bytesOf } from './support.ts';

const HEAD = 'apiVersion: headway.dev/v1alpha1\nkind: Runtime\n';

function read(text: string) {
  return parseRuntimeConfig(bytesOf(text), 'runtime.yaml');
}

describe("the host's own file", () => {
  it('has a default for everything but the address of the repository', () => {
    expect(read(`${HEAD}repository: {url: "https://git.example.com/fleet.git"}\n`)).toEqual({
      ok: true,
      value: {
        roots: [{ repository: { url: 'https://git.example.com/fleet.git', ref: 'main', path: '.' } }],
        data: '.headway',
        listen: '127.0.0.1:8080',
        status: '127.0.0.1:8081',
        releaseHeader: true,
        artifacts: { hosts: [] },
        identityFiles: [],
        engines: 1,
        limits: {
          replicas: 64,
          connections: 10_000,
          poolSize: 2,
          mirrorBytes: 2_147_483_648,
          storeBytes: 4_294_967_296,
          journalBytes: 268_435_456,
        },
        logLevel: 'info',
      },
    });
  });

  it.each([
    ['two targets of one name', '[{name: a, TARGET}, {name: a, TARGET}]', '', 'two targets "a"'],
    ['a name of our own', '[{name: notes, TARGET}]', '', "name of Headway's own"],
    ['check runs of Gitea', '[{name: a, checks: true, TARGET}]', '', 'no check runs'],
    ['deployments of Gitea', '[{name: a, deployments: true, TARGET}]', '', 'no deployments'],
    [
      'no such target',
      '[{name: a, TARGET}]',
      'proposals: {target: b, credentials: {token: {env: T}}}',
      'no target "b"',
    ],
  ])('says what does not hold together in report: %s', (_name, targets, more, words) => {
    const target = 'type: Gitea, url: "https://c.example/api/v1", repository: a/b, credentials: {token: {env: T}}';
    const text = `${HEAD}repository: {url: "https://git.example.com/fleet.git"}\nreport:\n  targets: ${targets.replaceAll('TARGET', target)}\n  ${more}\n`;
    expect(read(text)).toMatchObject({
      ok: false,
      error: [{ code: 'HW5088', message: expect.stringContaining(words) }],
    });
  });

  it.each([
    [
      'http to another machine',
      'type: GitHub, url: "http://git.example.com", repository: a/b, credentials: {token: {env: T}}',
    ],
    [
      'a password in the address',
      'type: GitHub, url: "https://u:p@git.example.com", repository: a/b, credentials: {token: {env: T}}',
    ],
    ['a web hook without a secret', 'type: Webhook, url: "https://hooks.example.com"'],
    ['a forge without credentials', 'type: GitLab, url: "https://git.example.com/api/v4", repository: a/b'],
  ])('refuses a target of report with %s', (_name, target) => {
    const text = `${HEAD}repository: {url: "https://git.example.com/fleet.git"}\nreport: {targets: [{name: a, ${target}}]}\n`;
    expect(read(text).ok).toBe(false);
  });

  it('takes everything in plain units', () => {
    const result = read(`${HEAD}repository:
  url: https://git.example.com/fleet.git
  ref: refs/heads/main
  path: clusters/production
  credentials: {basic: {username: headway, password: {file: /run/secrets/git}}}
  caFile: ca.pem
data: /var/lib/headway
listen: 0.0.0.0:80
status: "[::1]:8081"
releaseHeader: false
preview: {domain: preview.example.com}
webhook: {secret: {env: HOOK_SECRET}}
report:
  targets:
    - {name: forge, type: GitLab, url: https://git.example.com/api/v4, repository: a/b/c, credentials: {token: {env: T}}}
    - {name: hook, type: Webhook, url: http://localhost:8099/hook, secret: {env: S}, timeout: 3s}
limits: {memory: 2Gi, replicas: 8, mirror: 1Gi}
log: {level: debug}
`);
    expect(result).toMatchObject({
      ok: true,
      value: {
        roots: [
          {
            repository: {
              path: 'clusters/production',
              credentials: { type: 'basic', username: 'headway', password: { type: 'file', path: '/run/secrets/git' } },
              caFile: 'ca.pem',
            },
            report: {
              targets: [
                {
                  name: 'forge',
                  type: 'GitLab',
                  url: 'https://git.example.com/api/v4',
                  repository: 'a/b/c',
                  credentials: { type: 'token', token: { type: 'env', name: 'T' } },
                  deployments: false,
                  checks: false,
                  deadlineMs: 10_000,
                },
                {
                  name: 'hook',
                  type: 'Webhook',
                  url: 'http://localhost:8099/hook',
                  secret: { type: 'env', name: 'S' },
                  deadlineMs: 3_000,
                },
              ],
            },
          },
        ],
        preview: { domain: 'preview.example.com', header: false },
        webhook: { secret: { type: 'env', name: 'HOOK_SECRET' } },
        limits: { memoryBytes: 2_147_483_648, replicas: 8, mirrorBytes: 1_073_741_824 },
        logLevel: 'debug',
      },
    });
  });

  it.each([
    ['no repository', '', 'HW1014', 1],
    ['a secret in the address', 'repository: {url: "https://token@git.example.com/a"}\n', 'HW1017', 3],
    ['plain http to another machine', 'repository: {url: "http://git.example.com/a"}\n', 'HW1017', 3],
    ['a command for an address', 'repository: {url: "ext::sh -c x"}\n', 'HW1017', 3],
    ['an option for a ref', 'repository: {url: "https://a.example/b", ref: "--upload-pack=x"}\n', 'HW1017', 3],
    ['a path out of the repository', 'repository: {url: "https://a.example/b", path: ../c}\n', 'HW1017', 3],
    [
      'two credentials',
      'repository: {url: "https://a.example/b", credentials: {token: {env: A}, basic: {username: a, password: {env: B}}}}\n',
      'HW1019',
      3,
    ],
    ['a secret written down', 'repository: {url: "https://a.example/b", credentials: {token: abc}}\n', 'HW1015', 3],
    ['a preview for nobody', 'repository: {url: "https://a.example/b"}\npreview: {}\n', 'HW1019', 4],
    [
      'a preview domain with a wildcard',
      'repository: {url: "https://a.example/b"}\npreview: {domain: "*.a"}\n',
      'HW1017',
      4,
    ],
    ['a field with a typo', 'repository: {url: "https://a.example/b"}\nlisten_: a\n', 'HW1013', 4],
    ['a second document', 'repository: {url: "https://a.example/b"}\n---\na: 1\n', 'HW1027', 1],
    ['no YAML', 'repository: [\n', 'HW1001', 4],
  ])('refuses %s', (_name, text, code, line) => {
    const result = read(HEAD + text);
    expect(result.ok ? [] : result.error.map((problem) => [problem.code, problem.span?.line])).toContainEqual([
      code,
      line,
    ]);
  });

  it.each(['http://127.0.0.1:3000/a.git', 'http://localhost/a.git', 'http://[::1]:1/a', 'file:///srv/a.git'])(
    'follows %s',
    (url) => {
      expect(read(`${HEAD}repository: {url: "${url}"}\n`).ok).toBe(true);
    },
  );

  it('names who signs in over ssh, and the hosts that are believed', () => {
    const url = 'ssh://git@git.example.com:2222/platform/fleet.git';
    const known = 'git.example.com ssh-ed25519 AAAA';
    const lines = read(`${HEAD}repository: {url: "${url}", ssh: {identityFile: key, knownHosts: ["${known}"]}}\n`);
    const ssh = { identityFile: 'key', knownHosts: { type: 'lines', lines: [known] } };
    expect(lines).toMatchObject({ ok: true, value: { roots: [{ repository: { url, ssh } }] } });
    const file = read(`${HEAD}repository: {url: "${url}", ssh: {identityFile: key, knownHostsFile: known}}\n`);
    expect(file).toMatchObject({
      value: { roots: [{ repository: { ssh: { knownHosts: { type: 'file', path: 'known' } } } }] },
    });
  });

  it.each([
    ['both', 'identityFile: key, knownHosts: [a], knownHostsFile: b'],
    ['neither', 'identityFile: key'],
    ['no key', 'knownHosts: [a]'],
    ['a line over two', 'identityFile: key, knownHosts: ["a\\nb"]'],
  ])('refuses ssh with %s', (_name, ssh) => {
    expect(read(`${HEAD}repository: {url: "ssh://git@a.example/b", ssh: {${ssh}}}\n`).ok).toBe(false);
  });

  it.each([
    'ssh://a.example/b',
    'ssh://git:secret@a.example/b',
    'ssh://-x@a.example/b',
    'git@a.example:b',
    'ssh://git@/b',
  ])('refuses the address %s', (url) => {
    expect(read(`${HEAD}repository: {url: "${url}"}\n`).ok).toBe(false);
  });

  it('names the servers that artifacts come from', () => {
    const host = '{host: "a.example:8443", caFile: ca.pem, credentials: {token: {env: TOKEN}}}';
    const result = read(
      `${HEAD}repository: {url: "https://g.example/f"}\nartifacts: {dockerConfig: docker.json, trustedRoot: root.json, hosts: [${host}]}\n`,
    );
    const credentials = { type: 'token', token: { type: 'env', name: 'TOKEN' } };
    expect(result).toMatchObject({
      value: {
        artifacts: {
          dockerConfig: 'docker.json',
          trustedRoot: 'root.json',
          hosts: [{ host: 'a.example:8443', caFile: 'ca.pem', credentials }],
        },
      },
    });
  });

  it.each(['https://a.example', 'A.example', 'a.example/path', 'u@a.example'])('refuses the host %s', (host) => {
    const text = `${HEAD}repository: {url: "https://g.example/f"}\nartifacts: {hosts: [{host: "${host}"}]}\n`;
    expect(read(text).ok).toBe(false);
  });

  it('takes whose commits are followed, in the words of the Environment', () => {
    const result = read(`${HEAD}repository:
  url: https://g.example/f
  trust:
    mode: All
    signers: [{name: ada, ssh: "ssh-ed25519 AAAA ada@example.com", validBefore: "2027-01-01T00:00:00Z"}]
    revoked: [0123456789abcdef0123456789abcdef01234567]
    maxAge: 1h
    paths: [{path: ./platform, signers: [ada]}]
`);
    const signer = { name: 'ada', type: 'ssh', key: 'ssh-ed25519 AAAA', validBeforeMs: Date.UTC(2027, 0) };
    const paths = [{ path: 'platform', signers: ['ada'], threshold: 1 }];
    expect(result).toMatchObject({
      value: { roots: [{ repository: { trust: { mode: 'All', signers: [signer], maxAgeMs: 3_600_000, paths } } }] },
    });
  });

  it.each([
    ['a signer twice', 'signers: [{name: ada, ssh: "K"}, {name: »ada, ssh: "K"}]', 'HW1030'],
    ['a folder of nobody', 'signers: [{name: ada, ssh: "K"}], paths: [{path: a, signers: [»bob]}]', 'HW1023'],
    [
      'a folder that nobody can change',
      'signers: [{name: ada, ssh: "K"}], paths: [{path: a, signers: [ada], threshold: »2}]',
      'HW1027',
    ],
    ['no such day', 'signers: [{name: ada, ssh: "K", validAfter: »"2026-99-01T00:00:00Z"}]', 'HW1017'],
  ])('refuses trust with %s, and says where', (_name, settings, code) => {
    const line = `    {mode: Head, ${settings.replaceAll('"K"', '"ssh-ed25519 A"')}}`;
    const result = read(`${HEAD}repository:\n  url: https://g.example/f\n  trust:\n${line.replace('»', '')}\n`);
    expect(result.ok ? [] : result.error.map(({ code: found, span }) => [found, span?.line, span?.column])).toEqual([
      [code, 6, line.indexOf('»') + 1],
    ]);
  });

  const roots = (...items: readonly string[]) => `${HEAD}roots:\n${items.map((item) => `  - {${item}}\n`).join('')}`;
  const REPOSITORY = 'repository: {url: "https://g.example/f"}';

  it('may name several repositories, each with its namespaces', () => {
    const result = read(
      roots(`name: a, namespaces: [shop, cart], ${REPOSITORY}`, `name: b, namespaces: [blog], ${REPOSITORY}`),
    );
    const repository = { url: 'https://g.example/f', ref: 'main', path: '.' };
    expect(result).toMatchObject({
      value: {
        roots: [
          { scope: { name: 'a', namespaces: ['shop', 'cart'] }, repository },
          { scope: { name: 'b', namespaces: ['blog'] }, repository },
        ],
      },
    });
  });

  it.each([
    [
      'one namespace for two',
      [`name: a, namespaces: [x], ${REPOSITORY}`, `name: b, namespaces: [y, »x], ${REPOSITORY}`],
      'HW1030',
    ],
    ['a namespace twice', [`name: a, namespaces: [x, »x], ${REPOSITORY}`], 'HW1030'],
    ['a name twice', [`name: a, namespaces: [x], ${REPOSITORY}`, `name: »a, namespaces: [y], ${REPOSITORY}`], 'HW1030'],
    ['no namespace', [`name: a, »namespaces: [], ${REPOSITORY}`], 'HW1018'],
    ['a namespace that is none', [`name: a, namespaces: [»"*"], ${REPOSITORY}`], 'HW1017'],
    ['a name that is a path', [`name: »../a, namespaces: [x], ${REPOSITORY}`], 'HW1017'],
    [
      'trust that is wrong',
      [
        'name: a, namespaces: [x], repository: {url: "https://g.example/f", trust: {mode: All, signers: [{name: a, ssh: "ssh-rsa A"}], paths: [{path: b, signers: [»c]}]}}',
      ],
      'HW1023',
    ],
  ])('refuses roots with %s, and says where', (_name, items, code) => {
    const text = roots(...items);
    const before = text.slice(0, text.indexOf('»')).split('\n');
    const result = read(text.replace('»', ''));
    expect(result.ok ? [] : result.error.map(({ code: found, span }) => [found, span?.line, span?.column])).toEqual([
      [code, before.length, before.at(-1)!.length + 1],
    ]);
  });

  it('has a report for each root, and none for all of them', () => {
    const target = '{name: a, type: Webhook, url: "https://h.example/x", secret: {env: S}}';
    const own = read(roots(`name: a, namespaces: [x], ${REPOSITORY}, report: {targets: [${target}]}`));
    expect(own).toMatchObject({ value: { roots: [{ report: { targets: [{ name: 'a' }] } }] } });
    const twice = read(roots(`name: a, namespaces: [x], ${REPOSITORY}, report: {targets: [${target}, ${target}]}`));
    expect(twice.ok ? [] : twice.error.map(({ code, span }) => [code, span?.line])).toEqual([['HW5088', 4]]);
    const all = read(`${roots(`name: a, namespaces: [x], ${REPOSITORY}`)}report: {targets: [${target}]}\n`);
    expect(all.ok ? [] : all.error.map(({ code, message, span }) => [code, message, span?.line])).toEqual([
      ['HW1019', expect.stringContaining('in each of them'), 5],
    ]);
  });

  it('refuses roots beside a repository', () => {
    const result = read(`${roots(`name: a, namespaces: [x], ${REPOSITORY}`)}${REPOSITORY}\n`);
    expect(result.ok ? [] : result.error.map(({ code, message }) => [code, message])).toEqual([
      ['HW1019', expect.stringMatching(/repository.*roots/)],
    ]);
  });
});
