import { startEcho } from '../contenders/echo.mjs';
import { startSconce, unbundledProgram } from '../contenders/sconce.mjs';
import { alpha, jsonRequest, readExpected, verifyAlpha } from '../lib/alpha-model.mjs';
import { ask, checkSame } from '../lib/answers.mjs';
import {
  budgetStep,
  bytesTable,
  timeTable,
  wholeBytesFigure,
  wholeTimeFigure,
} from '../lib/budget-step.mjs';
import { connectionsPoint, warmUp } from '../lib/load-step.mjs';
import { packageVersion } from '../lib/machine.mjs';
import { connectionsPanel } from '../lib/panels.mjs';
import { profiledContext } from '../lib/profiled-server.mjs';
import { ratioOf } from '../lib/ratio.mjs';

const connections = [1, 64];
const quickConnections = [64];

const names = { echo: 'echo', sconce: 'Sconce' };
const contenders = [names.echo, names.sconce];

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'budget',
  title: 'budget: what a request costs the event loop',
  about: `Where the time of the event loop's thread goes, and what is allocated on its heap, for one
JSON request of the subject alpha: in Sconce, and in the bare Fastify **echo** of the same body and
reply. The microseconds are CPU of that thread under load without a profiler, divided by the shares
that V8's sampling profiler finds under the same load afterwards; waiting is left out. Bytes are those
of V8's sampling heap profiler. What native code of Node does counts with the function that calls it.

- **Node**: system calls, reading HTTP, and Node's streams, timers and responses.
- **native: batches**: handing batches to the instances or running them on the loop, and taking their
  results; **native: JSON to rows**, **native: rows to JSON**: the addon's reader and writer.`,
  prepare,
  comparisons: [
    {
      label: 'Microseconds of the event loop per request at c=64, Sconce over echo',
      compute: ratioOf(names.sconce, names.echo, connectionsPoint(64), wholeTimeFigure),
    },
    {
      label: 'Bytes allocated per request at c=64, Sconce over echo',
      compute: ratioOf(names.sconce, names.echo, connectionsPoint(64), wholeBytesFigure),
    },
  ],
  tables: (results) => [
    {
      title: 'Microseconds of the event loop per request',
      text: timeTable(results, contenders, connections),
    },
    {
      title: 'Bytes allocated on the heap per request',
      text: bytesTable(results, contenders, connections),
    },
  ],
  panels: (results) => {
    const panel = (title, figure) =>
      connectionsPanel(results, { title, contenders, connections, figure });
    return [
      panel('Microseconds of the event loop per request', wholeTimeFigure),
      panel('Bytes allocated per request', wholeBytesFigure),
    ];
  },
  defaults: { repeat: 5, duration: 1 },
};

async function prepare(context) {
  const { load, options } = context;
  const profiled = profiledContext(context);
  const expected = readExpected();
  const request = jsonRequest(expected.requests[0]);

  const sconce = await startSconce(
    profiled,
    [`${alpha.name}=${alpha.folder}`],
    [],
    unbundledProgram,
  );
  const url = `${sconce.url}/predictions/${alpha.name}`;
  await verifyAlpha(names.sconce, url, expected, { tolerance: alpha.tolerance });
  const reply = await ask(url, request);
  const echo = await startEcho(profiled, reply);
  checkSame(names.echo, await ask(echo.url, request), reply);

  const servers = [
    { name: names.echo, server: echo, request: { url: echo.url, ...request } },
    { name: names.sconce, server: sconce, request: { url, ...request } },
  ];
  for (const contender of servers) await warmUp(load, contender);
  return {
    steps: (options.quick ? quickConnections : connections).flatMap((count) =>
      servers.map((contender) => budgetStep(context, contender, count, options.duration)),
    ),
    versions: { LibTorch: sconce.libtorch, Fastify: packageVersion('fastify') },
    notes: [`The model runs on \`${options.device}\`.`],
    skipped: [],
  };
}
