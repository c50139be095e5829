/** `wasi:sockets/ip-name-lookup`: the broker judges and asks. */
import type { FrameWriter } from '../../../wire/encoder.ts';
import { MAX_NAME_BYTES, Opening, type NetworkError } from '../../../wire/socket-frames.ts';
import type { Asking } from '../../broker.ts';
import type { Line } from '../../lines.ts';
import { HostResource } from '../../resource.ts';
import type { Scope } from '../../scope.ts';
import { Pollable } from '../poll.ts';
import { failed, type Failed } from '../result.ts';
import { ipAddress, type IpAddress } from './address.ts';
import type { Network } from './network.ts';

export class ResolveAddressStream extends HostResource {
  readonly #line: Line;
  #next = 0;

  constructor(scope: Scope, line: Line) {
    super(scope);
    this.#line = line;
  }

  resolveNextAddress(): IpAddress | undefined | Failed<NetworkError> {
    const line = this.#line;
    if (!line.ready()) return failed('would-block');
    if (!line.addresses) return failed(line.failure ?? 'invalid-state');
    const text = line.addresses[this.#next++];
    return text === undefined ? undefined : ipAddress(text);
  }

  subscribe(): Pollable {
    return new Pollable(this.scope, this.#line);
  }

  protected override dropped(): void {
    this.#line.drop();
  }
}

export function ipNameLookup(scope: Scope, seat: Asking): object {
  return {
    ResolveAddressStream,
    resolveAddresses(_network: Network, name: string): ResolveAddressStream | Failed<NetworkError> {
      const bytes = Buffer.from(name, 'utf8');
      if (bytes.length === 0 || bytes.length > MAX_NAME_BYTES) return failed('invalid-argument');
      const line = seat.open({
        kind: Opening.Lookup,
        bytes: 4 + bytes.length,
        write: (writer: FrameWriter) => writer.sized(bytes),
      });
      return line ? new ResolveAddressStream(scope, line) : failed('new-socket-limit');
    },
  };
}
