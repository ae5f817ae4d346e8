import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { root } from '../../lib/root.mjs';
import { plot } from '../plot.mjs';
import { replaceBetweenMarkers, updatePage } from './page.mjs';
import { Results } from './results.mjs';
import { renderSection, renderUnmeasured } from './section.mjs';
import { subjectNames } from './subject.mjs';
import { targetTable } from './target-table.mjs';

/** Where figures and plots go when nothing else is said; README.md has the table of this one alone. */
export const standardFolder = join(root, 'docs/benchmarks');

/**
 * Keeps a subject's figures; page and plot are made of them alone.
 *
 * @param {string} out
 * @param {import('./section.mjs').Report} report
 */
export function writeFigures(out, report) {
  mkdirSync(out, { recursive: true });
  writeFileSync(figuresFile(out, report.subject), `${JSON.stringify(report, rounded, 1)}\n`);
}

/**
 * Writes a subject's plot, its section of the page and the table of targets from its figures and
 * from what stands in FOLDER/analysis. Where there are no figures, the section says so.
 *
 * @param {string} out
 * @param {import('./subject.mjs').Subject} subject
 */
export async function render(out, subject) {
  const report = readFigures(out, subject.name);
  if (report === undefined) {
    updatePage(`${out}.md`, { [subject.name]: renderUnmeasured(subject) }, subjectNames);
    await renderTargets(out);
    console.log(`${subject.name}: not measured`);
    return;
  }
  const plotFile = join(out, `${subject.name}.svg`);
  const page = `${out}.md`;
  writeFileSync(plotFile, plot(subject.title, subject.panels(new Results(report.rounds))));
  const section = renderSection(subject, report, basename(out), (id) => analysisOf(out, id));
  updatePage(page, { [subject.name]: section }, subjectNames);
  await renderTargets(out);
  const written = [page, plotFile, figuresFile(out, subject.name)];
  console.log(`Written: ${written.map((path) => relative(process.cwd(), path)).join(', ')}`);
}

/** The table of targets, at the top of the page and in README.md. */
async function renderTargets(out) {
  const figuresOf = (subject) => readFigures(out, subject);
  replaceBetweenMarkers(`${out}.md`, 'targets', await targetTable(figuresOf, ''));
  if (out !== standardFolder) return;
  const table = await targetTable(figuresOf, 'docs/benchmarks.md');
  replaceBetweenMarkers(join(root, 'README.md'), 'targets', table);
}

const figuresFile = (out, subject) => join(out, `${subject}.json`);

/** @returns {import('./section.mjs').Report | undefined} */
function readFigures(out, subject) {
  const file = figuresFile(out, subject);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function analysisOf(out, id) {
  const file = join(out, 'analysis', `${id}.md`);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Microseconds and single requests are what was measured; more digits are noise. */
function rounded(_key, value) {
  return typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value;
}
