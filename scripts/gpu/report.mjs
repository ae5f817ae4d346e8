import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { table } from '../bench/lib/markdown.mjs';
import { lastLines } from './bounded-text.mjs';

const linesOfFailure = 25;
const failuresShown = 30;

/**
 * Writes report.md, report.json and steps.log; each is whole at any moment.
 *
 * @param {string} out
 * @param {import('./empty-report.mjs').Report} report
 * @param {string} log
 * @param {(text: string) => string} redact
 */
export function writeReport(out, report, log, redact) {
  const texts = {
    'report.md': render(report),
    'report.json': `${JSON.stringify(report, null, 1)}\n`,
    'steps.log': log,
  };
  for (const [name, text] of Object.entries(texts)) {
    const path = join(out, name);
    writeFileSync(`${path}.new`, redact(text));
    renameSync(`${path}.new`, path);
  }
}

/**
 * The report as Markdown.
 *
 * @param {import('./empty-report.mjs').Report} report
 */
export function render(report) {
  const facts = report.steps.flatMap((step) => Object.entries(step.facts));
  return `${[
    '# GPU check',
    `**${verdictInWords(report)}** ${report.date}, Sconce ${report.version} (${report.commit}), on ${report.device}.`,
    `\`\`\`sh\n${report.command}\n\`\`\``,
    '## Steps',
    table(['', '', 'seconds', 'of', ''], report.steps.map(stepRow)),
    '## Targets',
    ...(report.device === 'cpu' ? ['On the CPU nothing is measured of a GPU.'] : []),
    table(['', 'target', 'median (range)', ''], report.figures.map(figureRow)),
    ...(facts.length === 0 ? [] : ['## Machine and versions', table(['', ''], facts, 2)]),
    ...failureSections(report.steps),
  ].join('\n\n')}\n`;
}

function verdictInWords({ verdict, steps }) {
  if (verdict === 'passed') return `Every step passed${exceptOptional(steps)}.`;
  if (verdict === 'running') {
    const now = steps.find(({ outcome }) => outcome === 'running')?.name ?? 'the first step';
    return `Not at its end: in ${now}.`;
  }
  return verdict === 'interrupted' ? 'Interrupted.' : `Not everything passed. ${capital(verdict)}.`;
}

function exceptOptional(steps) {
  const names = steps.filter(({ outcome }) => outcome === 'skipped').map(({ name }) => name);
  return names.length === 0 ? '' : `, but for ${names.join(', ')}, for which there was no time`;
}

const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

function stepRow({ name, outcome, seconds, limit, summary }) {
  return [name, outcome, text(seconds), text(limit), oneLine(summary)];
}

function figureRow({ label, wanted, value, outcome }) {
  return [label, wanted, value, outcome].map(oneLine);
}

const text = (value) => (value === undefined ? '' : String(value));

/** As a cell of a table takes it. */
const oneLine = (given) => given.replace(/\s+/g, ' ').replaceAll('|', '\\|');

function failureSections(steps) {
  const failures = steps.flatMap(({ name, failures }) =>
    failures.map(({ title, text }) => ({ heading: `### ${name}: ${oneLine(title)}`, text })),
  );
  if (failures.length === 0) return [];
  const shown = failures.slice(0, failuresShown).flatMap(({ heading, text }) => [
    heading,
    // A fence that no line of the text can end.
    `~~~~~text\n${lastLines(text, linesOfFailure)}\n~~~~~`,
  ]);
  const more = failures.length - failuresShown;
  return ['## Failures', ...shown, ...(more > 0 ? [`And ${more} more: see report.json.`] : [])];
}
