import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { parseSettings, type Settings, settingsSchema } from '../config/settings.js';
import { SconceError } from '../errors.js';
import { HttpServer, type ServerAddresses } from '../http/server.js';
import { createLog, type Log } from '../log.js';
import { Metrics } from '../metrics/metrics.js';
import { ModelService } from '../models/model-service.js';
import { findModels, type ModelSource } from '../models/model-source.js';
import type { ModelVersion } from '../models/model-version.js';
import { addon } from '../native/binding.js';

/**
 * `sconce serve`: opens the ports, loads the models, and stays until a signal comes.
 *
 * @throws {SconceError} when it cannot start; nothing is left running then.
 */
export async function serve(given: Record<string, unknown>): Promise<void> {
  const settings = parseSettings(given);
  const sources = findModels(settings.models, settings.modelStore);
  const log = createLog(settings.logLevel);
  const cores = availableParallelism();
  printSettings(settings, cores);

  const metrics = new Metrics();
  const service = new ModelService(settings, metrics, log, cores);
  const server = new HttpServer(settings, service, metrics, log);
  const addresses = await server.listen();
  closeOnSignal(settings, service, server, log);
  try {
    const versions = sources.map((source) => service.register(source));
    const loaded = await waitForLoads(versions);
    if (versions.length > 0 && loaded.length === 0) {
      // The log is written asynchronously, and may be silent: the reasons are said here as well.
      const reasons = versions.map(({ failure }) => failure?.message ?? '').join('\n');
      throw new SconceError('INVALID_CONFIGURATION', `No model could be loaded.\n${reasons}`);
    }
    printReady(addresses, loaded);
  } catch (error) {
    await Promise.all([server.close(), service.close()]);
    throw error;
  }
}

async function waitForLoads(versions: readonly ModelVersion[]): Promise<ModelVersion[]> {
  await Promise.allSettled(versions.map((version) => version.loaded));
  return versions.filter((version) => version.state === 'ready');
}

/** Signals that ask the server to stop. */
const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Milliseconds within which a second signal is the first one's echo: npm passes on what a terminal
 * has sent to both.
 */
const signalEcho = 500;

/** Milliseconds that connections without a request stay open when the server stops. */
const lingering = 250;

/** Answers what is in flight, refuses what is new, exits 0; after drainTimeout it gives up. */
function closeOnSignal(
  settings: Settings,
  service: ModelService,
  server: HttpServer,
  log: Log,
): void {
  const grace = closeWithGrace(
    { delay: settings.drainTimeout * 1000, logger: log, skip: [...stopSignals] },
    async ({ err }) => {
      if (err) log.fatal(err, 'stopping after an unexpected error');
      // Requests that are in the sockets already get an answer, if only a refusal, not a reset.
      await Promise.all([service.close(), delay(lingering).then(() => server.close())]);
      log.info('stopped');
    },
  );
  let stoppedAt: number | undefined;
  for (const signal of stopSignals) {
    process.on(signal, () => {
      if (stoppedAt === undefined) {
        stoppedAt = performance.now();
        log.info({ signal }, 'stopping: answering what is in flight');
        grace.close();
      } else if (performance.now() - stoppedAt > signalEcho) {
        log.error({ signal }, 'a second signal: exiting at once');
        process.exit(1);
      }
    });
  }
}

function printSettings(settings: Settings, cores: number): void {
  const native = addon();
  const values = new Map<string, unknown>(Object.entries(settings));
  const lines = Object.keys(settingsSchema.properties).map((name) => {
    const value = values.get(name);
    return `  ${name}: ${Array.isArray(value) ? value.join(', ') : String(value ?? '-')}`;
  });
  console.log(
    [
      `LibTorch ${native.libtorchVersion} (${native.cudaBuild ? `CUDA, ${native.cudaDeviceCount()} usable GPUs` : 'CPU'}), ${cores} cores`,
      'Configuration:',
      ...lines,
    ].join('\n'),
  );
}

function printReady(addresses: ServerAddresses, versions: readonly ModelVersion[]): void {
  for (const version of versions) {
    const { device, instances, intraOpThreads } = version.options;
    const threads = device === 'cpu' ? ` × ${plural(intraOpThreads, 'thread')}` : '';
    console.log(
      `Model ${version.name} ${version.version} on ${device}: ${plural(instances, 'instance')}${threads}, batches of up to ${plural(version.rowsPerBatch, 'row')}, inputs ${version.inputs}`,
    );
  }
  console.log('Model server started.');
  console.log(`Inference:  ${addresses.inference}/predictions/{model}`);
  console.log(`Management: ${addresses.management}/models`);
  console.log(`Metrics:    ${addresses.metrics}/metrics`);
  const [first] = versions;
  if (first === undefined) {
    console.log('No model is served: name some with --models name=path');
    return;
  }
  console.log(
    `curl -X POST ${addresses.inference}/predictions/${first.name} -H 'content-type: application/json' -d ${exampleBody(first.options.source)}`,
  );
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A body to try: the request.json beside the model, or a form to fill in. */
function exampleBody(source: ModelSource): string {
  const example = join(source.path, '..', 'request.json');
  if (existsSync(example)) return `'@${relative(process.cwd(), example)}'`;
  return `'{"instances": [...]}'`;
}
