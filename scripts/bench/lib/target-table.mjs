import { targets } from '../targets.mjs';
import { table } from './markdown.mjs';
import { Results } from './results.mjs';
import { loadSubject, subjectNames } from './subject.mjs';
import { judge, wantedOf } from './verdict.mjs';

/**
 * Every target beside what the last run of its subject has measured.
 *
 * @param {(subject: string) => import('./section.mjs').Report | undefined} figuresOf
 * @param {string} page that the sections stand on, relative to where the table goes; empty: here
 */
export async function targetTable(figuresOf, page) {
  const rows = await Promise.all(
    targets.map(async (target) => {
      const { value, outcome, link } = await measuredOf(target, figuresOf, page);
      return [target.measure, wantedOf(target), value, outcome, link];
    }),
  );
  return table(['', 'target', 'median (range)', '', 'section'], rows);
}

async function measuredOf(target, figuresOf, page) {
  const none = { value: '–', outcome: 'not measured', link: target.subject };
  if (!subjectNames.includes(target.subject)) return none;
  const report = figuresOf(target.subject);
  const subject = await loadSubject(target.subject);
  const comparison = subject.comparisons.find(({ id }) => id === target.id);
  if (report === undefined || comparison === undefined) return none;
  const link = `[${target.subject}](${page}#${anchorOf(subject.title)})`;
  return { ...judge(comparison, new Results(report.rounds)), link };
}

/** As GitHub names the anchor of a heading. */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
