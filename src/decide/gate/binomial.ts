/** ln(n!) by Stirling's series with three correction terms; exact enough (1e-9) for every n used here. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let factor = 2; factor <= n; factor++) product *= factor;
    return Math.log(product);
  }
  const inverse = 1 / n;
  const series = inverse / 12 - inverse ** 3 / 360 + inverse ** 5 / 1260;
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + series;
}

/**
 * P(X ≥ successes) for X ~ Binomial(trials, probability): the upper tail, summed from its largest term outwards, which
 * is where it is exact. Terms that no longer change the sum end it.
 */
export function binomialTail(trials: number, successes: number, probability: number): number {
  if (successes <= 0) return 1;
  if (successes > trials || probability <= 0) return 0;
  if (probability >= 1) return 1;
  const logOdds = Math.log(probability) - Math.log1p(-probability);
  const logChoose = logFactorial(trials) - logFactorial(successes) - logFactorial(trials - successes);
  let logTerm = logChoose + successes * Math.log(probability) + (trials - successes) * Math.log1p(-probability);
  let sum = 0;
  const mode = (trials + 1) * probability;
  for (let count = successes; count <= trials; count++) {
    const term = Math.exp(logTerm);
    sum += term;
    if (count > mode && term < sum * 1e-12) break;
    logTerm += Math.log((trials - count) / (count + 1)) + logOdds;
  }
  return Math.min(1, sum);
}
