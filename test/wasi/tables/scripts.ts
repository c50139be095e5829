/** What the guest in JavaScript is given to run, and what it says. Of `/media`, a volume, and of peers at 127.0.0.1. */

/** Ports at 127.0.0.1: who echoes, who answers datagrams with `re:`, and where a guest may listen. */
export interface Places {
  readonly echo: number;
  readonly datagrams: number;
  readonly free: number;
}

export interface Script {
  readonly what: string;
  readonly code: (places: Places) => string;
  readonly says: string | RegExp;
}

const row = (what: string, code: string | Script['code'], says: string | RegExp): Script => ({
  what,
  code: typeof code === 'string' ? () => code : code,
  says,
});

const MEDIA = `const { Descriptor } = wasi.types, [[media, mountPath]] = wasi.preopens.getDirectories();
  const FOLLOW = { symlinkFollow: true }, RW = { read: true, write: true };
  const open = (path, how = { create: true }, may = RW) => media.openAt(FOLLOW, path, how, may);`;

const FILES: readonly Script[] = [
  row(
    'has its folder',
    `${MEDIA} return [mountPath, media.getType(), media.getFlags()]`,
    /^\["\/media","directory",\{.*"mutateDirectory":true/,
  ),
  row(
    'writes and reads a file',
    `${MEDIA} const a = open('a'); a.write(bytes('hello'), 0); a.syncData(); a.sync();
     return [a.read(3, 0), a.read(10, 3), a.stat().size, a.getType()]`,
    '[["hel",false],["lo",true],5,"regular-file"]',
  ),
  row(
    'is told how a file cannot be opened, read or written',
    `${MEDIA} const a = open('a', {}, { read: true }), w = open('a', {}, { write: true });
     return [fails(() => open('none', {})), fails(() => open('../a')), fails(() => open('a', { exclusive: true, create: true })),
       fails(() => a.write(bytes('x'), 0)), fails(() => w.read(1, 0)), fails(() => a.setSize(1)), fails(() => media.sync.call(null))]`,
    /^\["no-entry","not-permitted","exist","bad-descriptor","bad-descriptor","bad-descriptor"/,
  ),
  row(
    'sets sizes and times',
    `${MEDIA} const a = open('b'), at = { tag: 'timestamp', val: { seconds: 1000, nanoseconds: 0 } };
     a.setSize(7); a.setTimes(at, at); media.setTimesAt(FOLLOW, 'b', { tag: 'no-change' }, { tag: 'timestamp', val: { seconds: 2000, nanoseconds: 0 } });
     const r = open('b', {}, { read: true });
     return [media.statAt(FOLLOW, 'b').size, media.statAt(FOLLOW, 'b').dataModificationTimestamp.seconds, fails(() => media.setSize(1)),
       fails(() => r.setTimes(at, at)), fails(() => media.setTimesAt(FOLLOW, 'none', at, at)), fails(() => media.statAt(FOLLOW, 'none'))]`,
    '[7,2000,"is-directory","bad-descriptor","no-entry","no-entry"]',
  ),
  row(
    'makes, lists and removes folders',
    `${MEDIA} media.createDirectoryAt('d'); open('d/x'); open('d/y');
     const folder = media.openAt(FOLLOW, 'd', { directory: true }, { read: true, mutateDirectory: true });
     const entries = folder.readDirectory(), names = [];
     for (let one = entries.readDirectoryEntry(); one; one = entries.readDirectoryEntry()) names.push(one.name + ' ' + one.type);
     const failed = [fails(() => media.createDirectoryAt('d')), fails(() => media.removeDirectoryAt('d')), fails(() => media.unlinkFileAt('d')), fails(() => open('a').readDirectory())];
     folder.unlinkFileAt('x'); folder.unlinkFileAt('y'); media.removeDirectoryAt('d');
     return [names.sort(), failed]`,
    '[["x regular-file","y regular-file"],["exist","not-empty","is-directory","not-directory"]]',
  ),
  row(
    'renames and links',
    `${MEDIA} open('e').write(bytes('e'), 0); media.renameAt('e', media, 'f'); media.linkAt({}, 'f', media, 'g'); media.symlinkAt('f', 'h');
     const said = [media.readlinkAt('h'), open('h', {}).read(1, 0)[0], open('f', {}).isSameObject(open('g', {})),
       fails(() => media.renameAt('none', media, 'x')), fails(() => media.linkAt({}, 'none', media, 'x')), fails(() => media.symlinkAt('/etc', 'x')), fails(() => media.readlinkAt('f'))];
     for (const name of ['f', 'g', 'h']) media.unlinkFileAt(name);
     return said`,
    '["f","e",true,"no-entry","no-entry","not-permitted","invalid"]',
  ),
  row(
    'hashes and advises',
    `${MEDIA} const a = open('a'); a.advise(0, 5, 'sequential');
     const same = JSON.stringify(a.metadataHash()) === JSON.stringify(media.metadataHashAt(FOLLOW, 'a'));
     return [same, fails(() => media.metadataHashAt(FOLLOW, 'none')), fails(() => media.advise(0, 1, 'normal'))]`,
    '[true,"no-entry","bad-descriptor"]',
  ),
  row(
    'streams files',
    `${MEDIA} const s = open('s'); let out = s.writeViaStream(0); out.blockingWriteAndFlush(bytes('streamed'));
     const end = s.appendViaStream(); end.blockingWriteAndFlush(bytes('!'));
     const from = s.readViaStream(2); const read = from.blockingRead(20);
     return [text(read), fails(() => from.blockingRead(1)), fails(() => media.readViaStream(0)), fails(() => media.writeViaStream(0)), fails(() => media.appendViaStream())]`,
    '["reamed!","closed","is-directory","is-directory","is-directory"]',
  ),
  row(
    'finds out what a stream of a file failed with',
    `${MEDIA} const s = open('quota'), out = s.appendViaStream(); let failed;
     try { for (let n = 0; n < 3000; n++) out.blockingWriteAndFlush(new Uint8Array(4096)); } catch (error) { failed = error.payload; }
     const said = [failed.tag, wasi.types.filesystemErrorCode(failed.val), failed.val.toDebugString() !== ''];
     s.setSize(0); media.unlinkFileAt('quota');
     return said`,
    '["last-operation-failed","quota",true]',
  ),
];

const SOCKETS = `const net = wasi.instanceNetwork.instanceNetwork();
  const v4 = (port, address = [127, 0, 0, 1]) => ({ tag: 'ipv4', val: { port, address } });
  const tcp = () => wasi.tcpCreateSocket.createTcpSocket('ipv4'), udp = () => wasi.udpCreateSocket.createUdpSocket('ipv4');
  const until = (call) => { for (;;) try { return call(); } catch (error) { if (error.payload !== 'would-block') throw error; wasi.monotonicClock.subscribeDuration(1e6).block(); } };`;

const CONNECTIONS: readonly Script[] = [
  row(
    'connects, echoes and shuts down',
    ({ echo }) => `${SOCKETS} let from, to; const s = tcp(); s.startConnect(net, v4(${echo})); s.subscribe().block();
      [from, to] = s.finishConnect(); to.blockingWriteAndFlush(bytes('hello'));
      const said = [text(from.blockingRead(10)), s.remoteAddress().val.port === ${echo}, s.localAddress().tag, s.addressFamily(), s.isListening()];
      s.shutdown('both'); return said`,
    '["hello",true,"ipv4","ipv4",false]',
  ),
  row(
    'is told how a connection cannot be had',
    ({ echo }) => `${SOCKETS} const s = tcp(), said = [
        fails(() => s.finishConnect()), fails(() => s.finishBind()), fails(() => s.startListen()), fails(() => s.finishListen()), fails(() => s.accept()),
        fails(() => s.localAddress()), fails(() => s.remoteAddress()), fails(() => s.shutdown('both')), fails(() => s.startConnect(net, v4(0)))];
      s.startConnect(net, v4(${echo} + 1)); s.subscribe().block();
      return [...said, fails(() => s.finishConnect()), fails(() => tcp().startBind(net, v4(1, [224, 0, 0, 1])))]`,
    '["not-in-progress","not-in-progress","invalid-state","not-in-progress","invalid-state","invalid-state","invalid-state","invalid-state","invalid-argument","access-denied","invalid-argument"]',
  ),
  row(
    'listens, and accepts itself',
    ({
      free,
      echo,
    }) => `${SOCKETS} let mine, taken, from, to, from2, to2; const s = tcp(); s.setListenBacklogSize(4); s.startBind(net, v4(${free})); s.subscribe().block(); s.finishBind();
      s.startListen(); s.subscribe().block(); s.finishListen();
      const said = [s.isListening(), s.localAddress().val.port === ${free}, fails(() => s.accept()), fails(() => s.startConnect(net, v4(${echo})))];
      mine = tcp(); mine.startConnect(net, v4(${free})); mine.subscribe().block(); [from, to] = mine.finishConnect();
      s.subscribe().block(); [taken, from2, to2] = s.accept(); to2.blockingWriteAndFlush(bytes('welcome'));
      said.push(text(from.blockingRead(9)), taken.remoteAddress().tag); from = to = from2 = to2 = null;
      return said`,
    '[true,true,"would-block","invalid-state","welcome","ipv4"]',
  ),
  row(
    'sets options of a connection',
    `${SOCKETS} const s = tcp(); s.setKeepAliveEnabled(true); s.setKeepAliveIdleTime(5e9); s.setKeepAliveInterval(2e9); s.setKeepAliveCount(3);
     const bad = ['setKeepAliveIdleTime', 'setKeepAliveInterval', 'setKeepAliveCount', 'setHopLimit', 'setReceiveBufferSize', 'setSendBufferSize', 'setListenBacklogSize'];
     return [s.keepAliveEnabled(), s.keepAliveIdleTime(), s.keepAliveInterval(), s.keepAliveCount(),
       fails(() => s.hopLimit()), fails(() => s.receiveBufferSize()), fails(() => s.sendBufferSize()), bad.map((name) => fails(() => s[name](0)))]`,
    /^\[true,5000000000,2000000000,3,"not-supported","not-supported","not-supported",\["invalid-argument"(?:,"invalid-argument"){6}\]\]$/,
  ),
  row(
    'sends and receives datagrams',
    ({
      datagrams,
    }) => `${SOCKETS} let from, to; const s = udp(); s.startBind(net, v4(0, [0, 0, 0, 0])); s.subscribe().block(); s.finishBind();
      [from, to] = s.stream(undefined); to.subscribe().block(); const permits = to.checkSend();
      to.send([{ data: bytes('one'), remoteAddress: v4(${datagrams}) }]); from.subscribe().block();
      const [got] = from.receive(4);
      const unlike = fails(() => to.send([{ data: bytes('x'), remoteAddress: undefined }]));
      return [permits > 0, text(got.data), s.localAddress().tag, s.addressFamily(), unlike, s.receiveBufferSize() > 0, s.sendBufferSize() > 0]`,
    '[true,"re:one","ipv4","ipv4","invalid-argument",true,true]',
  ),
  row(
    'is told what a socket of datagrams cannot',
    ({
      echo,
    }) => `${SOCKETS} let from, to; const s = udp(), said = [fails(() => s.finishBind()), fails(() => s.stream(undefined)), fails(() => s.localAddress()), fails(() => s.remoteAddress()),
        fails(() => s.setUnicastHopLimit(0)), fails(() => s.receiveBufferSize()), fails(() => s.setReceiveBufferSize(0)), fails(() => s.sendBufferSize()), fails(() => s.setSendBufferSize(0)),
        fails(() => s.startBind(net, { tag: 'ipv6', val: { port: 0, flowInfo: 0, address: [0, 0, 0, 0, 0, 0, 0, 0], scopeId: 0 } }))];
      s.setUnicastHopLimit(9); s.startBind(net, v4(0, [0, 0, 0, 0])); s.subscribe().block(); s.finishBind();
      s.setReceiveBufferSize(9000); s.setSendBufferSize(9000);
      [from, to] = s.stream(v4(${echo})); to.checkSend(); to.send([{ data: bytes('x'), remoteAddress: undefined }]);
      said.push(s.unicastHopLimit(), s.remoteAddress().val.port === ${echo}); from = to = null;
      return said`,
    '["not-in-progress","invalid-state","invalid-state","invalid-state","invalid-argument","invalid-state","invalid-argument","invalid-state","invalid-argument","invalid-argument",9,true]',
  ),
  row(
    'is told of a datagram that was denied, by the next call',
    `${SOCKETS} let from, to; const s = udp(); s.startBind(net, v4(0, [0, 0, 0, 0])); s.subscribe().block(); s.finishBind();
     [from, to] = s.stream(undefined); to.checkSend(); to.send([{ data: bytes('x'), remoteAddress: v4(9, [127, 0, 0, 2]) }]);
     wasi.monotonicClock.subscribeDuration(1e8).block();
     const said = fails(() => to.checkSend()); from = to = null; return said`,
    'access-denied',
  ),
  row(
    'looks up names',
    `${SOCKETS} const ask = (name) => { const s = wasi.ipNameLookup.resolveAddresses(net, name); s.subscribe().block(); return s; };
     const found = ask('db.example');
     return [found.resolveNextAddress(), found.resolveNextAddress() == null, fails(() => ask('no.example').resolveNextAddress()),
       fails(() => ask('other.example').resolveNextAddress()), fails(() => wasi.ipNameLookup.resolveAddresses(net, ''))]`,
    '[{"tag":"ipv4","val":[127,0,0,1]},true,"name-unresolvable","access-denied","invalid-argument"]',
  ),
];

const REST: readonly Script[] = [
  row(
    'knows the time and waits',
    `const { monotonicClock, wallClock } = wasi, a = monotonicClock.now(); monotonicClock.subscribeInstant(a + 2e6).block();
     return [monotonicClock.now() - a >= 2e6, monotonicClock.resolution() > 0, wallClock.now().seconds > 1.7e9, wallClock.resolution().nanoseconds > 0]`,
    '[true,true,true,true]',
  ),
  row(
    'polls',
    `const { monotonicClock, poll } = wasi, soon = monotonicClock.subscribeDuration(1e6), late = monotonicClock.subscribeDuration(1e12);
     return [late.ready(), Array.from(poll.poll([late, soon])), soon.ready()]`,
    '[false,[1],true]',
  ),
  row(
    'draws numbers',
    `const { random, insecure, insecureSeed } = wasi;
     return [random.getRandomBytes(9).length, random.getRandomU64() !== undefined, insecure.getInsecureRandomBytes(3).length, insecure.getInsecureRandomU64() !== undefined, insecureSeed.insecureSeed().length]`,
    '[9,true,3,true,2]',
  ),
  row('asks for more than there is at once', `return wasi.random.getRandomBytes(2 ** 20 + 1)`, /^Trap: /),
  row(
    'reads its environment',
    `const { environment } = wasi; return [environment.getEnvironment(), environment.getArguments(), environment.initialCwd() == null]`,
    '[[["GREETING","hi"]],["one"],true]',
  ),
  row(
    'has standard streams, and no terminal',
    `const { stdin, stdout, stderr, terminalStdin, terminalStdout, terminalStderr } = wasi, input = stdin.getStdin(), out = stdout.getStdout();
     out.checkWrite(); out.write(bytes('said\\n')); out.flush(); out.blockingFlush(); out.subscribe().block(); out.writeZeroes(1); out.blockingWriteZeroesAndFlush(1);
     stderr.getStderr().blockingWriteAndFlush(bytes('complained\\n'));
     return [fails(() => input.read(1)), fails(() => input.blockingRead(1)), fails(() => input.skip(1)), fails(() => input.blockingSkip(1)), input.subscribe().ready(),
       fails(() => out.splice(input, 1)), fails(() => out.blockingSplice(input, 1)),
       [terminalStdin.getTerminalStdin(), terminalStdout.getTerminalStdout(), terminalStderr.getTerminalStderr()].every((one) => one == null)]`,
    '["closed","closed","closed","closed",true,"closed","closed",true]',
  ),
  row('exits', `wasi.exit.exit({ tag: 'ok' })`, /^Trap: /),
  row('answers after all of it', `return 'well'`, 'well'),
];

export const SCRIPTS: readonly Script[] = [...REST, ...FILES, ...CONNECTIONS];

/** What is opened before the broker ends, for those after it. */
export const BEFORE: Script = row(
  'opens what it keeps',
  `${MEDIA} open('kept').write(bytes('kept'), 0); media.createDirectoryAt('many'); for (let n = 0; n < 3; n++) media.createDirectoryAt('many/' + n);
   globalThis.kept = open('kept'); globalThis.entries = media.openAt({}, 'many', { directory: true }, { read: true }).readDirectory();
   globalThis.folder = media.openAt({}, 'many', { directory: true }, { read: true });
   return 'kept'`,
  'kept',
);

/** With another broker, to which the handles of the one before mean nothing. */
export const AFTER: readonly Script[] = [
  row(
    'is told that what it holds is gone',
    `const { kept, folder } = globalThis;
     return [fails(() => kept.syncData()), fails(() => kept.stat()), fails(() => kept.metadataHash()), fails(() => kept.read(1, 0)), fails(() => folder.stat())]`,
    '["bad-descriptor","bad-descriptor","bad-descriptor","bad-descriptor","bad-descriptor"]',
  ),
  row('lists no further', `return fails(() => globalThis.entries.readDirectoryEntry())`, 'bad-descriptor'),
  row('opens anew what is there', `${MEDIA} return text(open('kept', {}).read(9, 0)[0])`, 'kept'),
];

const KEPT_HERE = 'the cell knows it: nobody is asked';
/** Functions of files and sockets that say that they can fail, and have no error to give here: why. */
export const EXCUSED: Readonly<Record<string, string>> = {
  'descriptor.get-flags': KEPT_HERE,
  'descriptor.get-type': KEPT_HERE,
  'tcp-socket.keep-alive-enabled': KEPT_HERE,
  'tcp-socket.set-keep-alive-enabled': KEPT_HERE,
  'tcp-socket.keep-alive-idle-time': KEPT_HERE,
  'tcp-socket.keep-alive-interval': KEPT_HERE,
  'tcp-socket.keep-alive-count': KEPT_HERE,
  'udp-socket.unicast-hop-limit': KEPT_HERE,
  'tcp-create-socket.create-tcp-socket': 'a socket is nothing but a handle until it is bound or connected',
  'udp-create-socket.create-udp-socket': 'a socket is nothing but a handle until it is bound',
  'incoming-datagram-stream.receive': 'what fails is told by the stream that sends',
};

const NOT_OF_TCP = 'Node has no call for it';
/** They never end well: why. */
export const NEVER_WELL: Readonly<Record<string, string>> = Object.fromEntries(
  ['hop-limit', 'receive-buffer-size', 'send-buffer-size']
    .flatMap((name) => [`tcp-socket.${name}`, `tcp-socket.set-${name}`])
    .map((name) => [name, NOT_OF_TCP]),
);
