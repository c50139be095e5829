/** In which order a rehearsal makes the calls of the Checks. */
import { expect, it } from 'vitest';
import { callOfTurn } from '../../src/check/trial/traffic.ts';

const CALLS = 5;
const ROUNDS = 6;
const turns = Array.from({ length: ROUNDS * CALLS }, (_, turn) => callOfTurn(turn, CALLS));
const KINDS = Array.from({ length: CALLS }, (_, call) => call);

it('every call is made as often as every other', () => {
  for (const kind of KINDS) expect(turns.filter((call) => call === kind)).toHaveLength(ROUNDS);
});

it('whichever of them go to one component, two that it is split between by turns get as many of each', () => {
  for (let subset = 1; subset < 2 ** CALLS; subset++) {
    const those = KINDS.filter((kind) => (subset >> kind) & 1);
    const asked = turns.filter((call) => those.includes(call));
    const sides = [0, 1].map((side) => asked.filter((_, at) => at % 2 === side));
    for (const kind of those)
      expect(sides.map((side) => side.filter((call) => call === kind).length)).toEqual([ROUNDS / 2, ROUNDS / 2]);
  }
});
