import { spawn, type ChildProcess } from 'node:child_process';
import net from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BrokerClient, type BrokerUser } from '../../src/host/broker-client.ts';
import { keepingLog } from '../support/log.ts';

const WAITS = ['-e', 'process.on("message", () => {}); process.on("disconnect", () => process.exit());'];
let client: BrokerClient;
afterEach(() => client.close());

describe('the broker, as the engine has it', () => {
  it.each([
    ['says so', () => spawn('/not/there', { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })],
    [
      'throws',
      () => {
        throw new Error('spawn ENOMEM');
      },
    ],
  ])('is started again when the system has no room for it and %s', async (_, first: () => ChildProcess) => {
    const forks = [first];
    client = new BrokerClient({
      fork: () =>
        (forks.shift() ?? (() => spawn(process.execPath, WAITS, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })))(),
      config: {} as never,
      door: {} as never,
      log: keepingLog().log,
      onRecords: () => {},
    });
    const tokens: (Buffer | undefined)[] = [];
    const user: Partial<BrokerUser> = {
      cell: { cell: 1 } as never,
      end: new net.Socket(),
      onBroker: (token) => void tokens.push(token),
    };
    client.attach(user as BrokerUser);
    await vi.waitFor(() => expect(client.pid).toBeGreaterThan(0), { timeout: 10_000 });
    await vi.waitFor(() => expect(tokens.at(-1)).toBeInstanceOf(Buffer), { timeout: 10_000 });
  });

  it('that cannot be started for an order about stores is not waited for', async () => {
    client = new BrokerClient({
      fork: () => {
        throw new Error('spawn ENOMEM');
      },
      config: {} as never,
      door: {} as never,
      log: keepingLog().log,
      onRecords: () => {},
    });
    expect(await client.carryOut({} as never)).toMatchObject({ ok: false, error: { code: 'HW4120' } });
  });
});
