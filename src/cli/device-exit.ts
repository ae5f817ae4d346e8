import { setTimeout as delay } from 'node:timers/promises';
import type { Settings } from '../config/settings.js';
import { messageOf } from '../errors.js';
import type { DeviceFailure } from '../models/device-health.js';
import type { ServerProcess } from './server-process.js';

/** What a process exits with that has lost a device: EX_TEMPFAIL of sysexits.h, try again. */
const deviceFailedExitCode = 75;

/** Seconds that what runs on other devices gets to be answered, where drainTimeout allows as many. */
const longestDrain = 5;

/**
 * When a device fails, answers what can be answered, and exits with 75; or says that the server stays,
 * as the settings have it.
 *
 * @returns whether the process is about to exit for that
 */
export function exitOnDeviceFailure(settings: Settings, server: ServerProcess): () => boolean {
  let isLeaving = false;
  server.service.onDeviceFailure((failure) => {
    const stays = settings.onDeviceFailure === 'continue';
    // A stop that is under way ends as it was asked for.
    const leaves = !stays && !isLeaving && !server.stopping;
    report(failure, leaves, settings, server);
    if (!leaves) return;
    isLeaving = true;
    void leave(Math.min(settings.drainTimeout, longestDrain), server);
  });
  return () => isLeaving;
}

/** Where the log goes to files, standard error has it as well: a supervisor reads that. */
function report(
  { device, error }: DeviceFailure,
  leaves: boolean,
  { logLocation }: Settings,
  { log }: ServerProcess,
): void {
  if (leaves) log.error({ device, exitCode: deviceFailedExitCode }, error.message);
  else log.error({ device }, error.message);
  if (logLocation !== undefined) console.error(error.message);
}

async function leave(seconds: number, server: ServerProcess): Promise<void> {
  const { log } = server;
  server.refuse();
  const waiting = new AbortController();
  const isOver = delay(seconds * 1000, true, { signal: waiting.signal }).catch(() => false);
  try {
    const wasCut = await Promise.race([server.drain().then(() => false), isOver]);
    if (wasCut) log.error(`${seconds} s are over: what is in flight is given up`);
    else await server.close();
  } catch (error) {
    log.error({ err: error }, `the server could not be closed: ${messageOf(error)}`);
  }
  waiting.abort();
  process.exit(deviceFailedExitCode);
}
