import { invalidReason } from './load.mjs';
import { connectionsPoint, measured } from './load-step.mjs';
import { significant, table, whole, withSpread } from './markdown.mjs';
import { cpuSeconds } from './processes.mjs';
import { bytesAllocated, parts, sharesOfTime } from './profile-parts.mjs';
import { profileWhile } from './profiled-server.mjs';

const timeOf = (part) => `µs ${part}`;
const bytesOf = (part) => `bytes ${part}`;
const wholeTime = timeOf('in all');
const wholeBytes = bytesOf('in all');

/**
 * What a request costs the event loop of a server, by part: microseconds of CPU of its thread, and bytes
 * allocated on the heap. The microseconds are measured without a profiler; the profile that is taken
 * afterwards says how they divide.
 *
 * @param {import('./context.mjs').BenchContext} context
 * @param {import('./load-step.mjs').LoadContender} contender whose server can be profiled
 * @param {number} connections
 * @param {number} seconds of each of the three loads
 * @returns {import('./rounds.mjs').Step}
 */
export function budgetStep(context, { name, server, request }, connections, seconds) {
  const run = async () => {
    const figures = await context.load.run({ ...request, connections, seconds });
    server.assertAlive();
    return figures;
  };
  return {
    contender: name,
    point: connectionsPoint(connections),
    seconds: 3 * seconds,
    measure: async () => {
      const before = cpuSeconds(server.pid);
      const figures = await run();
      const microseconds = (1e6 * (cpuSeconds(server.pid).main - before.main)) / figures.requests;
      const time = await profileWhile(context, server, run);
      const memory = await profileWhile(context, server, run);
      const shares = sharesOfTime(time.profile);
      const bytes = bytesAllocated(memory.profile);
      const all = Object.values(bytes).reduce((a, b) => a + b, 0);
      const { requests } = memory.result;
      return {
        ...figures,
        errors: figures.errors + time.result.errors + memory.result.errors,
        non2xx: figures.non2xx + time.result.non2xx + memory.result.non2xx,
        [wholeTime]: microseconds,
        [wholeBytes]: all / requests,
        ...Object.fromEntries(parts.map((part) => [timeOf(part), shares[part] * microseconds])),
        ...Object.fromEntries(parts.map((part) => [bytesOf(part), bytes[part] / requests])),
      };
    },
    invalid: invalidReason,
    describe: (figures) =>
      `${significant(figures[wholeTime])} µs, ${whole(figures[wholeBytes])} bytes per request`,
  };
}

/** The event loop's microseconds per request, in all. */
export const wholeTimeFigure = wholeTime;

/** The bytes allocated per request, in all. */
export const wholeBytesFigure = wholeBytes;

/** Microseconds per request by part. */
export const timeTable = (results, contenders, connections) =>
  partsTable(results, contenders, connections, timeOf, significant);

/** Bytes per request by part. */
export const bytesTable = (results, contenders, connections) =>
  partsTable(results, contenders, connections, bytesOf, whole);

function partsTable(results, contenders, connections, figureOf, format) {
  const columns = measured(results, connections).flatMap((count) =>
    contenders.map((contender) => ({ contender, point: connectionsPoint(count) })),
  );
  const row = (label, figure) => [
    label,
    ...columns.map(({ contender, point }) =>
      withSpread(results.spread(contender, point, figure), format),
    ),
  ];
  return table(
    ['', ...columns.map(({ contender, point }) => `${contender}, ${point}`)],
    [...parts.map((part) => row(part, figureOf(part))), row('**in all**', figureOf('in all'))],
  );
}
