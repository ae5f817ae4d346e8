import { mkdirSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { findTorchServe, startTorchServe, torchServeVersion } from '../../compat/torchserve.mjs';
import { root } from '../../lib/root.mjs';
import { SetupError } from '../../lib/setup-error.mjs';
import { ask } from '../lib/answers.mjs';
import { findPython } from '../lib/test-python.mjs';

const loadTimeout = 120_000;

/**
 * What TorchServe is to serve, and how. Of `workers`, `batchSize` and `maxBatchDelay` (milliseconds)
 * it takes its own default where nothing is said.
 *
 * @typedef {object} TorchServeWanted
 * @property {{ name: string, archive: string }[]} models version 1.0, archives of one folder
 * @property {number} [workers] of each model
 * @property {number} [batchSize]
 * @property {number} [maxBatchDelay]
 * @property {string[]} [packages] that the handlers need
 * @property {{ body: Buffer, headers: Record<string, string> }} request that every model must answer
 *
 * @typedef {import('../lib/server.mjs').Server & { close: () => Promise<void>,
 *   startMilliseconds: number }} TorchServe until the last model's first answer
 */

/**
 * TorchServe with its models loaded, or the reason why there is none.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {TorchServeWanted} wanted
 * @returns {Promise<TorchServe | { skipped: string }>}
 */
export async function startTorchServeWith({ children }, wanted) {
  const { models, packages = [], request } = wanted;
  const found = await findPython(['torch', 'ts', ...packages]);
  if ('skipped' in found) return found;
  const installation = findTorchServe(found.python);
  if ('missing' in installation) return { skipped: `it needs ${installation.missing}` };
  const writeStore = async (folder) => {
    const store = join(folder, 'store');
    mkdirSync(store);
    const archives = new Set(models.map(({ archive }) => archive));
    for (const archive of archives) symlinkSync(archive, join(store, basename(archive)));
    return { store, elsewhere: folder };
  };
  const { propertiesText } = await import(
    pathToFileURL(join(root, 'dist/test/compat/properties.js')).href
  );
  const scenario = { name: 'bench', settings: settingsOf(wanted), cases: [] };
  const begin = performance.now();
  const server = await startTorchServe(installation, scenario, { propertiesText, writeStore });
  children.adopt(server.close);
  const { host, port } = server.endpoints.inference;
  const url = `http://${host}:${port}`;
  try {
    for (const { name } of models) await untilLoaded(`${url}/predictions/${name}`, request);
  } catch (error) {
    await server.close();
    const reason = error instanceof SetupError ? error.message : 'it does not answer';
    return { skipped: `it did not load: ${reason}` };
  }
  const startMilliseconds = performance.now() - begin;
  const { pid, close } = server;
  return { pid, url, output: '', assertAlive: () => assertAlive(pid), close, startMilliseconds };
}

function settingsOf({ models, workers, batchSize, maxBatchDelay }) {
  const ofModel = {
    ...(workers !== undefined && { minWorkers: workers, maxWorkers: workers }),
    ...(batchSize !== undefined && { batchSize }),
    ...(maxBatchDelay !== undefined && { maxBatchDelay }),
  };
  const entries = models.map(({ name }) => [name, { '1.0': ofModel }]);
  return {
    load_models: models.map(({ name, archive }) => `${name}=${basename(archive)}`).join(','),
    job_queue_size: '1000',
    ...(workers !== undefined && { default_workers_per_model: String(workers) }),
    // TorchServe ignores the others at the top level.
    ...(Object.keys(ofModel).length > 0 && { models: JSON.stringify(Object.fromEntries(entries)) }),
  };
}

/**
 * Ways to run TorchServe that its documentation advises on CPUs: one worker for each core, and batches
 * that do not wait for long.
 */
export const torchServeTunings = [
  { batchSize: 1 },
  { batchSize: 8, maxBatchDelay: 5 },
  { batchSize: 32, maxBatchDelay: 10 },
].map((batch) => ({ workers: availableParallelism(), ...batch }));

/**
 * A tuning in words.
 *
 * @typedef {Pick<TorchServeWanted, 'workers' | 'batchSize' | 'maxBatchDelay'>} Tuning
 * @param {Tuning} tuning
 */
export function describeTuning({ workers, batchSize, maxBatchDelay }) {
  const wait = maxBatchDelay === undefined ? '' : `, max_batch_delay=${maxBatchDelay}`;
  return `${workers} worker${workers === 1 ? '' : 's'}, batch_size=${batchSize}${wait}`;
}

/**
 * TorchServe as it is fastest: started with each tuning in turn, of which the best is kept.
 *
 * @template {{ throughput: number }} Look
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {TorchServeWanted} wanted its tuning is not looked at
 * @param {(server: TorchServe) => Promise<Look>} look short load, requests per second; throws when the
 *   server answers wrongly
 * @param {Pick<TorchServeWanted, 'workers' | 'batchSize' | 'maxBatchDelay'>[]} [tunings]
 * @returns {Promise<{ server: TorchServe, tuning: string, settings: Tuning, look: Look, tried: { tuning: string, look: Look }[] }
 *   | { skipped: string }>}
 */
export async function startTunedTorchServe(context, wanted, look, tunings = torchServeTunings) {
  const tried = [];
  let best;
  for (const settings of tunings) {
    const server = await startTorchServeWith(context, { ...wanted, ...settings });
    if ('skipped' in server) return server;
    const tuning = describeTuning(settings);
    console.log(`  TorchServe, ${tuning}`);
    const candidate = { server, tuning, settings, look: await look(server) };
    tried.push({ tuning, look: candidate.look });
    const isBetter = best === undefined || candidate.look.throughput > best.look.throughput;
    await (isBetter ? best : candidate)?.server.close();
    if (isBetter) best = candidate;
  }
  return { ...best, tried };
}

/** A server that has opened its port may still be loading. */
async function untilLoaded(url, request) {
  const deadline = performance.now() + loadTimeout;
  for (;;) {
    try {
      await ask(url, request);
      return;
    } catch (error) {
      if (!(error instanceof SetupError) || performance.now() > deadline) throw error;
    }
    await delay(20);
  }
}

function assertAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    throw new SetupError('TorchServe ended while it was measured.');
  }
}

/** For the table of versions. */
export const torchServeVersions = { TorchServe: torchServeVersion };
