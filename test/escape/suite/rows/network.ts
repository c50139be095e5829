/** Elsewhere than granted: addresses by every spelling, by redirects, by the words of peers; over HTTP and over sockets. */
import { NETWORK_ERRORS } from '../../../../src/wire/socket-frames.ts';
import type { Attempt, Scene } from '../attempt.ts';

const DENIED = /^error (?:4|15|19) /;
const REFUSED = `!${NETWORK_ERRORS.indexOf('access-denied')}`;

async function send({ program, isolation }: Scene, query: string): Promise<string> {
  const { status, body } = await program.ask('web', isolation, `/send?${query}`);
  return status === 200 ? body : `status ${status}`;
}

/** Nobody but the granted one is reached, whatever the guest is told. */
async function aside(scene: Scene, tries: () => Promise<string>): Promise<string> {
  const before = scene.outside.insideSeen();
  const said = await tries();
  return scene.outside.insideSeen() === before ? said : 'ELSEWHERE WAS REACHED';
}

const HOSTS = [
  '127.0.0.2',
  '127.2',
  '2130706434',
  '0x7f000002',
  '0177.0.0.2',
  '127.0.0.2.',
  '[::ffff:127.0.0.2]',
  '[::ffff:7f00:2]',
  '%31%32%37.0.0.2',
  'localhost',
  '0.0.0.0',
  '[::]',
  '[::1]',
  '169.254.169.254',
  '127.0.0.1@127.0.0.2',
  '127.0.0.1%00.127.0.0.2',
] as const;

const SPELLINGS: readonly Attempt[] = HOSTS.map((host) => ({
  group: 'address spellings',
  what: host,
  comes: DENIED,
  tries: (scene) => aside(scene, () => send(scene, `to=${host}:${scene.outside.port}`)),
  ...(/^127\.0\.0\.2$|^localhost$|^169/.test(host)
    ? { denial: new RegExp(`GET http://${host.replaceAll('.', '\\.')}:\\d+: no grant names`) }
    : {}),
}));

const OTHER_WAYS: readonly Attempt[] = [
  ['another port', (port: number) => `to=127.0.0.1:${port + 1}`, /GET http:\/\/127\.0\.0\.1:\d+: .*port/],
  ['another scheme', (port: number) => `to=127.0.0.1:${port}&scheme=https`, /GET https:\/\/127\.0\.0\.1:\d+: .*https/],
  [
    'another method',
    (port: number) => `to=127.0.0.1:${port}&method=DELETE`,
    /DELETE http:\/\/127\.0\.0\.1:\d+: .*DELETE/,
  ],
].map(([what, query, denial]) => ({
  group: 'address spellings',
  what: what as string,
  comes: DENIED,
  denial: denial as RegExp,
  tries: (scene) => aside(scene, () => send(scene, (query as (port: number) => string)(scene.outside.port))),
}));

/** A redirect is an answer: nothing follows it but the guest, who is judged again. */
const redirect = (status: number, location: string, method = 'GET'): Attempt => ({
  group: 'redirects',
  what: `${method} that is answered with ${status} to ${location}`,
  comes: `${status}, asked once`,
  async tries(scene) {
    const { port, asked } = scene.outside;
    const from = asked.length;
    const to = encodeURIComponent(location.replace('<port>', String(port)));
    const path = encodeURIComponent(`/redirect/${status}?${to}`).replaceAll('%2F', '/').replaceAll('%3F', '?');
    const said = await aside(scene, () => send(scene, `to=127.0.0.1:${port}&method=${method}&path=${path}`));
    const times = asked.length - from;
    return `${said.split('\n', 1)[0]}, asked ${times === 1 ? 'once' : `${times} times`}`;
  },
});

