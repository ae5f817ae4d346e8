import type { ModelConfig } from './model-config.js';
import { chooseWorkers } from './model-workers.js';
import type { ModelEntry } from './schemas/models.js';
import type { SettingName } from './setting.js';
import type { Settings } from './settings.js';

/** What a call of the management API asks for. Numbers that TorchServe passes over count as none. */
export interface ApiOptions {
  batchSize?: number | undefined;
  /** Milliseconds. */
  maxBatchDelay?: number | undefined;
  initialWorkers?: number | undefined;
  /** Seconds. */
  responseTimeout?: number | undefined;
  /** Seconds. */
  startupTimeout?: number | undefined;
}

/** Every value that one version of a model is served with. */
export interface ModelOptions {
  batchSize: number;
  /** Milliseconds. */
  maxBatchDelay: number;
  batchPolicy: Settings['batchPolicy'];
  minWorkers: number;
  maxWorkers: number;
  autoscale: boolean;
  /** Seconds. */
  responseTimeout: number;
  /** Seconds. */
  startupTimeout: number;
  jobQueueSize: number;
  /** Milliseconds; 0 for none. */
  clientTimeout: number;
  /** Seconds. */
  maxRetryTimeout: number;
  useJobTicket: boolean;
  /** MiB of memory for its batches; undefined for as much as there is for all models. */
  maxMemory: number | undefined;
  /** Its share of the time of a device beside the weights of other models. */
  weight: number;
  /** `auto`, `cpu`, `cuda` or `cuda:N`. */
  device: string;
  /** GPUs to deal the instances out to when `device` is `auto`; empty for any. */
  deviceIds: readonly number[];
  freeze: boolean;
  precision: Settings['precision'];
  runOnLoop: Settings['runOnLoop'];
  cudaGraphs: Settings['cudaGraphs'];
  /** MiB on each GPU. */
  cudaGraphMemory: number;
  plan: Settings['plan'];
  /** Seconds. */
  planTime: number;
  /** Largest relative deviation of outputs. */
  tolerance: number;
  intraOpThreads: number;
  warmUp: boolean;
  /** Threads that run its handler; 0 for as many as the cores allow. */
  handlerThreads: number;
  /** MiB for each of them. */
  handlerMemory: number;
  handlerErrors: boolean;
}

export interface ModelOptionsRequest {
  api: ApiOptions;
  config: ModelConfig;
  /** What the setting `models` says; see modelEntry(). */
  entry: ModelEntry | undefined;
  settings: Settings;
  /** Of this kind of model, when nobody says. */
  batchSizeByDefault: number;
  /** Whether the model is loaded with the server, not through the management API. */
  atStartup: boolean;
}

export interface ResolvedModelOptions {
  values: ModelOptions;
  /** Where each value comes from, in words for people: `API`, `model-config.yaml`. */
  origins: Map<keyof ModelOptions, string>;
}

/** What the setting `models` says of a version, if it does. */
export function modelEntry(
  models: Settings['models'],
  name: string,
  version: string,
): ModelEntry | undefined {
  // Names come from clients: `constructor` must find nothing.
  const versions = Object.hasOwn(models, name) ? models[name] : undefined;
  return versions !== undefined && Object.hasOwn(versions, version) ? versions[version] : undefined;
}

/** Seconds within which TorchServe revives a worker. */
const retryTimeoutByDefault = 300;

/**
 * The values that a model is served with: what the management API asks for goes before
 * model-config.yaml, that before `models`, that before the settings. Workers have an order of their
 * own, which is TorchServe's.
 */
