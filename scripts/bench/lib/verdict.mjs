import { targetOf } from '../targets.mjs';
import { withSpread } from './markdown.mjs';

/**
 * A comparison's median and range beside what is wanted of it.
 *
 * @typedef {object} Verdict
 * @property {string} label
 * @property {string} value
 * @property {string} wanted empty without a target
 * @property {'met' | 'missed' | 'not measured' | ''} outcome empty without a target
 *
 * @param {import('./subject.mjs').Comparison} comparison
 * @param {import('./results.mjs').Results} results
 * @returns {Verdict}
 */
export function judge(comparison, results) {
  const { label, unit, target } = described(comparison);
  const spread = results.paired(comparison.compute);
  const withUnit = (text) => (unit === undefined ? text : `${text} ${unit}`);
  const shown = withSpread(spread, (value) => value.toFixed(target?.decimals ?? 2));
  const value = spread === undefined ? shown : withUnit(shown);
  if (target === undefined) return { label, value, wanted: '', outcome: '' };
  return { label, value, wanted: withUnit(limitOf(target)), outcome: outcomeOf(spread, target) };
}

/** What is wanted of a target: `≥ 0.9 ms`. */
export function wantedOf(target) {
  return target.unit === undefined ? limitOf(target) : `${limitOf(target)} ${target.unit}`;
}

const limitOf = ({ atLeast, atMost }) => (atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`);

function outcomeOf(spread, { atLeast = -Infinity, atMost = Infinity }) {
  if (spread === undefined) return 'not measured';
  return spread.median >= atLeast && spread.median <= atMost ? 'met' : 'missed';
}

/** A comparison that names a row of targets.mjs is described there. */
function described({ id, label, unit, target }) {
  if (id === undefined) return { label, unit, target };
  const row = targetOf(id);
  return { label: label ?? row.measure, unit: row.unit, target: row };
}
