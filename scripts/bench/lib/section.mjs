import { table, withSpread } from './markdown.mjs';
import { Results } from './results.mjs';

/**
 * What is written to FOLDER/subject.json.
 *
 * @typedef {object} Report
 * @property {string} subject
 * @property {string} date UTC day
 * @property {string} command
 * @property {Record<string, string | number>} machine
 * @property {Record<string, string>} versions
 * @property {string[]} notes what to know of these figures
 * @property {string[]} skipped what was not measured and why
 * @property {import('./rounds.mjs').Round[]} rounds
 */

/**
 * The Markdown of one subject.
 *
 * @param {import('./subject.mjs').Subject} subject
 * @param {Report} report
 * @param {string} folder of the figures, relative to the page
 */
export function renderSection(subject, report, folder) {
  const results = new Results(report.rounds);
  const link = (ending) => `${folder}/${subject.name}.${ending}`;
  const rounds = report.rounds.length;
  return [
    `## ${subject.title}`,
    subject.about,
    `${report.date}, ${rounds} round${rounds === 1 ? '' : 's'}. [Every figure of every round](${link('json')}).`,
    `\`\`\`sh\n${report.command}\n\`\`\``,
    table(
      ['', ''],
      Object.entries({ ...report.machine, ...report.versions }).map(([name, value]) => [
        name,
        String(value),
      ]),
      2,
    ),
    `![${subject.title}](${link('svg')})`,
    '### Targets and ratios',
    targetTable(subject.comparisons, results),
    ...subject.tables(results).flatMap(({ title, text }) => [`### ${title}`, text]),
    '### Notes',
    bullets([
      `Load average of the machine before and after each round: ${loads(report.rounds)}.`,
      ...report.notes,
      ...report.skipped.map((text) => `Not measured: ${text}.`),
      ...results.invalid.map((text) => `Does not count: ${text}`),
    ]),
  ].join('\n\n');
}

function targetTable(comparisons, results) {
  return table(
    ['', 'median (range)', 'target', ''],
    comparisons.map(({ label, compute, target, unit }) => {
      const spread = results.paired(compute);
      const shown = withSpread(spread, (value) => `${value.toFixed(target?.decimals ?? 2)}`);
      const value = unit === undefined || spread === undefined ? shown : `${shown} ${unit}`;
      if (target === undefined) return [label, value, '', ''];
      const { atLeast = -Infinity, atMost = Infinity } = target;
      const wanted = Number.isFinite(atLeast) ? `≥ ${atLeast}` : `≤ ${atMost}`;
      const met = spread && spread.median >= atLeast && spread.median <= atMost;
      const verdict = spread === undefined ? 'not measured' : met ? 'met' : 'missed';
      return [label, value, unit === undefined ? wanted : `${wanted} ${unit}`, verdict];
    }),
  );
}

function loads(rounds) {
  return rounds.map(({ loadBefore, loadAfter }) => `${loadBefore} → ${loadAfter}`).join(', ');
}

function bullets(lines) {
  return lines.map((line) => `- ${line}`).join('\n');
}
