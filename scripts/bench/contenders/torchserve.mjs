import { mkdirSync, symlinkSync } from 'node:fs';
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
 * TorchServe with one model and one worker, or the reason why there is none.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {object} wanted
 * @param {string} wanted.model name of the model
 * @param {string} wanted.archive path
 * @param {number} wanted.batchSize
 * @param {number} wanted.maxBatchDelay milliseconds
 * @param {string[]} [wanted.packages] that its handler needs
 * @param {{ body: Buffer, headers: Record<string, string> }} wanted.request that it must answer
 * @returns {Promise<import('../lib/server.mjs').Server | { skipped: string }>}
 */
export async function startTorchServeWith({ children }, wanted) {
  const { model, archive, batchSize, maxBatchDelay, packages = [], request } = wanted;
  const found = await findPython(['torch', 'ts', ...packages]);
  if ('skipped' in found) return found;
  const installation = findTorchServe(found.python);
  if ('missing' in installation) return { skipped: `it needs ${installation.missing}` };
  const file = basename(archive);
  const settings = {
    load_models: `${model}=${file}`,
    default_workers_per_model: '1',
    job_queue_size: '1000',
    // TorchServe ignores both at the top level.
    models: JSON.stringify({ [model]: { '1.0': { batchSize, maxBatchDelay } } }),
  };
  const writeStore = async (folder) => {
    const store = join(folder, 'store');
    mkdirSync(store);
    symlinkSync(archive, join(store, file));
    return { store, elsewhere: folder };
  };
  const { propertiesText } = await import(
    pathToFileURL(join(root, 'dist/test/compat/properties.js')).href
  );
  const scenario = { name: 'bench', settings, cases: [] };
  const server = await startTorchServe(installation, scenario, { propertiesText, writeStore });
  children.adopt(server.close);
  const { host, port } = server.endpoints.inference;
  const url = `http://${host}:${port}`;
  await untilLoaded(`${url}/predictions/${model}`, request);
  return { pid: server.pid, url, output: '', assertAlive: () => assertAlive(server.pid) };
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
    await delay(200);
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
