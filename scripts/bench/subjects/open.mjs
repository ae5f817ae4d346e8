import { SetupError } from '../../lib/setup-error.mjs';
import { startEcho } from '../contenders/echo.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { torchServeVersions } from '../contenders/torchserve.mjs';
import {
  alpha,
  jsonRequest,
  readExpected,
  sconceBatchFlags,
  verifyAlpha,
  writePythonArchive,
} from '../lib/alpha-model.mjs';
import { startTunedAlpha, torchServeNote, tuningNote } from '../lib/alpha-torchserve.mjs';
import { ask, checkSame } from '../lib/answers.mjs';
import { buildGenerator, generatorNote, invalidReason } from '../lib/generator.mjs';
import { warmUp } from '../lib/load-step.mjs';
import { packageVersion } from '../lib/machine.mjs';
import { significant, whole } from '../lib/markdown.mjs';
import {
  names,
  openComparisons,
  openPanels,
  openTables,
  saturationPoint,
  sharePoint,
  shares,
} from '../lib/open-figures.mjs';

const quickShares = [0.7];
const closedConnections = 64;
/** So many that a request hardly ever waits for one; one that does is counted from when it was due. */
const openConnections = 256;

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'open',
  title: 'open: requests that come whether or not the last ones are answered',
  about: `An open loop: requests are due at random times (a Poisson process) at a fixed rate, as those of many
independent clients are. A latency begins when its request was *due*, so that nothing that waits is
left out (no coordinated omission). Rates are shares of the contender's own saturation: what it
answers to ${closedConnections} connections that never pause, measured by the same generator in the same round. The
model is \`${alpha.folder}\`, one row as JSON in each request.

- **echo**: a bare Fastify server with the same body and reply, without a model.
- **Sconce**: with its default settings, and batches as in the section alpha.
- **TorchServe tuned**: the faster of two tunings; the notes say which.

Up to ${openConnections} connections are kept open, and the one used last is taken first. A measurement in which the
generator itself was late does not count.`,
  prepare,
  comparisons: openComparisons,
  tables: openTables,
  panels: openPanels,
  defaults: { repeat: 5, duration: 2 },
};

async function prepare(context) {
  const generator = await buildGenerator(context);
  if ('skipped' in generator) throw new SetupError(generator.skipped);
  const expected = readExpected();
  const request = jsonRequest(expected.requests[0]);

  const path = `/predictions/${alpha.name}`;
  const sconce = await startSconce(context, [`${alpha.name}=${alpha.folder}`], sconceBatchFlags);
  await verifyAlpha(names.sconce, `${sconce.url}${path}`, expected);
  const reply = await ask(`${sconce.url}${path}`, request);
  const echo = await startEcho(context, reply);
  checkSame(names.echo, await ask(echo.url, request), reply);
  const contender = (name, server, at) => ({
    ...{ name, server, request: { url: `${server.url}${at}`, ...request } },
    generated: { url: server.url, requests: [{ path: at, ...request }] },
  });
  const contenders = [contender(names.echo, echo, '/'), contender(names.sconce, sconce, path)];

  const archive = await writePythonArchive(context.folder);
  const tuned = await startTunedAlpha(context, archive, expected);
  if (!('skipped' in tuned)) contenders.push(contender(names.torchServe, tuned.server, path));
  for (const each of contenders) {
    await warmUp(context.load, each);
    const { length } = await ask(each.request.url, request);
    each.generated.requests[0].replyBytes = length;
  }

  return {
    steps: stepsOf(generator, contenders, context.options),
    versions: {
      LibTorch: sconce.libtorch,
      Fastify: packageVersion('fastify'),
      ...(!('skipped' in tuned) && torchServeVersions),
    },
    notes: [
      `The model runs on \`${context.options.device}\`.`,
      generatorNote,
      ...('skipped' in tuned ? [] : [tuningNote(tuned), torchServeNote]),
    ],
    skipped: 'skipped' in tuned ? [`${names.torchServe}: ${tuned.skipped}`] : [],
  };
}

/** In each round saturation first, then shares of it. */
function stepsOf(generator, contenders, { quick, duration }) {
  const saturation = new Map();
  const step = (contender, point, measure) => ({
    ...{ contender: contender.name, point, seconds: duration, invalid: invalidReason },
    measure: async () => {
      const { targets, ...figures } = await measure();
      contender.server.assertAlive();
      return figures;
    },
    describe: ({ throughput, p50, p99, latenessP99 }) =>
      `${whole(throughput)} req/s, p50 ${significant(p50)}, p99 ${significant(p99)} ms (${significant(latenessP99)} late)`,
  });
  const saturate = (contender) =>
    step(contender, saturationPoint, async () => {
      const load = { connections: closedConnections, seconds: duration };
      const figures = await generator.run({ ...contender.generated, ...load });
      saturation.set(contender.name, figures.throughput);
      return figures;
    });
  const open = (contender, share) =>
    step(contender, sharePoint(share), () => {
      const rate = saturation.get(contender.name) * share;
      const load = { connections: openConnections, seconds: duration, rate };
      return generator.run({ ...contender.generated, ...load });
    });
  return [
    ...contenders.map(saturate),
    ...(quick ? quickShares : shares).flatMap((share) =>
      contenders.map((contender) => open(contender, share)),
    ),
  ];
}
