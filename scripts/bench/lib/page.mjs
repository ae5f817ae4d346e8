import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const preamble = `# Benchmarks

Every figure on this page is written by \`npm run bench\`; run the command of a section to get yours.
Figures of different machines, or of different runs, do not compare.

## How to read it

- Contenders of one section were measured in one run on one machine, side by side: A B A B …, in
  several rounds. A figure is the median of the rounds; the range behind it is the smallest and the
  largest.
- A ratio or a difference is computed in each round between neighbours, and then the median is taken.
- The client, the server's event loop and the model share the cores of one machine. With few cores
  they take time from each other, as the load average shows.
- Load is a closed loop: each of *c* connections sends its next request when it has the last answer.
- Answers of every contender are compared with the expected ones before anything is measured. A
  measurement with any answer other than 2xx, or with a socket error, does not count and is listed.
`;

/**
 * Puts a subject's section into the page: over the one between its markers, else at the end. What
 * stands outside the markers stays as it is.
 *
 * @param {string} file
 * @param {string} subject
 * @param {string} section Markdown
 */
export function updatePage(file, subject, section) {
  const page = existsSync(file) ? readFileSync(file, 'utf8') : preamble;
  writeFileSync(file, placeSection(page, subject, section));
}

/**
 * @param {string} page
 * @param {string} subject
 * @param {string} section
 */
export function placeSection(page, subject, section) {
  const begin = `<!-- bench ${subject}: written by npm run bench, do not edit -->`;
  const end = `<!-- end of bench ${subject} -->`;
  const block = `${begin}\n\n${section.trim()}\n\n${end}`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) return `${page.trimEnd()}\n\n${block}\n`;
  return page.slice(0, from) + block + page.slice(to + end.length);
}
