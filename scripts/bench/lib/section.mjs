import { table } from './markdown.mjs';
import { Results } from './results.mjs';
import { judge } from './verdict.mjs';

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
 * @property {import('./subject.mjs').Finding[]} [findings]
 * @property {import('./rounds.mjs').Round[]} rounds
 */

/**
 * The Markdown of one subject.
 *
 * @param {import('./subject.mjs').Subject} subject
 * @param {Report} report
 * @param {string} folder of the figures, relative to the page
 * @param {(id: string) => string | undefined} analysisOf what somebody has written of a target
 */
export function renderSection(subject, report, folder, analysisOf) {
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
    comparisonTable(subject.comparisons, results),
    ...analyses(subject.comparisons, results, analysisOf),
    ...[...subject.tables(results), ...(report.findings ?? [])].flatMap(({ title, text }) => [
      `### ${title}`,
      text,
    ]),
    '### Notes',
    bullets([
      `Load average of the machine before and after each round: ${loads(report.rounds)}.`,
      ...report.notes,
      ...report.skipped.map((text) => `Not measured: ${text}.`),
      ...results.invalid.map((text) => `Does not count: ${text}`),
    ]),
  ].join('\n\n');
}

/**
 * The Markdown of a subject that has no figures.
 *
 * @param {import('./subject.mjs').Subject} subject
 */
export function renderUnmeasured(subject) {
  const where = subject.device === undefined ? '' : ` --device ${subject.device}`;
  return [
    `## ${subject.title}`,
    subject.about,
    `**Not measured yet.** ${subject.device === 'cuda' ? 'It needs a machine with an NVIDIA GPU.' : ''}`.trim(),
    `\`\`\`sh\nnpm run bench -- --subject ${subject.name}${where}\n\`\`\``,
    '### Targets and ratios',
    comparisonTable(subject.comparisons, new Results([])),
  ].join('\n\n');
}

function comparisonTable(comparisons, results) {
  const rows = comparisons.map((comparison) => {
    const { label, value, wanted, outcome } = judge(comparison, results);
    return [label, value, wanted, outcome];
  });
  return table(['', 'median (range)', 'target', ''], rows);
}

/** Where a target is missed, why. */
function analyses(comparisons, results, analysisOf) {
  return comparisons.flatMap((comparison) => {
    const text = comparison.id === undefined ? undefined : analysisOf(comparison.id);
    const { label, outcome } = judge(comparison, results);
    return text === undefined || outcome !== 'missed' ? [] : [`### Missed: ${label}`, text.trim()];
  });
}

function loads(rounds) {
  return rounds.map(({ loadBefore, loadAfter }) => `${loadBefore} → ${loadAfter}`).join(', ');
}

function bullets(lines) {
  return lines.map((line) => `- ${line}`).join('\n');
}
