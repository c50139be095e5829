import { describe, expect, it } from 'vitest';
import { FromCell } from '../../src/wire/frames.ts';
import { assignmentOf, exampleBundle, warmUpOf } from './kit/bundle.ts';
import { Peer } from './kit/peer.ts';

describe('the rehearsal of a process that waits', () => {
  it('is played to its end, heard by nobody, and leaves a cell that takes a component as if there had been none', async () => {
    const peer = await Peer.start();
    expect(peer.frames.map(({ type }) => type)).toEqual([FromCell.Booted]);
    expect(JSON.parse(peer.frames[0]!.payload.toString())).toMatchObject({
      rehearsed: true,
    });
    const bundle = await exampleBundle('greeting-v1');
    const loaded = await peer.load(assignmentOf(bundle, { warmUp: warmUpOf('/healthz') }), bundle);
    expect(loaded).toMatchObject({ instancePolicy: 'Pooled', hasHttp: 'wasi' });
    expect(peer.frames.map(({ type }) => type)).toEqual([FromCell.Booted, FromCell.Loaded]);
    await peer.close();
  });
});
