import { significant, table, withSpread } from './markdown.mjs';

/**
 * What is counted of a GPU since the process began: batches, and seconds of the device in which
 * inputs were copied in, forward ran and outputs were copied out, by events on its streams. `busy` is
 * the time in which any forward ran.
 *
 * @typedef {object} DeviceCounts
 * @property {number} batches
 * @property {number} graphBatches
 * @property {number} busySeconds
 * @property {number} copyInSeconds
 * @property {number} computeSeconds
 * @property {number} copyOutSeconds
 */

const counters = {
  batches: 'sconce_device_batches_total',
  graphBatches: 'sconce_device_graph_batches_total',
  busySeconds: 'sconce_device_busy_seconds_total',
  copyInSeconds: 'sconce_device_copy_in_seconds_total',
  computeSeconds: 'sconce_device_compute_seconds_total',
  copyOutSeconds: 'sconce_device_copy_out_seconds_total',
};

/** The device `cuda` is its first. */
export const deviceName = (device) => (device === 'cuda' ? 'cuda:0' : device);

export const isGpu = (device) => device.startsWith('cuda');

/** What the notes of a subject for GPUs say first. */
export const deviceNote = (device) =>
  isGpu(device)
    ? `Models run on \`${device}\`.`
    : `Models ran on \`${device}\`: a trial of the subject, whose figures say nothing of a GPU.`;

/**
 * @template {{ device: string }} Statistics
 * @param {Statistics[]} statistics of deviceStatistics() of the addon
 * @param {string} device
 * @returns {Statistics | undefined} nothing of the CPU
 */
export function ofDevice(statistics, device) {
  return statistics.find((one) => one.device === deviceName(device));
}

/**
 * Text of GET /metrics as counts; undefined where it has none of this device.
 *
 * @param {string} text
 * @param {string} device
 * @returns {DeviceCounts | undefined}
 */
export function countsOf(text, device) {
  const label = `device="${deviceName(device)}"`;
  const value = (name) => {
    const line = text
      .split('\n')
      .find((each) => each.startsWith(`${name}{`) && each.includes(label));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
  };
  const counts = Object.entries(counters).map(([count, name]) => [count, value(name)]);
  return counts.some(([, count]) => count === undefined) ? undefined : Object.fromEntries(counts);
}

/**
 * @param {DeviceCounts} before
 * @param {DeviceCounts} after
 * @returns {DeviceCounts}
 */
export function countsBetween(before, after) {
  return Object.fromEntries(
    Object.keys(counters).map((count) => [count, after[count] - before[count]]),
  );
}

/**
 * Shares of the time that went by: of forward (`busyShare`), of each kind of work, and of all work
 * together (`workShare`). With one instance, whose batches follow each other, a sum above 1 is work
 * that was done at the same time: copies beside forward.
 *
 * @param {DeviceCounts} counts
 * @param {number} seconds that went by
 */
export function sharesOf(counts, seconds) {
  const { batches, graphBatches, busySeconds } = counts;
  const { copyInSeconds, computeSeconds, copyOutSeconds } = counts;
  return {
    busyShare: busySeconds / seconds,
    copyInShare: copyInSeconds / seconds,
    computeShare: computeSeconds / seconds,
    copyOutShare: copyOutSeconds / seconds,
    workShare: (copyInSeconds + computeSeconds + copyOutSeconds) / seconds,
    graphShare: graphBatches / batches,
  };
}

/**
 * A step of load at Sconce that also says what a GPU did meanwhile, as far as the server tells.
 *
 * @param {import('./rounds.mjs').Step} step
 * @param {{ metricsUrl: string }} server
 * @param {string} device
 * @returns {import('./rounds.mjs').Step}
 */
export function withDevice(step, { metricsUrl }, device) {
  if (!isGpu(device)) return step;
  const read = async () => countsOf(await (await fetch(metricsUrl)).text(), device);
  return {
    ...step,
    measure: async () => {
      const before = await read();
      const start = performance.now();
      const figures = await step.measure();
      const seconds = (performance.now() - start) / 1000;
      const after = await read();
      if (after === undefined) return figures;
      const none = Object.fromEntries(Object.keys(counters).map((count) => [count, 0]));
      return { ...figures, ...sharesOf(countsBetween(before ?? none, after), seconds) };
    },
  };
}

const columns = {
  'forward, union': 'busyShare',
  'copies in': 'copyInShare',
  forward: 'computeShare',
  'copies out': 'copyOutShare',
  sum: 'workShare',
  'batches by graphs': 'graphShare',
};

/**
 * Shares of the time by contender, as a table of a section; none where nothing was counted.
 *
 * @param {import('./results.mjs').Results} results
 * @param {{ contender: string, point: string }[]} measured
 * @returns {{ title: string, text: string }[]}
 */
export function deviceTables(results, measured) {
  const counted = measured.filter(({ contender, point }) =>
    results.spread(contender, point, 'busyShare'),
  );
  if (counted.length === 0) return [];
  const rows = counted.map(({ contender, point }) => [
    `${contender}, ${point}`,
    ...Object.values(columns).map((figure) =>
      withSpread(results.spread(contender, point, figure), significant),
    ),
  ]);
  const text = table(['', ...Object.keys(columns)], rows);
  return [{ title: 'What the GPU did, as shares of the time', text }];
}
