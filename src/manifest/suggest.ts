/** The candidate that was probably meant: at most a third of the letters wrong. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.min(4, Math.floor(word.length / 3) + 1);
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > least) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least || (distance === least && best === undefined)) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/**
 * The only candidate that can have been meant: the same letters in another spelling, or one mistake away while no other
 * candidate is within two.
 */
export function certain(word: string, candidates: readonly string[]): string | undefined {
  const same = candidates.filter((candidate) => lettersOf(candidate) === lettersOf(word));
  if (same.length > 0) return same.length === 1 ? same[0] : undefined;
  const distances = candidates.map((candidate) => editDistance(word.toLowerCase(), candidate.toLowerCase()));
  const near = candidates.filter((_, index) => distances[index]! <= 2);
  return near.length === 1 && distances[candidates.indexOf(near[0]!)] === 1 && word.length > 2 ? near[0] : undefined;
}

function lettersOf(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '');
}

/** All candidates, the one with the fewest wrong letters first. */
export function nearest(word: string, candidates: readonly string[]): readonly string[] {
  const distances = candidates.map((name) => ({
    name,
    distance: editDistance(word.toLowerCase(), name.toLowerCase()),
  }));
  return distances.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1)).map(({ name }) => name);
}

/** Damerau-Levenshtein in its "optimal string alignment" form: a swap of neighbours is one mistake. */
function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length]!;
}