export function resolveModelOptions(request: ModelOptionsRequest): ResolvedModelOptions {
  const { api, config, entry, settings } = request;
  const origins = new Map<keyof ModelOptions, string>();
  const pick = picker(origins);
  const setting = <Name extends SettingName>(name: Name): Given<Settings[Name]> => ({
    value: settings[name],
    origin: `setting ${name}`,
  });
  const workers = chooseWorkers(request);
  const devices = devicesOf(config);
  const values: ModelOptions = {
    batchSize: pick(
      'batchSize',
      { api: positive(api.batchSize), file: config.batchSize, models: positive(entry?.batchSize) },
      settings.batchSize === undefined
        ? byDefault(request.batchSizeByDefault)
        : { value: settings.batchSize, origin: 'setting batchSize' },
    ),
    maxBatchDelay: pick(
      'maxBatchDelay',
      {
        api: notNegative(api.maxBatchDelay),
        file: config.maxBatchDelay,
        models: positive(entry?.maxBatchDelay),
      },
      setting('maxBatchDelay'),
    ),
    batchPolicy: pick('batchPolicy', { file: config.batchPolicy }, setting('batchPolicy')),
    minWorkers: pick('minWorkers', {}, { value: workers.min, origin: workers.origin }),
    maxWorkers: pick('maxWorkers', {}, { value: workers.max, origin: workers.origin }),
    autoscale: pick('autoscale', { file: config.autoscale }, setting('autoscale')),
    responseTimeout: pick(
      'responseTimeout',
      {
        api: positive(api.responseTimeout),
        file: config.responseTimeout,
        models: positive(entry?.responseTimeout),
      },
      setting('defaultResponseTimeout'),
    ),
    startupTimeout: pick(
      'startupTimeout',
      {
        // TorchServe honours 0: a load that takes any time fails.
        api: notNegative(api.startupTimeout),
        file: config.startupTimeout,
        models: positive(entry?.startupTimeout),
      },
      setting('defaultStartupTimeout'),
    ),
    jobQueueSize: pick('jobQueueSize', { file: config.jobQueueSize }, setting('jobQueueSize')),
    clientTimeout: pick('clientTimeout', { file: config.clientTimeoutInMills }, byDefault(0)),
    maxRetryTimeout: pick(
      'maxRetryTimeout',
      { file: config.maxRetryTimeoutInSec },
      byDefault(retryTimeoutByDefault),
    ),
    useJobTicket: pick('useJobTicket', { file: config.useJobTicket }, byDefault(false)),
    maxMemory: pick(
      'maxMemory',
      { file: config.maxMemory },
      byDefault<number | undefined>(undefined),
    ),
    weight: pick('weight', { file: config.weight }, byDefault(1)),
    device: pick('device', { file: devices.device }, setting('device')),
    deviceIds: pick('deviceIds', { file: devices.ids }, byDefault([])),
    freeze: pick('freeze', { file: config.freeze }, setting('freeze')),
    precision: pick('precision', { file: config.precision }, setting('precision')),
    runOnLoop: pick('runOnLoop', { file: config.runOnLoop }, setting('runOnLoop')),
    cudaGraphs: pick('cudaGraphs', { file: config.cudaGraphs }, setting('cudaGraphs')),
    cudaGraphMemory: pick(
      'cudaGraphMemory',
      { file: config.cudaGraphMemory },
      setting('cudaGraphMemory'),
    ),
    plan: pick('plan', { file: config.plan }, setting('plan')),
    planTime: pick('planTime', { file: config.planTime }, setting('planTime')),
    tolerance: pick('tolerance', { file: config.tolerance }, setting('tolerance')),
    intraOpThreads: pick(
      'intraOpThreads',
      { file: config.intraOpThreads },
      setting('intraOpThreads'),
    ),
    warmUp: pick('warmUp', { file: config.warmUp }, byDefault(true)),
    handlerThreads: pick(
      'handlerThreads',
      { file: config.handlerThreads },
      setting('handlerThreads'),
    ),
    handlerMemory: pick('handlerMemory', { file: config.handlerMemory }, setting('handlerMemory')),
    handlerErrors: pick('handlerErrors', { file: config.handlerErrors }, setting('handlerErrors')),
  };
  return { values, origins };
}

/** A value and where it comes from. */
interface Given<T> {
  value: T;
  origin: string;
}

/** Sources of one value; the highest that has it wins. */
interface Sources<T> {
  api?: T | undefined;
  file?: T | undefined;
  models?: T | undefined;
}

const precedence = [
  { source: 'api', origin: 'API' },
  { source: 'file', origin: 'model-config.yaml' },
  { source: 'models', origin: 'setting models' },
] as const;

function picker(origins: Map<keyof ModelOptions, string>) {
  return <T>(name: keyof ModelOptions, sources: Sources<T>, otherwise: Given<T>): T => {
    for (const { source, origin } of precedence) {
      const value = sources[source];
      if (value === undefined) continue;
      origins.set(name, origin);
      return value;
    }
    origins.set(name, otherwise.origin);
    return otherwise.value;
  };
}

function byDefault<T>(value: T): Given<T> {
  return { value, origin: 'default' };
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

function notNegative(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 ? value : undefined;
}

/** TorchServe's types of devices in our words. Its `gpu` means the CPU where there is no GPU. */
function devicesOf({ device, deviceType, deviceIds }: ModelConfig): {
  device?: string | undefined;
  ids?: readonly number[] | undefined;
} {
  if (device !== undefined) return { device };
  if (deviceType === 'cpu') return { device: 'cpu' };
  return { device: deviceType === 'gpu' || deviceIds ? 'auto' : undefined, ids: deviceIds };
}
