import type { CodeRow } from './codes.ts';

/** HW45xx: what the data plane says, to the log and in the bodies of its own answers. */
export const INGRESS_CODES = {
  HW4501: {
    title: 'the listener could not be opened',
    remedy: 'free the address or choose another with --listen',
    policy: 'Terminal',
  },
  HW4510: { title: 'request not understood', remedy: 'correct the request', policy: 'Terminal' },
  HW4511: { title: 'no route', remedy: 'add a Route whose hostname and path match', policy: 'Terminal' },
  HW4512: {
    title: 'request body too large',
    remedy: 'send less, or raise limits.requestBody of the component or the route',
    policy: 'Terminal',
  },
  HW4513: { title: 'request took too long', remedy: 'send the whole request in time', policy: 'Retry' },
  HW4514: { title: 'not offered', remedy: 'use plain HTTP/1.1 requests', policy: 'Terminal' },
  HW4515: {
    title: 'no such preview',
    remedy: 'name a release that `headway status` shows in Preview',
    policy: 'Terminal',
  },
  HW4520: {
    title: 'queue full',
    remedy: 'repeat later; raise limits.concurrency, limits.queue or scaling.minReplicas if it lasts',
    policy: 'Waiting',
  },
  HW4521: { title: 'nothing is ready', remedy: 'see `headway status` for why no replica is ready', policy: 'Waiting' },
  HW4522: { title: 'starting or stopping', remedy: 'repeat the request', policy: 'Waiting' },
  HW4530: {
    title: 'the component gave no response',
    remedy: 'set the response before `handle` returns',
    policy: 'Terminal',
  },
  HW4531: { title: 'the component answered with an error code', remedy: 'see the reason', policy: 'Terminal' },
  HW4532: { title: 'the component trapped', remedy: 'see the log of the component', policy: 'Terminal' },
  HW4533: {
    title: 'the component took too long',
    remedy: 'make it faster or raise limits.requestTimeout',
    policy: 'Terminal',
  },
  HW4534: {
    title: 'response too large',
    remedy: 'send less or raise limits.responseBody',
    policy: 'Terminal',
  },
  HW4535: { title: 'the cell died', remedy: 'see the log of the component and its limits', policy: 'Retry' },
} as const satisfies Record<string, CodeRow>;
