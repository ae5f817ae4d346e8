import { SetupError } from '../../lib/setup-error.mjs';
import { rivals, startRival } from '../contenders/rivals.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import {
  alpha,
  jsonRequest,
  readExpected,
  sconceBatchFlags,
  verifyAlpha,
} from '../lib/alpha-model.mjs';
import { connectionsPoint, loadStep, warmUp } from '../lib/load-step.mjs';
import { memoryStep } from '../lib/memory-step.mjs';
import { ratioOf } from '../lib/ratio.mjs';
import { memoryNote, serverPanels, serverTables } from '../lib/server-figures.mjs';

const sconceName = 'Sconce';
const connections = [1, 64];
/** Without the name of the package. */
const versions = Object.fromEntries(
  rivals.map(({ name, requirement }) => [name, requirement.split('==')[1]]),
);
const contenders = [sconceName, ...rivals.map(({ name }) => name)];

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'rivals',
  title: 'rivals: other servers that run PyTorch',
  about: `The model of \`${alpha.folder}\`, one row as JSON in each request, one worker or instance, batches of up to
32 of what is waiting, one thread inside an operation. Programs: \`scripts/bench/rivals\`; they are
installed by \`node scripts/bench/rivals.mjs\`.

- **LitServe**: \`max_batch_size=32\`, \`batch_timeout=0\`. **Ray Serve**: \`@serve.batch\` with the same.
- **MLServer**: a runtime of its own, \`max_batch_size=32\`, \`max_batch_time=0.001\`, \`parallel_workers=0\`:
  the model runs in the server's process. Its requests are those of the KServe V2 protocol.`,
  prepare,
  comparisons: rivals.flatMap(({ name }) =>
    connections.map((count) => ({
      label: `Throughput at c=${count}, Sconce over ${name}`,
      compute: ratioOf(sconceName, name, connectionsPoint(count), 'throughput'),
    })),
  ),
  tables: (results) => serverTables(results, contenders, connections),
  panels: (results) => serverPanels(results, contenders, connections),
  defaults: { repeat: 3, duration: 2 },
};

async function prepare(context) {
  const { load, options } = context;
  const expected = readExpected();
  const [row] = expected.requests;
  const skipped = [];
  const found = [];
  for (const rival of rivals) {
    const server = await startRival(context, rival, row);
    if ('skipped' in server) {
      skipped.push(`${rival.name}: ${server.skipped}`);
      continue;
    }
    const url = `${server.url}${rival.path}`;
    await verifyAlpha(rival.name, url, expected, rival);
    found.push({ name: rival.name, server, request: { url, ...rival.request(row) } });
  }
  if (found.length === 0) throw new SetupError(skipped.join('; '));

  const sconce = await startSconce(context, [`${alpha.name}=${alpha.folder}`], sconceBatchFlags);
  const url = `${sconce.url}/predictions/${alpha.name}`;
  await verifyAlpha(sconceName, url, expected);
  const all = [
    { name: sconceName, server: sconce, request: { url, ...jsonRequest(row) } },
    ...found,
  ];
  for (const contender of all) await warmUp(load, contender);
  return {
    steps: [
      ...connections.flatMap((count) =>
        all.map((contender) => loadStep(load, contender, count, options.duration)),
      ),
      ...all.map(memoryStep),
    ],
    versions: { LibTorch: sconce.libtorch, ...versions },
    notes: [
      `The model runs on \`${options.device}\`.`,
      `Answers agree with \`${alpha.expectedFile}\` to ${alpha.looseTolerance.toExponential()}.`,
      memoryNote,
    ],
    skipped,
  };
}
