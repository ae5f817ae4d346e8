import { Channel, infoLevel } from './channel.js';
import { Descriptor } from './descriptor.js';
import { jsonMessages, promptJsonLog } from './json-messages.js';
import { LineBuffer } from './line-buffer.js';
import { type LogFileName, type LogLocations, openLogFiles } from './log-files.js';
import type { Messages } from './messages.js';
import type { Rotation } from './rotating-file.js';
import { textMessages } from './text-messages.js';

/** Without a logLocation, and without the console, the log is JSON on standard error. */
export interface LoggingOptions extends LogLocations {
  /** The least level of the server's own messages, as pino names them. */
  level: string;
  /** Whether JSON has a line for each request; access_log.log always has. */
  accessLog: boolean;
  /** Whether all lines go to standard output in TorchServe's form, instead of JSON. */
  console?: boolean;
  /** When files are put aside, besides at the end of each day. */
  rotation?: Rotation;
}

/** Where everything that the server logs goes. Nothing here blocks, or throws after the start. */
export interface Logs extends Messages {
  /** False: lines of metrics would be dropped, and need not be built. */
  readonly metricsWanted: boolean;
  systemMetric(line: string): void;
  modelMetric(line: string): void;
  /** Lines that were lost so far, because a disk failed or fell behind. */
  readonly dropped: number;
  /** Resolves when everything is written, or could not be in two seconds. */
  close(): Promise<void>;
}

const defaultRotation: Rotation = { bytes: 100 * 1024 * 1024, files: 5 };

/**
 * The logs that the options ask for.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when a folder cannot be written.
 */
export async function createLogs(options: LoggingOptions): Promise<Logs> {
  const standardError = new LineBuffer(new Descriptor('standard error', 2), () => {});
  const faults = promptJsonLog(options.level, standardError);
  const report = (fault: string): void => faults.warn(fault);
  const files = await openLogFiles(options, options.rotation ?? defaultRotation, report);
  const console = options.console
    ? new LineBuffer(new Descriptor('standard output', 1), report)
    : undefined;
  const channel = (logger: string, file: LogFileName): Channel =>
    new Channel(logger, files.get(file), console);

  const asText = options.logLocation !== undefined || console !== undefined;
  const messages = asText
    ? textMessages(options.level, {
        server: channel('sconce', 'ts_log'),
        access: channel('ACCESS_LOG', 'access_log'),
        model: channel('MODEL_LOG', 'model_log'),
      })
    : jsonMessages(options.level, options.accessLog, standardError);
  const systemMetrics = channel('TS_METRICS', 'ts_metrics');
  const modelMetrics = channel('MODEL_METRICS', 'model_metrics');

  const buffers = [...files.values()].map(({ buffer }) => buffer);
  if (console !== undefined) buffers.push(console);
  const everything = [...buffers, standardError];
  const flushNow = (): void => {
    for (const buffer of everything) buffer.flushNow();
  };
  process.once('exit', flushNow);

  return {
    ...messages,
    metricsWanted: systemMetrics.wanted,
    systemMetric: (line) => systemMetrics.write(infoLevel, 'main', line),
    modelMetric: (line) => modelMetrics.write(infoLevel, 'main', line),
    get dropped() {
      return everything.reduce((sum, buffer) => sum + buffer.dropped, 0);
    },
    async close() {
      await Promise.all(buffers.map((buffer) => buffer.close()));
      // The last, because it tells what the others have lost.
      await standardError.close();
      process.off('exit', flushNow);
    },
  };
}
