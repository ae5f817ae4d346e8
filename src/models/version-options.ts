import { type ApiOptions, modelEntry, resolveModelOptions } from '../config/model-options.js';
import type { Settings } from '../config/settings.js';
import type { Precision } from '../native/addon.js';
import { resolveDevice } from './device.js';
import type { ModelSource } from './model-source.js';

/** Between how many instances a version has. */
export interface WorkerRange {
  minWorkers: number;
  maxWorkers: number;
}

/** Everything about a version that is settled when it is registered. */
export interface VersionOptions {
  workers: WorkerRange;
  device: string;
  /** Threads inside an operation that were asked for; 0 divides the cores. */
  intraOpThreads: number;
  freeze: boolean;
  precision: Precision;
  batchSize: number;
  /** Milliseconds; as the management API shows it. */
  maxBatchDelay: number;
  /** Milliseconds that a batch waits for more rows although an instance is idle. */
  batchDelay: number;
  jobQueueSize: number;
  /** Seconds. */
  responseTimeout: number;
  /** Seconds. */
  startupTimeout: number;
  /** Seconds that a version whose load failed still counts as healthy. */
  maxRetryTimeout: number;
  /** Milliseconds; 0 for none. */
  clientTimeout: number;
  useJobTicket: boolean;
  autoscale: boolean;
  warmUp: boolean;
  /** Where each value comes from, in words for people: `API`, `model-config.yaml`. */
  origins: Record<string, string>;
}

/** Rows in a batch of an archive that TorchServe would run one by one. */
const batchSizeOfArchives = 1;
const batchSizeOfFiles = 32;

/**
 * The options of a version, from wherever they are said.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for a device that is not there.
 */
export function versionOptions(
  source: ModelSource,
  api: ApiOptions,
  settings: Settings,
  atStartup: boolean,
): VersionOptions {
  const { values, origins } = resolveModelOptions({
    api,
    config: source.config,
    entry: modelEntry(settings.models, source.name, source.version),
    settings,
    batchSizeByDefault: source.archived ? batchSizeOfArchives : batchSizeOfFiles,
    atStartup,
  });
  const { minWorkers, maxWorkers, batchPolicy, device, deviceIds, ...others } = values;
  return {
    ...others,
    origins: Object.fromEntries(origins),
    workers: { minWorkers, maxWorkers },
    device: resolveDevice(device, { ids: deviceIds, mostGpus: settings.numberOfGpu }),
    batchDelay: batchPolicy === 'legacy' && values.batchSize > 1 ? values.maxBatchDelay : 0,
  };
}
