import { targets } from '../targets.mjs';
import { table } from './markdown.mjs';
import { Results } from './results.mjs';
import { loadSubject, subjectsOf } from './subject.mjs';
import { judge, wantedOf } from './verdict.mjs';

/**
 * A target beside what the last run of its subject has measured.
 *
 * @typedef {object} TargetRow
 * @property {string} id
 * @property {string} measure
 * @property {string} wanted
 * @property {string} value
 * @property {import('./verdict.mjs').Verdict['outcome']} outcome
 * @property {import('./subject.mjs').Subject} subject
 * @property {boolean} hasFigures
 *
 * @typedef {(subject: string) => import('./section.mjs').Report | undefined} FiguresOf
 */

/**
 * The targets of a device.
 *
 * @param {FiguresOf} figuresOf
 * @param {'cpu' | 'cuda'} device
 * @returns {Promise<TargetRow[]>}
 */
export function targetRows(figuresOf, device) {
  const subjects = subjectsOf(device);
  return Promise.all(
    targets
      .filter(({ subject }) => subjects.includes(subject))
      .map(async (target) => {
        const subject = await loadSubject(target.subject);
        const comparison = subject.comparisons.find(({ id }) => id === target.id);
        const report = figuresOf(target.subject);
        const { value, outcome } = judge(comparison, new Results(report?.rounds ?? []));
        const { id, measure } = target;
        const wanted = wantedOf(target);
        return { id, measure, wanted, value, outcome, subject, hasFigures: report !== undefined };
      }),
  );
}

/**
 * Every target, those of a GPU in a table of their own.
 *
 * @param {FiguresOf} figuresOf
 * @param {string} page that the sections stand on, relative to where the table goes; empty: here
 */
export async function targetTable(figuresOf, page) {
  const [cpu, gpu] = await Promise.all(
    ['cpu', 'cuda'].map(async (device) => tableOf(await targetRows(figuresOf, device), page)),
  );
  return `${cpu}\n\nOn an NVIDIA GPU:\n\n${gpu}`;
}

function tableOf(rows, page) {
  return table(
    ['', 'target', 'median (range)', '', 'section'],
    rows.map(({ measure, wanted, value, outcome, subject, hasFigures }) => {
      const link = `[${subject.name}](${page}#${anchorOf(subject.title)})`;
      return [measure, wanted, value, outcome, hasFigures ? link : subject.name];
    }),
  );
}

/** As GitHub names the anchor of a heading. */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
