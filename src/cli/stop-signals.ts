import { setTimeout as delay } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { Settings } from '../config/settings.js';
import { abandonBatches } from '../native/runtime.js';
import type { ServerProcess } from './server-process.js';

/** Signals that ask a process to stop. */
export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Milliseconds within which a second signal is the first one's echo: npm passes on what a terminal
 * has sent to both.
 */
const signalEcho = 500;

/** Milliseconds that connections without a request stay open when the server stops. */
const lingering = 250;

/**
 * Answers what is in flight, refuses what is new, exits 0; after drainTimeout it gives up: 1.
 *
 * @param isLeaving whether the process is about to exit for a reason of its own, which the first
 *   signal changes nothing about
 */
export function closeOnSignal(
  settings: Settings,
  server: ServerProcess,
  isLeaving: () => boolean,
): void {
  const { log } = server;
  const grace = closeWithGrace(
    {
      delay: settings.drainTimeout * 1000,
      logger: log,
      skip: [...stopSignals],
      onTimeout() {
        abandonBatches();
        log.error(
          `drain_timeout (${settings.drainTimeout} s) is over: what is in flight is given up`,
        );
      },
    },
    async ({ err }) => {
      if (err) explainEnd(err, settings, server);
      // Requests that are in the sockets already get an answer, if only a refusal, not a reset.
      server.refuse();
      await delay(lingering);
      await server.drain();
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
        if (!isLeaving()) grace.close();
      } else if (performance.now() - stoppedAt > signalEcho) {
        log.error({ signal }, 'a second signal: exiting at once');
        abandonBatches();
        process.exit(1);
      }
    });
  }
}

/** Where the log goes to files, standard error has it as well: a supervisor reads that. */
function explainEnd(error: Error, { logLocation }: Settings, { log }: ServerProcess): void {
  log.fatal(error, 'stopping after an unexpected error');
  if (logLocation !== undefined) console.error(error);
}
