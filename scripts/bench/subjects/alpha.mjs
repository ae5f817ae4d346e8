import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startAddonLoop } from '../contenders/addon-loop.mjs';
import { startEcho } from '../contenders/echo.mjs';
import { startPythonLoop } from '../contenders/python-loop.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { ask, checkAnswers, checkSame } from '../lib/answers.mjs';
import {
  connectionsPoint,
  latencyTable,
  loadStep,
  measured,
  throughputTable,
  warmUp,
} from '../lib/load-step.mjs';
import { loopStep, loopTable, rowsPoint } from '../lib/loop-step.mjs';
import { packageVersion } from '../lib/machine.mjs';

const example = 'examples/alpha_model';
const modelFile = `${example}/model.pt`;
const expectedFile = `${example}/expected.json`;
const tolerance = 1e-6;

const connections = [1, 16, 64, 128];
const batchRows = [1, 8, 32, 128];
const quickConnections = [1, 64];
const quickRows = [1, 32];

const servers = ['echo', 'Sconce JSON', 'Sconce binary'];
const [echoName, jsonName, binaryName] = servers;
const loops = ['Python frozen', 'Python plain', 'addon'];
const [frozenName, plainName, addonName] = loops;

const binary = 'application/octet-stream';
const jsonRequest = (row) => ({
  body: Buffer.from(JSON.stringify({ features: row })),
  headers: { 'Content-Type': 'application/json' },
});
const binaryRequest = (row) => ({
  body: Buffer.from(Float32Array.from(row).buffer),
  headers: { 'Content-Type': binary, Accept: binary },
});
const jsonAnswer = (reply) => JSON.parse(reply).prediction;
const binaryAnswer = (reply) =>
  Array.from({ length: reply.length / 4 }, (_, i) => reply.readFloatLE(4 * i));

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'alpha',
  title: 'alpha: a small network (64-256-256-1), one row per request',
  about: `The model of \`${example}\`; what is measured is the server around it.

- **echo**: a bare Fastify server that reads the same JSON body as a buffer and sends the same
  reply, without a model: the ceiling of one event loop.
- **Sconce JSON**, **Sconce binary**: Sconce in its own process with its default settings; rows as
  JSON, or as raw float32 both ways.
- **Python**: \`torch.jit.load\` and a loop in inference mode on 1 thread, the module frozen and as it
  is loaded. **addon**: the same batches through Sconce's addon without HTTP, 1 thread, frozen: rows
  are copied into a slab, committed, run by the instance's thread and awaited.`,
  prepare,
  comparisons: [
    {
      label: 'Throughput at c=64, Sconce JSON over echo',
      target: { atLeast: 0.75 },
      compute: (find) =>
        find(jsonName, connectionsPoint(64))?.throughput /
        find(echoName, connectionsPoint(64))?.throughput,
    },
    {
      label: 'p50 at c=1, Sconce JSON minus echo',
      unit: 'ms',
      target: { atMost: 0.3, decimals: 3 },
      compute: (find) =>
        find(jsonName, connectionsPoint(1))?.p50 - find(echoName, connectionsPoint(1))?.p50,
    },
    {
      label: 'Throughput at c=64, Sconce binary over echo',
      compute: (find) =>
        find(binaryName, connectionsPoint(64))?.throughput /
        find(echoName, connectionsPoint(64))?.throughput,
    },
    {
      label: 'Rows per second at b=32, addon over Python frozen',
      compute: (find) =>
        find(addonName, rowsPoint(32))?.rowsPerSecond /
        find(frozenName, rowsPoint(32))?.rowsPerSecond,
    },
  ],
  tables: (results) => [
    {
      title: 'Throughput in requests per second',
      text: throughputTable(results, servers, connections),
    },
    { title: 'Latency in milliseconds', text: latencyTable(results, servers, connections) },
    { title: 'Without HTTP', text: loopTable(results, loops, batchRows) },
  ],
  panels: (results) => {
    const counts = measured(results, connections);
    const points = (contender, figure) =>
      counts.map((count) => results.spread(contender, connectionsPoint(count), figure));
    const line = (contender, figure, label, dashed) => ({
      ...{ label, dashed, color: servers.indexOf(contender) },
      points: points(contender, figure),
    });
    const axis = { ticks: counts.map(String), xLabel: 'connections' };
    return [
      {
        ...axis,
        title: 'Throughput, requests per second',
        series: servers.map((name) => line(name, 'throughput', name, false)),
      },
      {
        ...axis,
        title: 'Latency, milliseconds',
        logarithmic: true,
        series: [
          ...servers.map((name) => line(name, 'p50', `${name} p50`, false)),
          ...servers.map((name) => line(name, 'p99', `${name} p99`, true)),
        ],
      },
    ];
  },
};

async function prepare(context) {
  const { load, options } = context;
  const { requests, predictions } = JSON.parse(readFileSync(join(root, expectedFile), 'utf8'));
  const verify = (name, answers) => checkAnswers(name, answers, predictions, tolerance);

  const sconce = await startSconce(context, [`alpha_model=${example}`]);
  const url = `${sconce.url}/predictions/alpha_model`;
  // All at once, so that rows of several requests share a batch.
  const askAll = (request) => Promise.all(requests.map((row) => ask(url, request(row))));
  verify(jsonName, (await askAll(jsonRequest)).map(jsonAnswer));
  verify(binaryName, (await askAll(binaryRequest)).map(binaryAnswer));

  const request = jsonRequest(requests[0]);
  const reply = await ask(url, request);
  const echo = await startEcho(context, reply);
  checkSame(echoName, await ask(echo.url, request), reply);

  const contenders = [
    { name: echoName, server: echo, request: { url: echo.url, ...request } },
    { name: jsonName, server: sconce, request: { url, ...request } },
    { name: binaryName, server: sconce, request: { url, ...binaryRequest(requests[0]) } },
  ];
  for (const contender of contenders) await warmUp(load, contender);

  const addonLoop = await startAddonLoop(context, modelFile, expectedFile);
  verify(addonName, addonLoop.ready.predictions);
  const pythonLoop = await startPythonLoop(context, modelFile, expectedFile);
  const hasPython = !('skipped' in pythonLoop);
  if (hasPython) verify('Python', pythonLoop.ready.predictions);

  return {
    steps: [
      ...(options.quick ? quickConnections : connections).flatMap((count) =>
        contenders.map((contender) => loadStep(load, contender, count, options.duration)),
      ),
      ...(options.quick ? quickRows : batchRows).flatMap((rows) => [
        ...(hasPython ? pythonSteps(pythonLoop, rows, options.duration) : []),
        loopStep(addonName, addonLoop, 'frozen', rows, options.duration),
      ]),
    ],
    versions: {
      LibTorch: sconce.libtorch,
      Fastify: packageVersion('fastify'),
      ...(hasPython && { "Python's torch": pythonLoop.ready.version }),
    },
    notes: [
      `The model runs on \`${options.device}\`.`,
      `Answers agree with \`${expectedFile}\` to ${tolerance.toExponential()}; the echo's are Sconce's, byte for byte.`,
    ],
    skipped: hasPython ? [] : [`the loop in Python: ${pythonLoop.skipped}`],
  };
}

function pythonSteps(loop, rows, seconds) {
  return [
    loopStep(frozenName, loop, 'frozen', rows, seconds),
    loopStep(plainName, loop, 'plain', rows, seconds),
  ];
}
