import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { describeSettings, valueInWords } from '../config/describe.js';
import { type Profile, type ResolvedSettings, resolveSettings } from '../config/resolve.js';
import type { Settings } from '../config/settings.js';
import { SconceError } from '../errors.js';
import type { ServerAddresses } from '../http/server.js';
import type { ModelSource } from '../models/model-source.js';
import type { ModelVersion } from '../models/model-version.js';
import type { StartedModels } from '../models/startup.js';
import { addon } from '../native/binding.js';
import { packageVersion } from '../package-version.js';
import { newestSnapshot } from '../snapshots/snapshot-folder.js';
import { commandFlags, settingsFromFlags } from './flags.js';
import { ServerProcess } from './server-process.js';

/**
 * `sconce serve`: opens the ports, loads the models, and stays until a signal comes.
 *
 * @param options what the command line says
 * @throws {SconceError} when it cannot start; nothing is left running then.
 */
export async function serve(options: Record<string, unknown>, profile: Profile): Promise<void> {
  const resolved = resolveStart(options, profile);
  const { settings } = resolved;
  const cores = availableParallelism();
  const server = await ServerProcess.create({ settings, cores, workingFolder: process.cwd() });
  try {
    printConfiguration(resolved, cores);
    const addresses = await server.listen();
    closeOnSignal(settings, server);
    printStarted(addresses, server.keyFile);
    // Whoever has started this process in the background may go now.
    process.send?.('listening');
    if (process.connected) process.disconnect();
    const started = await server.registerModels();
    const loaded = await waitForLoads(started.versions);
    if (loaded.length === 0) explainNothing(settings, started);
    else printModels(addresses, loaded);
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** The settings of a start; with snapshots turned on the newest one is where it goes on from. */
export function resolveStart(options: Record<string, unknown>, profile: Profile): ResolvedSettings {
  const { configFile, notes } = commandFlags(options);
  const request = {
    flags: settingsFromFlags(options),
    environment: process.env,
    workingFolder: process.cwd(),
    profile,
    configFile,
  };
  let resolved = resolveSettings(request);
  if (resolved.settings.configSnapshots && configFile === undefined) {
    const snapshot = newestSnapshot(resolved.settings.logLocation);
    if (snapshot !== undefined) resolved = resolveSettings({ ...request, snapshot });
  }
  return { ...resolved, notes: [...notes, ...resolved.notes] };
}

async function waitForLoads(versions: readonly ModelVersion[]): Promise<ModelVersion[]> {
  await Promise.allSettled(versions.map((version) => version.loaded));
  return versions.filter((version) => version.state === 'ready');
}

/** The models that were named are not to be had, or none was named. */
function explainNothing(settings: Settings, { versions, failures }: StartedModels): void {
  const reasons = [
    ...failures.map(({ message }) => message),
    ...versions.flatMap(({ failure }) => failure?.message ?? []),
  ];
  if (reasons.length > 0) {
    // The log is written asynchronously, and may be silent: the reasons are said here as well.
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `No model could be loaded.\n${reasons.join('\n')}`,
    );
  }
  const advice = settings.enableModelApi ? ', or register one with POST /models' : '';
  console.log(`No model is served: name some with --models name=path${advice}`);
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
function closeOnSignal(settings: Settings, server: ServerProcess): void {
  const { log } = server;
  const grace = closeWithGrace(
    { delay: settings.drainTimeout * 1000, logger: log, skip: [...stopSignals] },
    async ({ err }) => {
      if (err) log.fatal(err, 'stopping after an unexpected error');
      // Requests that are in the sockets already get an answer, if only a refusal, not a reset.
      server.refuse();
      await delay(lingering);
      log.info('stopped');
      await server.close();
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

function printConfiguration(resolved: ResolvedSettings, cores: number): void {
  const native = addon();
  const engine = native.cudaBuild ? `CUDA, ${native.cudaDeviceCount()} usable GPUs` : 'CPU';
  const lines = describeSettings(resolved)
    .filter(({ origin }) => origin !== 'default')
    .map(({ name, value, origin }) => `  ${name}: ${valueInWords(value)} (${origin})`);
  console.log(
    [
      `Sconce ${packageVersion()}, LibTorch ${native.libtorchVersion} (${engine}), ${cores} cores`,
      'Configuration, besides defaults (`sconce config` shows everything):',
      ...lines,
      ...resolved.notes.map((note) => `Note: ${note}`),
    ].join('\n'),
  );
}

/** The ports are open; TorchServe's tools wait for the first line. */
function printStarted(addresses: ServerAddresses, keyFile: string | undefined): void {
  console.log('Model server started.');
  console.log(`Inference:  ${addresses.inference}/predictions/{model}`);
  console.log(`Management: ${addresses.management}/models`);
  if (addresses.metrics !== undefined) console.log(`Metrics:    ${addresses.metrics}/metrics`);
  if (keyFile !== undefined) console.log(`Tokens:     ${keyFile}`);
}

function printModels(addresses: ServerAddresses, versions: readonly ModelVersion[]): void {
  for (const version of versions) {
    const { device } = version.options;
    const threads = device === 'cpu' ? ` × ${plural(version.intraOpThreads, 'thread')}` : '';
    console.log(
      `Model ${version.name} ${version.version} on ${device}: ${plural(version.workers.length, 'instance')}${threads}, batches of up to ${plural(version.rowsPerBatch, 'row')}, inputs ${version.inputs}`,
    );
  }
  const [first] = versions;
  if (first === undefined) return;
  console.log(
    `curl -X POST ${addresses.inference}/predictions/${first.name} -H 'content-type: application/json' -d ${exampleBody(first.source)}`,
  );
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A body to try: the request.json beside the model, or a form to fill in. */
function exampleBody(source: ModelSource): string {
  const example = join(source.folder, 'request.json');
  if (existsSync(example)) return `'@${relative(process.cwd(), example)}'`;
  return `'{"instances": [...]}'`;
}
