/** A cell of `testbed-files` with a broker of its own, and the script that its guest runs. */
import path from 'node:path';
import { expect } from 'vitest';
import type { Grant } from '../../../src/model/component.ts';
import type { Assignment } from '../../../src/wire/frames.ts';
import { TestBroker } from '../../broker/support.ts';
import { assignmentOf, type TestBundle } from './bundle.ts';
import { Peer } from './peer.ts';
import { attachBroker } from './seat.ts';

const CONCURRENCY = 4;
export class FilesCell {
  readonly peer: Peer;
  readonly broker: TestBroker;
  readonly #grants: readonly Grant[];

  private constructor(peer: Peer, broker: TestBroker, grants: readonly Grant[]) {
    this.peer = peer;
    this.broker = broker;
    this.#grants = grants;
  }

  static async start(
    bundle: TestBundle,
    grants: readonly Grant[],
    changes: Partial<Assignment> = {},
    broker = new TestBroker(),
  ): Promise<FilesCell> {
    const peer = await Peer.start();
    const mounts = grants.map(({ settings, enforcement }) => ({
      mountPath: String(settings['mountPath']),
      volume: String(settings['volume']),
      mayWrite: settings['access'] === 'ReadWrite' || enforcement === 'Audit',
    }));
    await peer.load(assignmentOf(bundle, { concurrency: CONCURRENCY, mounts, ...changes }), bundle);
    const cell = new FilesCell(peer, broker, grants);
    cell.attach();
    return cell;
  }

  attach(grants = this.#grants): void {
    attachBroker(this.broker, this.peer, { component: 'shop/files', concurrency: CONCURRENCY, grants });
  }

  /** On the disk. */
  place(...segments: readonly string[]): string {
    return path.join(this.broker.folder, 'volumes', 'shop', ...segments);
  }

  /** The lines that the commands answer. */
  async run(commands: readonly string[], flags = 0): Promise<string[]> {
    const answer = await this.peer.ask(1, { path: `/run?${commands.join(';')}`, flags });
    expect(answer).toMatchObject({ outcome: 'Ok', status: 200 });
    return answer.body.toString().split('\n');
  }

  /** Each row is a command and what it should answer; gives those that answer something else. */
  async unlike(...rows: readonly (readonly [string, string | RegExp])[]): Promise<readonly string[]> {
    const lines = await this.run(rows.map(([command]) => command));
    return rows.flatMap(([command, wanted], index) => {
      const line = lines[index] ?? '';
      const fits = typeof wanted === 'string' ? line === wanted : wanted.test(line);
      return fits ? [] : [`${command}: ${line}`];
    });
  }

  async close(): Promise<void> {
    await this.peer.close();
    this.broker.close();
  }
}
