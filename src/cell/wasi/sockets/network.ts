import { HostResource } from '../../resource.ts';
import type { Scope } from '../../scope.ts';
import { IoError } from '../error.ts';

/** `wasi:sockets/network`: the one network there is. What may be done with it is for the broker to say. */
export class Network extends HostResource {}

export const network: object = Object.freeze({
  Network,
  networkErrorCode: (error: IoError) => IoError.networkCodeOf(error),
});

export function instanceNetwork(scope: Scope): object {
  return { instanceNetwork: () => new Network(scope) };
}
