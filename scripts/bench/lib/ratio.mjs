/**
 * A figure of one contender over that of another at the same point.
 *
 * @param {string} one
 * @param {string} other
 * @param {string} point
 * @param {string} figure
 * @returns {import('./subject.mjs').Comparison['compute']}
 */
export const ratioOf = (one, other, point, figure) => (find) =>
  find(one, point)?.[figure] / find(other, point)?.[figure];
