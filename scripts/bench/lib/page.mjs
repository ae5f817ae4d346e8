import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const preamble = `# Benchmarks

Every figure on this page is written by \`npm run bench\`; run the command of a section to get yours.
Figures of different machines, or of different runs, do not compare.

## Targets

<!-- bench targets: written by npm run bench, do not edit -->
<!-- end of bench targets -->

## What it needs

\`npm run bench\` measures everything on the CPU, in about half an hour; \`npm run bench -- alpha\` one subject;
\`npm run bench -- --help\` has the options. It measures what it finds:

| For | Install with |
|---|---|
| a load generator that costs little | \`apt-get install wrk\`; else \`scripts/bench/generator\` is used, or autocannon |
| open loops, many models | a C++ compiler: \`scripts/bench/generator\` is compiled |
| figures of a GPU | \`--device cuda\`, which measures subjects of its own: see [GPU](gpu.md) |
| TorchServe | Java 17 and \`node scripts/test-python.mjs\`, or \`SCONCE_PYTHON\` with torchserve and torch |
| the bare loops | the same Python |
| LitServe, Ray Serve, MLServer | \`node scripts/bench/rivals.mjs\` |

## How to read it

- Contenders of one section were measured in one run on one machine, side by side: A B A B …, in
  several rounds. A figure is the median of the rounds; the range behind it is the smallest and the
  largest.
- A ratio or a difference is computed in each round between neighbours, and then the median is taken.
- The client, the server's event loop and the model share the cores of one machine. With few cores
  they take time from each other, as the load average shows.
- Load is a closed loop unless a section says otherwise: each of *c* connections sends its next
  request when it has the last answer.
- Answers of every contender are compared with the expected ones before anything is measured. A
  measurement with any answer other than 2xx, or with a socket error, does not count and is listed.
- What a machine does not have is left out, and the notes of the section say why.
`;

const beginning = (name) => `<!-- bench ${name}: written by npm run bench, do not edit -->`;
const ending = (name) => `<!-- end of bench ${name} -->`;

/**
 * Puts sections into the page: each over the one between its markers, else before the one that
 * follows it, else at the end. What stands outside the markers stays as it is.
 *
 * @param {string} file
 * @param {Record<string, string>} sections Markdown by name
 * @param {readonly string[]} order names of all sections as they follow each other
 */
export function updatePage(file, sections, order) {
  const page = existsSync(file) ? readFileSync(file, 'utf8') : preamble;
  const updated = Object.entries(sections).reduce(
    (text, [name, section]) => placeSection(text, name, section, order),
    page,
  );
  writeFileSync(file, updated);
}

/**
 * Replaces what stands between the markers of `name` in a file that has them.
 *
 * @param {string} file
 * @param {string} name
 * @param {string} section Markdown
 */
export function replaceBetweenMarkers(file, name, section) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (text.includes(beginning(name))) writeFileSync(file, placeSection(text, name, section, []));
}

/**
 * @param {string} page
 * @param {string} name
 * @param {string} section
 * @param {readonly string[]} order
 */
export function placeSection(page, name, section, order) {
  const block = `${beginning(name)}\n\n${section.trim()}\n\n${ending(name)}`;
  const from = page.indexOf(beginning(name));
  const to = page.indexOf(ending(name));
  if (from >= 0 && to > from) {
    return page.slice(0, from) + block + page.slice(to + ending(name).length);
  }
  const next = order
    .slice(order.indexOf(name) + 1)
    .map((other) => page.indexOf(beginning(other)))
    .find((index) => index >= 0);
  if (next === undefined) return `${page.trimEnd()}\n\n${block}\n`;
  return `${page.slice(0, next)}${block}\n\n${page.slice(next)}`;
}
