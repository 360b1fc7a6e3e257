/** The nearest value at or above so large a share of the others. @param share - from 0 to 1 */
export function quantile(values, share) {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.round((sorted.length - 1) * share)];
}

/**
 * The median of the ratios within each turn, with its quartiles in brackets: what the host gives a machine changes between turns, and
 * hardly within one.
 */
export function ratioText(ours, theirs) {
  const ratios = ours.map((value, turn) => value / theirs[turn]);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share).toFixed(2));
  return `${middle} (${low}–${high})`;
}
