import { isPreparedAs, type NamedModel, plainModule, planInWords, plural, runsAs } from './plan.js';
import { type PlanRecord, type PlanTrial, rateAt } from './plan-record.js';

/** What was chosen, in one line: for the log. */
export function chosenInWords({ name, version }: NamedModel, record: PlanRecord): string {
  const { chosen, speedup, tried, seconds, source, measuredAt } = record;
  const gain =
    speedup === undefined ? '' : `: ${speedup.ratio.toFixed(2)} x the ${speedup.over} module`;
  const when = source === 'cache' ? `, on ${measuredAt}` : '';
  const how = `${plural(tried.length, 'way')} tried in ${seconds.toFixed(1)} s${when}`;
  const batches = `batches of up to ${plural(chosen.rows, 'row')}`;
  return `plan of ${name} ${version}: ${planInWords(chosen)}, ${batches}${gain} (${how})`;
}

/** Everything about how a plan was chosen, as lines of text for a terminal. */
export function planReport(model: NamedModel, record: PlanRecord): string[] {
  const { tried, chosen, notes } = record;
  const summary =
    record.source === 'none'
      ? `plan of ${model.name} ${model.version}: ${planInWords(chosen)}, as is asked for`
      : chosenInWords(model, record);
  const common = commonRows(tried);
  const sorted = [...tried].sort((a, b) => rateAt(b, common) - rateAt(a, common));
  const rows = sorted.map((trial) => [
    runsAs(trial, chosen) ? '*' : '',
    planInWords(trial),
    ...timesOf(trial, common),
    isPreparedAs(trial, plainModule) ? '-' : deviationInWords(trial),
    trial.problem ?? '',
  ]);
  const winner = sorted.find((trial) => runsAs(trial, chosen));
  return [
    summary,
    ...(rows.length === 0 ? [] : ['', ...table([heads(common), ...rows])]),
    ...(winner === undefined || winner.rows.length < 2 ? [] : ['', ...sizes(winner)]),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `Note: ${note}`)]),
  ];
}

function heads(rows: number): string[] {
  return ['', 'way', `ms for ${plural(rows, 'row')}`, 'rows/s', 'deviation', ''];
}

/** The number of rows that every trial which came to an end has timed. */
function commonRows(tried: readonly PlanTrial[]): number {
  const timed = tried.filter(({ microseconds }) => microseconds.length > 0);
  const [first, ...others] = timed.map(({ rows }) => rows);
  const common = first?.filter((count) => others.every((rows) => rows.includes(count)));
  return common?.at(-1) ?? 1;
}

function timesOf(trial: PlanTrial, rows: number): [string, string] {
  const time = trial.microseconds[trial.rows.indexOf(rows)];
  if (time === undefined) return ['-', '-'];
  return [milliseconds(time), String(Math.round(rateAt(trial, rows)))];
}

function deviationInWords({ deviation, microseconds }: PlanTrial): string {
  if (microseconds.length === 0) return '-';
  if (deviation === null) return 'not finite';
  return deviation === 0 ? '0' : deviation.toExponential(0);
}

function sizes(trial: PlanTrial): string[] {
  const lines = trial.rows.map((count) => [String(count), ...timesOf(trial, count)]);
  return table([['rows in a batch', 'ms', 'rows/s'], ...lines]);
}

function milliseconds(microseconds: number): string {
  return (microseconds / 1000).toFixed(microseconds < 10_000 ? 3 : 1);
}

/** Columns side by side; lines of equal length but for the last column. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
