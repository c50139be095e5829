import type net from 'node:net';
import { err, ok, type Result } from '../../kit/result.ts';
import { Framer } from '../../wire/framer.ts';
import { FromCell, type Booted } from '../../wire/frames.ts';

/** A booting process says one small thing; more than this is not ours. */
const MAX_BOOTED_BYTES = 1_024;

export interface HasBooted {
  /** It has played a start to itself, so that the real one finds everything loaded and compiled. */
  readonly isRehearsed: boolean;
}

/**
 * Resolves when the process at the other end has said that it waits for an assignment. Leaves the socket paused, with
 * nothing lost: a cell says nothing more before it is assigned.
 */
export function awaitBooted(channel: net.Socket, deadlineMs: number): Promise<Result<HasBooted, string>> {
  return new Promise((resolve) => {
    const framer = new Framer((type, _id, bytes, start, end) => {
      const isRehearsed = type === FromCell.Booted && saysRehearsed(bytes.subarray(start, end));
      done(type === FromCell.Booted ? ok({ isRehearsed }) : err(`the process began with a frame of type ${type}`));
      return false;
    }, MAX_BOOTED_BYTES);
    const onData = (bytes: Buffer): void => {
      if (!framer.push(bytes) && framer.violation !== undefined) done(err(framer.violation));
    };
    const onClose = (): void => done(err('the process closed its channel before it was ready'));
    const timer = setTimeout(() => done(err(`the process was not ready within ${deadlineMs} ms`)), deadlineMs);
    channel.on('data', onData).once('close', onClose).once('end', onClose);
    channel.resume();

    function done(result: Result<HasBooted, string>): void {
      clearTimeout(timer);
      channel.pause();
      channel.off('data', onData).off('close', onClose).off('end', onClose);
      resolve(result);
    }
  });
}

function saysRehearsed(payload: Buffer): boolean {
  try {
    return (JSON.parse(payload.toString('utf8')) as Partial<Booted>).rehearsed === true;
  } catch {
    return false;
  }
}
