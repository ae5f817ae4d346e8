import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { SetupError } from '../../lib/setup-error.mjs';
import { plot } from '../plot.mjs';
import { updatePage } from './page.mjs';
import { Results } from './results.mjs';
import { renderSection } from './section.mjs';

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
 * Writes a subject's plot and its section of the page from its figures.
 *
 * @param {string} out
 * @param {import('./subject.mjs').Subject} subject
 */
export function render(out, subject) {
  const file = figuresFile(out, subject.name);
  if (!existsSync(file)) throw new SetupError(`There are no figures: ${file} does not exist.`);
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const plotFile = join(out, `${subject.name}.svg`);
  const page = `${out}.md`;
  writeFileSync(plotFile, plot(subject.title, subject.panels(new Results(report.rounds))));
  updatePage(page, subject.name, renderSection(subject, report, basename(out)));
  const written = [page, plotFile, file].map((path) => relative(process.cwd(), path));
  console.log(`Written: ${written.join(', ')}`);
}

const figuresFile = (out, subject) => join(out, `${subject}.json`);

/** Microseconds and single requests are what was measured; more digits are noise. */
function rounded(_key, value) {
  return typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value;
}