const REDIRECTS: readonly Attempt[] = [
  ...[301, 302, 303, 307, 308].map((status) => redirect(status, 'http://127.0.0.2:<port>/')),
  redirect(302, '//127.0.0.2:<port>/'),
  redirect(302, '/elsewhere'),
  redirect(302, 'file:///etc/passwd'),
  redirect(307, 'http://127.0.0.2:<port>/', 'POST'),
  redirect(300, 'http://127.0.0.2:<port>/'),
  {
    group: 'redirects',
    what: 'hints: refresh, link, alt-svc',
    comes: '200, asked once',
    async tries(scene) {
      const from = scene.outside.asked.length;
      const said = await aside(scene, () => send(scene, `to=127.0.0.1:${scene.outside.port}&path=/hints`));
      return `${said.split('\n', 1)[0]}, asked ${scene.outside.asked.length - from === 1 ? 'once' : 'more'}`;
    },
  },
  {
    group: 'redirects',
    what: 'a guest that follows one by itself',
    comes: DENIED,
    tries: (scene) => aside(scene, () => send(scene, `to=127.0.0.3:${scene.outside.port}`)),
    denial: /GET http:\/\/127\.0\.0\.3:\d+: no grant names/,
  },
];

const connecting = (what: string, address: string, comes: string | RegExp, denial?: RegExp): Attempt => ({
  group: 'sockets',
  what,
  comes,
  tries: (scene) =>
    aside(scene, async () => {
      const family = address.startsWith('6') ? 6 : 4;
      const script = [
        `tcp,0,${family}`,
        `start-connect,0,${address}.${scene.outside.port}`,
        'wait,0',
        'finish-connect,0',
      ];
      const { status, body } = await scene.program.ask('sockets', scene.isolation, `/?do=${script.join(';')}`);
      if (status !== 200) return `status ${status}`;
      const said = body.split('\n');
      // What cannot be begun is said at once.
      return said[1] === 'ok' ? said[3]! : said[1]!;
    }),
  ...(denial ? { denial } : {}),
});
const INVALID = `!${NETWORK_ERRORS.indexOf('invalid-argument')}`;

const SOCKETS: readonly Attempt[] = [
  connecting('another address of this machine', '4.127.0.0.2', REFUSED, /Tcp 127\.0\.0\.2:\d+: no grant/),
  connecting('the metadata service', '4.169.254.169.254', REFUSED, /Tcp 169\.254\.169\.254:\d+: no grant/),
  connecting('every address at once', '4.0.0.0.0', /^!/),
  connecting('a broadcast', '4.255.255.255.255', INVALID),
  connecting('a group', '4.224.0.0.1', INVALID),
  connecting('the loopback of IPv6', '6.0.0.0.0.0.0.0.1', REFUSED, /Tcp \[?::1\]?:\d+: no grant/),
  connecting('IPv4 in IPv6', '6.0.0.0.0.0.65535.32512.2', INVALID),
  ...(
    [
      ['to listen', ['tcp,1,4', 'start-bind,1,4.127.0.0.1.<port>', 'wait,1', 'finish-bind,1'], REFUSED],
      ['to listen everywhere', ['tcp,2,4', 'start-bind,2,4.0.0.0.0.<port>', 'wait,2', 'finish-bind,2'], REFUSED],
      ['to look up a name', ['lookup,3,db.example', 'lookup-wait,3', 'next,3'], REFUSED],
      [
        'a datagram to another address',
        [
          'udp,4,4',
          'udp-start-bind,4,4.0.0.0.0.0',
          'udp-wait,4',
          'udp-finish-bind,4',
          'udp-stream,4',
          'udp-check,4',
          'udp-send,4,x@4.127.0.0.2.<port>',
          'sleep,4,1000',
          'udp-check,4',
        ],
        REFUSED,
      ],
    ] as const
  ).map(([what, script, comes]): Attempt => ({
    group: 'sockets',
    what,
    comes,
    tries: (scene) =>
      aside(scene, async () => {
        const operations = script.join(';').replaceAll('<port>', String(scene.outside.port));
        const { status, body } = await scene.program.ask('sockets', scene.isolation, `/?do=${operations}`);
        return status === 200 ? body.split('\n').at(-1)! : `status ${status}`;
      }),
  })),
];

export const NETWORK: readonly Attempt[] = [...SPELLINGS, ...OTHER_WAYS, ...REDIRECTS, ...SOCKETS];
