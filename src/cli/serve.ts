import { availableParallelism } from 'node:os';
import type { Profile, ResolvedSettings } from '../config/resolve.js';
import type { Settings } from '../config/settings.js';
import { inWords, SconceError } from '../errors.js';
import type { ServerAddresses } from '../http/server.js';
import type { StartedModels } from '../models/startup.js';
import { addon } from '../native/binding.js';
import { configurationLines } from './configuration-lines.js';
import { becomeStoppable } from './daemon.js';
import { exitOnDeviceFailure } from './device-exit.js';
import { exampleRequest } from './example-request.js';
import { ServerProcess } from './server-process.js';
import {
  printConfiguration,
  printFailure,
  printModel,
  printNothing,
  printStarted,
} from './start-report.js';
import { resolveStart } from './start-settings.js';
import { closeOnSignal } from './stop-signals.js';

export interface ServeMode {
  profile: Profile;
  /** Whether `stop` finds this server. */
  stoppable: boolean;
  /** Whether another command has started it and waits for the ports. */
  background: boolean;
}

/**
 * `sconce serve`: opens the ports, loads the models, and stays until a signal comes.
 *
 * @param options what the command line says
 * @throws {SconceError} when it cannot start; nothing is left running then.
 */
export async function serve(options: Record<string, unknown>, mode: ServeMode): Promise<void> {
  outliveReaders();
  const resolved = resolveStart(options, mode.profile);
  const { settings } = resolved;
  const { profile } = mode;
  const cores = availableParallelism();
  const server = await ServerProcess.create({
    resolved,
    profile,
    cores,
    workingFolder: process.cwd(),
  });
  const isLeaving = exitOnDeviceFailure(settings, server);
  closeOnSignal(settings, server, isLeaving);
  try {
    if (mode.background) stopWithStarter();
    if (mode.stoppable) becomeStoppable(profile);
    printConfiguration(resolved, cores);
    const addresses = await server.listen();
    if (server.stopping) return;
    if (profile === 'torchserve') logConfiguration(resolved, cores, server);
    printStarted(addresses, server.keyFile);
    if (mode.background) releaseStarter();
    const started = await server.registerModels();
    await Promise.allSettled(started.versions.map((version) => version.loaded));
    if (server.stopping) return;
    // TorchServe serves on: a model can still be registered.
    if (profile === 'sconce') refuseToServeNothing(started);
    await report(settings, addresses, started, server.keyFile);
  } catch (error) {
    // What a stop has cut short is no failure; the process exits when the stop is done.
    if (server.stopping) return;
    await server.close();
    throw error;
  }
}

/** Not before the ports are open: what keeps them shut is then all that is said. */
function logConfiguration(resolved: ResolvedSettings, cores: number, { log }: ServerProcess): void {
  const machine = { cores, gpus: addon().cudaDeviceCount(), workingFolder: process.cwd() };
  for (const line of configurationLines(resolved, machine)) log.info(line);
}

/** Whoever started the server may close the pipe that it prints to: that must not end it. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** A start that is given up leaves no server behind. */
function stopWithStarter(): void {
  if (process.connected) process.once('disconnect', stopMyself);
  else stopMyself();
}

function stopMyself(): void {
  process.kill(process.pid, 'SIGTERM');
}

function releaseStarter(): void {
  process.off('disconnect', stopMyself);
  process.send?.('listening', undefined, undefined, () => {
    if (process.connected) process.disconnect();
  });
}

/** @throws {SconceError} INVALID_CONFIGURATION when models were named and none of them is served. */
function refuseToServeNothing({ versions, failures }: StartedModels): void {
  const reasons = [...failures, ...versions.flatMap(({ failure }) => failure ?? [])];
  if (reasons.length === 0 || versions.some(({ failure }) => failure === undefined)) return;
  const messages = reasons.map(inWords).join('\n');
  // The log is written asynchronously, and may be silent: the reasons are said here as well.
  throw new SconceError('INVALID_CONFIGURATION', `No model could be loaded.\n${messages}`);
}

/** Prints what is served now. */
async function report(
  settings: Settings,
  addresses: ServerAddresses,
  { versions, failures }: StartedModels,
  keyFile: string | undefined,
): Promise<void> {
  for (const version of versions) printModel(version);
  for (const failure of failures) printFailure(failure);
  const served = versions.filter(({ failure }) => failure === undefined);
  if (served.length === 0) printNothing(settings, versions.length + failures.length);
  const ready = served.find(({ state }) => state === 'ready');
  if (ready === undefined) return;
  console.log(await exampleRequest(addresses.inference, ready, keyFile));
}
