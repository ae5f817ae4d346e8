/**
 * How long a step may take.
 *
 * @typedef {object} Times
 * @property {number} least seconds without which it is not worth starting
 * @property {number} most seconds
 * @property {boolean} [ifTimeIsLeft] nothing is kept for it
 */

/**
 * The seconds that a step gets: its most, as far as those that follow keep their least.
 *
 * @param {Times} step
 * @param {readonly Times[]} following
 * @param {number} left seconds until all must be over
 * @returns {number} 0 when it is not worth starting
 */
export function secondsFor(step, following, left) {
  const kept = following.reduce(
    (sum, { least, ifTimeIsLeft }) => sum + (ifTimeIsLeft ? 0 : least),
    0,
  );
  const seconds = Math.floor(Math.min(step.most, Math.max(step.least, left - kept), left));
  return seconds >= step.least ? seconds : 0;
}
