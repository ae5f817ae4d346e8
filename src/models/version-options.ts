import {
  type ApiOptions,
  type ModelOptions,
  modelEntry,
  resolveModelOptions,
} from '../config/model-options.js';
import { isSettingName, type SettingName } from '../config/setting.js';
import type { Settings } from '../config/settings.js';
import type { Precision } from '../native/addon.js';
import type { PlanWish } from '../plans/plan.js';
import { resolveDevices } from './device.js';
import type { ModelSource } from './model-source.js';
import { requirePrecision } from './precision.js';
import { processDevices } from './process/gpu-ids.js';

/** Between how many instances a version has. */
export interface WorkerRange {
  minWorkers: number;
  maxWorkers: number;
}

/** Everything about a version that is settled when it is registered. */
export interface VersionOptions {
  workers: WorkerRange;
  /** `cpu`, or GPUs: its instances are dealt out to them, to the first one first. */
  devices: readonly string[];
  /** True where nobody has named them: which is the first depends on the other models. */
  inTurn: boolean;
  /** How bodies wrap the input. */
  envelope: string | undefined;
  /** Threads inside an operation that were asked for; 0 divides the cores. */
  intraOpThreads: number;
  freeze: boolean;
  precision: Precision;
  cudaGraphs: Settings['cudaGraphs'];
  /** MiB on each GPU. */
  cudaGraphMemory: number;
  runOnLoop: Settings['runOnLoop'];
  plan: Settings['plan'];
  /** Seconds. */
  planTime: number;
  tolerance: number;
  /** What a plan may not decide: somebody has said it. */
  planFixed: PlanWish['fixed'];
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
  /** MiB of memory for its batches; undefined for as much as there is for all models. */
  maxMemory: number | undefined;
  /** Its share of the time of a device beside the weights of other models. */
  weight: number;
  autoscale: boolean;
  warmUp: boolean;
  handlerThreads: number;
  /** MiB of each thread of a handler. */
  handlerMemory: number;
  handlerErrors: boolean;
  limitMaxImagePixels: boolean;
  /** Where each value comes from, in words for people: `API`, `model-config.yaml`. */
  origins: Record<string, string>;
}

/** Rows in a batch of an archive that TorchServe would run one by one. */
const batchSizeOfArchives = 1;
const batchSizeOfFiles = 32;

/**
 * The options of a version, from wherever they are said.
 *
 * @param isGiven whether somebody has said a setting, which has its default else
 * @param inProcesses whether Python runs it, which finds its devices itself
 * @throws {SconceError} INVALID_CONFIGURATION for a device that is not there, or a precision that it
 *   does not know.
 */
export function versionOptions(
  source: ModelSource,
  api: ApiOptions,
  settings: Settings,
  atStartup: boolean,
  inProcesses = false,
  isGiven: (setting: SettingName) => boolean = () => true,
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
  const limits = { ids: deviceIds, mostGpus: settings.numberOfGpu };
  const placed = inProcesses ? processDevices(device, limits) : resolveDevices(device, limits);
  if (!inProcesses) requirePrecision(values.precision, placed.devices);
  return {
    ...others,
    origins: Object.fromEntries(origins),
    workers: { minWorkers, maxWorkers },
    planFixed: fixedForPlans(values, origins, isGiven),
    limitMaxImagePixels: settings.limitMaxImagePixels,
    ...placed,
    envelope: settings.serviceEnvelope ?? source.envelope,
    batchDelay: batchPolicy === 'legacy' && values.batchSize > 1 ? values.maxBatchDelay : 0,
  };
}

/** What somebody has said, wherever, is not for a plan to decide. */
function fixedForPlans(
  { minWorkers, maxWorkers, autoscale, cudaGraphs, intraOpThreads }: ModelOptions,
  origins: ReadonlyMap<keyof ModelOptions, string>,
  isGiven: (setting: SettingName) => boolean,
): PlanWish['fixed'] {
  const isSaid = (option: keyof ModelOptions): boolean => {
    const [, setting] = /^setting (\w+)$/.exec(origins.get(option) ?? '') ?? [];
    if (setting === undefined) return origins.get(option) !== 'default';
    return !isSettingName(setting) || isGiven(setting);
  };
  return {
    freeze: isSaid('freeze'),
    precision: isSaid('precision'),
    graphs: cudaGraphs !== 'auto',
    instances: autoscale || minWorkers !== maxWorkers || isSaid('minWorkers'),
    // 0 divides the cores, whoever says it.
    intraOpThreads: intraOpThreads > 0,
  };
}
