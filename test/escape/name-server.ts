/** A name server of one zone: real packets of RFC 1035 over UDP, `A` records only, each question answered as it is told. */
import dgram from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12;
const TYPE_A = 1;
const ANSWERED = 0x8180;
const NO_SUCH_NAME = 0x8183;

export class NameServer {
  readonly asked: string[] = [];
  /** Name → its addresses, one list for each question; the last one stays. */
  readonly zone = new Map<string, string[][]>();
  readonly #socket: dgram.Socket;

  private constructor(socket: dgram.Socket) {
    this.#socket = socket;
    socket.on('message', (question, peer) => socket.send(this.#answer(question), peer.port, peer.address));
  }

  static async open(): Promise<NameServer> {
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NameServer(socket);
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    const labels: string[] = [];
    let at = HEADER_BYTES;
    for (let length = question[at]!; length > 0; length = question[at]!) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.');
    const isA = question.readUInt16BE(at + 1) === TYPE_A;
    if (isA) this.asked.push(name);
    const lists = this.zone.get(name);
    const addresses = isA && lists ? (lists.length > 1 ? lists.shift()! : lists[0]!) : [];
    const header = Buffer.from(question.subarray(0, HEADER_BYTES));
    header.writeUInt16BE(lists ? ANSWERED : NO_SUCH_NAME, 2);
    header.writeUInt16BE(addresses.length, 6);
    header.writeUInt32BE(0, 8);
    return Buffer.concat([header, question.subarray(HEADER_BYTES, at + 5), ...addresses.map(record)]);
  }
}

/** The name by reference, A, IN, no time to live, four bytes. */
function record(address: string): Buffer {
  return Buffer.from([0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
}
