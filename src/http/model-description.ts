import { type Static, Type } from 'typebox';
import type { Gpu } from '../metrics/metrics.js';
import { cudaGraphsSchema } from '../models/cuda-graphs.js';
import { gpuIndex } from '../models/device.js';
import type { ModelVersion } from '../models/model-version.js';
import { planRecordSchema } from '../plans/plan-record.js';
import { gpuUsage } from './gpu-usage.js';

/** One element of the answer to `GET /models/{model}`; the order of the fields is TorchServe's. */
export const modelDescriptionSchema = Type.Object({
  modelName: Type.String(),
  modelVersion: Type.String(),
  modelUrl: Type.String(),
  runtime: Type.String(),
  minWorkers: Type.Integer(),
  maxWorkers: Type.Integer(),
  batchSize: Type.Integer(),
  maxBatchDelay: Type.Integer(),
  responseTimeout: Type.Number(),
  startupTimeout: Type.Number(),
  maxRetryTimeoutInSec: Type.Integer(),
  clientTimeoutInMills: Type.Integer(),
  parallelType: Type.String(),
  parallelLevel: Type.Integer(),
  deviceType: Type.String(),
  deviceIds: Type.Optional(Type.Array(Type.Integer())),
  continuousBatching: Type.Boolean(),
  useJobTicket: Type.Boolean(),
  useVenv: Type.Boolean(),
  stateful: Type.Boolean(),
  sequenceMaxIdleMSec: Type.Integer(),
  sequenceTimeoutMSec: Type.Integer(),
  maxNumSequence: Type.Integer(),
  maxSequenceJobQueueSize: Type.Integer(),
  loadedAtStartup: Type.Boolean(),
  workers: Type.Array(
    Type.Object({
      id: Type.String(),
      startTime: Type.String(),
      status: Type.String(),
      memoryUsage: Type.Integer(),
      pid: Type.Integer(),
      gpu: Type.Boolean(),
      gpuUsage: Type.String(),
    }),
  ),
  jobQueueStatus: Type.Object({
    remainingCapacity: Type.Integer(),
    pendingRequests: Type.Integer(),
  }),
  customizedMetadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /** Ours: what TorchServe has no word for. */
  sconce: Type.Object({
    state: Type.String(),
    failure: Type.Optional(Type.String()),
    inputs: Type.Optional(Type.String()),
    returns: Type.Optional(Type.String()),
    handler: Type.String(),
    intraOpThreads: Type.Integer(),
    origins: Type.Record(Type.String(), Type.String(), {
      description: 'Where each value of the model comes from.',
    }),
    parameterBytes: Type.Optional(Type.Integer()),
    plan: Type.Optional(planRecordSchema),
    cudaGraphs: Type.Optional(cudaGraphsSchema),
  }),
});

export type ModelDescription = Static<typeof modelDescriptionSchema>;

/**
 * A version as the management API describes it. An instance is what TorchServe calls a worker.
 *
 * @param customizedMetadata what the handler says, when it was asked
 * @param measured the GPUs as the driver tells of them, for workers that run there
 */
export function describeVersion(
  version: ModelVersion,
  customizedMetadata?: Record<string, unknown>,
  measured: readonly Gpu[] = [],
): ModelDescription {
  const { options, source, state, failure, description, inputs, queued, plan, graphs } = version;
  const gpus = version.devices.map(gpuIndex).filter((index) => index !== null);
  return {
    modelName: version.name,
    modelVersion: version.version,
    modelUrl: source.url,
    runtime: source.runtime,
    minWorkers: version.minWorkers,
    maxWorkers: version.maxWorkers,
    batchSize: options.batchSize,
    maxBatchDelay: options.maxBatchDelay,
    responseTimeout: options.responseTimeout,
    startupTimeout: options.startupTimeout,
    maxRetryTimeoutInSec: options.maxRetryTimeout,
    clientTimeoutInMills: options.clientTimeout,
    parallelType: '',
    parallelLevel: 0,
    deviceType: gpus.length > 0 ? 'gpu' : 'cpu',
    ...(gpus.length > 0 ? { deviceIds: gpus } : {}),
    continuousBatching: false,
    useJobTicket: options.useJobTicket,
    useVenv: source.config.useVenv ?? false,
    stateful: false,
    sequenceMaxIdleMSec: 0,
    sequenceTimeoutMSec: 0,
    maxNumSequence: 0,
    maxSequenceJobQueueSize: 0,
    // TorchServe sets it only for models of a snapshot.
    loadedAtStartup: version.loadedAtStartup,
    workers: version.workers.map((worker) => ({
      id: String(worker.id),
      startTime: worker.startTime.toISOString(),
      ...describeProcess(version, worker),
      gpu: version.deviceOf(worker.id) !== 'cpu',
      gpuUsage: gpuUsage(gpuIndex(version.deviceOf(worker.id)), measured),
    })),
    jobQueueStatus: {
      remainingCapacity: Math.max(0, options.jobQueueSize - queued),
      pendingRequests: queued,
    },
    ...(customizedMetadata === undefined ? {} : { customizedMetadata }),
    sconce: {
      state,
      ...(failure === undefined ? {} : { failure: failure.message }),
      ...(inputs === undefined ? {} : { inputs }),
      handler: source.handler,
      ...(description === undefined
        ? {}
        : { returns: description.returns, parameterBytes: description.parameterBytes }),
      intraOpThreads: version.intraOpThreads,
      origins: options.origins,
      ...(plan === undefined ? {} : { plan }),
      ...(graphs === undefined ? {} : { cudaGraphs: graphs }),
    },
  };
}

/** What runs a worker: a process of its own, or a thread of this one. */
function describeProcess(
  version: ModelVersion,
  { id, loadMilliseconds }: ModelVersion['workers'][number],
): { status: string; memoryUsage: number; pid: number } {
  const own = version.processOf(id);
  if (own !== null) {
    const isRunning = own !== undefined && version.state !== 'closing';
    return {
      status: isRunning ? 'READY' : 'UNLOADING',
      memoryUsage: own?.memory ?? 0,
      pid: own?.pid ?? 0,
    };
  }
  return {
    status: version.state === 'ready' && loadMilliseconds !== undefined ? 'READY' : 'UNLOADING',
    memoryUsage: process.memoryUsage.rss(),
    pid: process.pid,
  };
}
