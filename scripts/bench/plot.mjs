/**
 * Plots as SVG by hand: readable in light and dark, no dependency.
 *
 * @typedef {object} Panel
 * @property {string} title
 * @property {string[]} [ticks] of the x axis, evenly spaced; without them the axis is numeric, and
 *   every point says where it is (`x`)
 * @property {string} xLabel
 * @property {boolean} [logarithmic] the y axis
 * @property {Series[]} series
 *
 * @typedef {object} Series
 * @property {string} [label] in the legend; none: it is not there
 * @property {number} color 0 to 7; series of one contender share it in all panels
 * @property {boolean} [dashed]
 * @property {(Point | undefined)[]} points one per tick, or any number with `x`
 *
 * @typedef {{ median: number, low: number, high: number, x?: number }} Point
 */

const size = { width: 470, left: 62, right: 16, top: 44, axis: 58 };
const inner = { width: size.width - size.left - size.right, height: 194 };
const bottom = size.top + inner.height;
const legend = { width: 444, rowHeight: 20, columns: 3, shortLabel: 18 };
const colors = [
  ...['#8b93a1', '#e8590c', '#1c7ed6', '#2f9e44'],
  ...['#ae3ec9', '#0c8599', '#c92a2a', '#5f3dc4'],
];

const style = `
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 14px; font-weight: 600; fill: #24292f }
  .grid { stroke: #8b93a1; stroke-opacity: 0.25 }
  .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) { text { fill: #9aa4b0 } .title { fill: #e6edf3 } }`;

/**
 * Panels side by side.
 *
 * @param {string} title for those who hear the picture
 * @param {Panel[]} panels
 */
export function plot(title, panels) {
  const width = size.width * panels.length;
  const rows = Math.max(
    ...panels.map(({ series }) => Math.ceil(labelled(series).length / columnsOf(series))),
  );
  const height = bottom + size.axis + rows * legend.rowHeight;
  const body = panels.map(
    (panel, i) => `<g transform="translate(${i * size.width} 0)">\n${drawPanel(panel)}\n</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeText(title)}</title>
<style>${style}
</style>
${body.join('\n')}
</svg>
`;
}

function drawPanel({ title, ticks, xLabel, logarithmic, series }) {
  const points = series.flatMap((one) => one.points.flatMap((point) => point ?? []));
  const values = points.flatMap(({ low, high }) => [low, high]);
  const scale = logarithmic ? logarithmicScale(values) : linearScale(values);
  const y = (value) => round(size.top + inner.height * (1 - scale.position(value)));
  const { marks, x } = ticks ? evenAxis(ticks) : numericAxis(points);
  return [
    text(size.left, 22, title, 'class="title"'),
    ...scale.ticks.flatMap((value) => [
      `<path class="grid" d="M${size.left} ${y(value)}h${inner.width}"/>`,
      text(size.left - 8, y(value) + 4, shortNumber(value), 'text-anchor="end"'),
    ]),
    ...marks.map(({ at, label }) => text(at, bottom + 18, label, 'text-anchor="middle"')),
    text(size.left + inner.width / 2, bottom + 36, xLabel, 'text-anchor="middle"'),
    ...series.map((one) => drawSeries(one, x, y)),
    ...drawLegend(series),
  ].join('\n');
}

/** `x` of a point and its index, and where which label stands. */
function evenAxis(ticks) {
  const at = (i) => round(size.left + (inner.width * (i + 0.5)) / ticks.length);
  return { marks: ticks.map((label, i) => ({ label, at: at(i) })), x: (_point, i) => at(i) };
}

function numericAxis(points) {
  const scale = linearScale(points.map(({ x }) => x));
  const at = (value) => round(size.left + inner.width * scale.position(value));
  return {
    marks: scale.ticks.map((value) => ({ label: shortNumber(value), at: at(value) })),
    x: (point) => at(point.x),
  };
}

function drawSeries({ color, dashed, points }, x, y) {
  const stroke = `stroke="${colors[color]}"`;
  const known = points.flatMap((point, i) => (point ? [{ ...point, at: x(point, i) }] : []));
  const line = known.map(({ median, at }, i) => `${i === 0 ? 'M' : 'L'}${at} ${y(median)}`);
  const marks = known.map(
    ({ median, low, high, at }) =>
      `<path ${stroke} d="M${at} ${y(low)}V${y(high)}M${at - 4} ${y(low)}h8M${at - 4} ${y(high)}h8"/><circle cx="${at}" cy="${y(median)}" r="3" fill="${colors[color]}"/>`,
  );
  const dashes = dashed ? ' stroke-dasharray="5 4"' : '';
  return `<path class="line" ${stroke}${dashes} d="${line.join('')}"/>${marks.join('')}`;
}

const labelled = (series) => series.filter(({ label }) => label !== undefined);

/** Long labels need more room. */
const columnsOf = (series) =>
  labelled(series).every(({ label }) => label.length <= legend.shortLabel) ? legend.columns : 2;

/** Under the axis; drawn as the lines are. */
function drawLegend(series) {
  const columns = columnsOf(series);
  return labelled(series).map(({ label, color, dashed }, i) => {
    const left = 20 + (i % columns) * (legend.width / columns);
    const height = bottom + size.axis + Math.floor(i / columns) * legend.rowHeight;
    const dashes = dashed ? ' stroke-dasharray="5 4"' : '';
    const line = `<path class="line" stroke="${colors[color]}"${dashes} d="M${left} ${height - 4}h22"/>`;
    return line + text(left + 28, height, label);
  });
}

function linearScale(values) {
  const largest = Math.max(...values, 1e-9);
  const step = [1, 2, 2.5, 5, 10]
    .map((factor) => factor * 10 ** Math.floor(Math.log10(largest / 5)))
    .find((candidate) => largest / candidate <= 6);
  const end = Math.ceil(largest / step) * step;
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
  return { ticks, position: (value) => value / end };
}

function logarithmicScale(values) {
  const start = Math.floor(Math.log10(Math.max(1e-6, Math.min(...values))));
  const end = Math.max(start + 1, Math.ceil(Math.log10(Math.max(...values))));
  const ticks = Array.from({ length: end - start + 1 }, (_, i) => 10 ** (start + i));
  return {
    ticks,
    position: (value) => (Math.log10(Math.max(1e-6, value)) - start) / (end - start),
  };
}

function shortNumber(value) {
  return value >= 1000 ? `${round(value / 1000)}k` : String(Number(value.toPrecision(3)));
}

function text(x, y, content, attributes = '') {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeText(content)}</text>`;
}

const round = (value) => Math.round(value * 10) / 10;
const escapeText = (content) => content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
