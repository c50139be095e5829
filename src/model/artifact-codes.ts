import type { CodeRow } from './codes.ts';

/** What can go wrong with artifacts that git does not hold. HW240x web servers · HW242x registries · HW244x digests. */
export const ARTIFACT_CODES = {
  HW2401: {
    title: 'artifact address not allowed',
    remedy: 'write an https address without credentials in it; credentials belong into runtime.yaml',
    policy: 'Terminal',
  },
  HW2402: {
    title: 'artifact server unreachable',
    remedy: 'look at the server and the network',
    policy: 'Waiting',
  },
  HW2403: {
    title: 'artifact server refuses the credentials',
    remedy: 'give valid credentials with read access in runtime.yaml: artifacts.hosts or artifacts.dockerConfig',
    policy: 'Waiting',
  },
  HW2404: {
    title: 'artifact not on its server',
    remedy: 'upload it, or correct the address in spec.source',
    policy: 'Waiting',
  },
  HW2405: {
    title: 'artifact server too slow',
    remedy: 'look at the server and the network',
    policy: 'Waiting',
  },
  HW2406: {
    title: 'wrong digest',
    remedy: 'find out which is right: the digest in git, or what the server sends',
    policy: 'Terminal',
  },
  HW2407: {
    title: 'artifact server redirects elsewhere',
    remedy: 'write the address that it redirects to in spec.source',
    policy: 'Waiting',
  },
  HW2408: {
    title: 'artifact server not trusted',
    remedy: 'renew the certificate of the server, or name its authority in runtime.yaml: artifacts.hosts',
    policy: 'Waiting',
  },
  HW2409: {
    title: 'artifact server answers nonsense',
    remedy: 'check that the address is that of the file and that no proxy answers in its place',
    policy: 'Waiting',
  },
  HW2410: {
    title: 'artifact server not public',
    remedy: 'name the host in runtime.yaml: artifacts.hosts, if artifacts may come from inside the network',
    policy: 'Waiting',
  },
  HW2420: {
    title: 'OCI artifact not understood',
    remedy: 'push the component in the CNCF layout, for example with `wkg oci push`, and write the new digest',
    policy: 'Terminal',
  },
  HW2421: {
    title: 'OCI artifact ambiguous',
    remedy: 'write the digest of the one manifest that is meant',
    policy: 'Terminal',
  },
  HW2422: {
    title: 'token server of the registry fails',
    remedy: 'look at the token server that the message names',
    policy: 'Waiting',
  },
  HW2423: {
    title: 'registry credentials not readable',
    remedy: 'correct the file that artifacts.dockerConfig in runtime.yaml names',
    policy: 'Waiting',
  },
  HW2441: {
    title: 'artifact without a digest',
    remedy: 'run `headway lock <dir>`: it writes the digest, as a change to review',
    policy: 'Terminal',
  },
  HW2442: {
    title: 'digest not written',
    remedy: 'write it by hand',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
