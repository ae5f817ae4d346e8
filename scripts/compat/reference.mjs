import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Children } from '../bench/lib/children.mjs';
import { startServer } from '../bench/lib/server.mjs';
import { percentile } from '../bench/lib/statistics.mjs';
import { root } from '../lib/root.mjs';
import { SetupError } from '../lib/setup-error.mjs';
import { startTorchServe } from './torchserve.mjs';

/**
 * The reference case: a client alone, an archive that both servers read, and
 * `batch_size=32, max_batch_delay=100`.
 */
const settings = {
  load_models: 'alpha_model=alpha_model.mar',
  default_workers_per_model: '1',
  job_queue_size: '100',
  batch_size: '32',
  max_batch_delay: '100',
  // TorchServe ignores the two at the top level.
  models: JSON.stringify({ alpha_model: { '1.0': { batchSize: 32, maxBatchDelay: 100 } } }),
};

const rounds = 5;

/** TorchServe takes a tenth of a second for each. */
const requests = { TorchServe: 20, Sconce: 400 };

const example = (name) => join(root, 'examples/alpha_model', name);

/**
 * Measures both servers in turn and prints the time of one request.
 *
 * @param {{python: string, java: string, home: string}} torchServe
 * @param {object} suite the compiled parts of test/compat
 */
export async function compareReference(torchServe, suite) {
  const folder = mkdtempSync(join(tmpdir(), 'sconce-reference-'));
  const children = new Children();
  const scenario = { name: 'reference', settings, cases: [] };
  let theirs;
  try {
    theirs = await startTorchServe(torchServe, scenario, { ...suite, writeStore });
    const ours = await startSconce(children, scenario, folder, suite);
    const { host, port } = theirs.endpoints.inference;
    await measure({ TorchServe: `http://${host}:${port}`, Sconce: ours.url });
  } finally {
    await theirs?.close();
    await children.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One archive for both: TorchServe runs its tensor.py, Sconce the handler of that name. */
async function writeStore(folder) {
  const { writeArchive } = await import(
    pathToFileURL(join(root, 'dist/src/archive/write.js')).href
  );
  const store = join(folder, 'store');
  mkdirSync(store);
  await writeArchive({
    modelName: 'alpha_model',
    version: '1.0',
    serializedFile: example('model.pt'),
    configFile: example('model-config.yaml'),
    extraFiles: join(root, 'test/compat/archives/tensor.py'),
    handler: 'tensor',
    exportPath: store,
  });
  return { store, elsewhere: folder };
}

async function startSconce(children, scenario, folder, { propertiesText }) {
  const { store } = await writeStore(folder);
  const anyPort = 'http://127.0.0.1:0';
  const addresses = {
    inference_address: anyPort,
    management_address: anyPort,
    metrics_address: anyPort,
    model_store: store,
  };
  writeFileSync(join(folder, 'config.properties'), propertiesText(scenario, addresses));
  return startServer(children, {
    name: 'Sconce',
    command: process.execPath,
    args: [
      join(root, 'dist/src/cli/torchserve.js'),
      ...['--foreground', '--ts-config', join(folder, 'config.properties')],
    ],
    ready: /Inference: +(http:\/\/[^/\s]+)\//,
    options: { cwd: folder, env: { ...process.env, TMPDIR: folder } },
  });
}

async function measure(urls) {
  const features = JSON.parse(readFileSync(example('request.json'), 'utf8')).features;
  // The form that the handler of both takes: a row without a name.
  const body = JSON.stringify(features);
  const times = Object.fromEntries(Object.keys(urls).map((name) => [name, []]));
  const agents = Object.fromEntries(
    Object.keys(urls).map((name) => [name, new Agent({ keepAlive: true, maxSockets: 1 })]),
  );
  const answers = {};
  for (const name of Object.keys(urls))
    answers[name] = await firstAnswer(urls[name], body, agents[name]);
  assertAlike(answers);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of Object.keys(urls)) {
      for (let i = 0; i < requests[name]; i += 1) {
        const since = performance.now();
        const { status } = await send(urls[name], body, agents[name]);
        if (status !== 200) throw new SetupError(`${name} answered ${status}.`);
        times[name].push(performance.now() - since);
      }
    }
  }
  for (const agent of Object.values(agents)) agent.destroy();
  console.log('A client alone, batch_size=32, max_batch_delay=100, milliseconds for an answer:');
  for (const [name, list] of Object.entries(times)) {
    list.sort((a, b) => a - b);
    const [p50, p99] = [0.5, 0.99].map((share) => percentile(list, share).toFixed(2));
    console.log(`  ${name.padEnd(10)}  p50 ${p50}  p99 ${p99}  (${list.length} requests)`);
  }
}

/** A server that has opened its port may still be loading. */
async function firstAnswer(url, body, agent) {
  for (let attempt = 0; ; attempt += 1) {
    const reply = await send(url, body, agent);
    if (reply.status === 200) return JSON.parse(reply.text);
    if (attempt === 100) throw new SetupError(`${url} answers ${reply.status}: ${reply.text}`);
  }
}

function assertAlike({ TorchServe, Sconce }) {
  const theirs = [TorchServe].flat()[0];
  const ours = [Sconce.prediction ?? Sconce].flat()[0];
  if (Math.abs(theirs - ours) > 1e-5) {
    throw new SetupError(`The answers differ: ${theirs} and ${ours}.`);
  }
}

function send(url, body, agent) {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/predictions/alpha_model`,
      { method: 'POST', agent, headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, text }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
