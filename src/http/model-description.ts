import { type Static, Type } from 'typebox';
import type { ModelVersion } from '../models/model-version.js';
import { planRecordSchema } from '../plans/plan-record.js';

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
  }),
});

export type ModelDescription = Static<typeof modelDescriptionSchema>;

/**
 * A version as the management API describes it. An instance is what TorchServe calls a worker.
 *
 * @param customizedMetadata what the handler says, when it was asked
 */
export function describeVersion(
  version: ModelVersion,
  customizedMetadata?: Record<string, unknown>,
): ModelDescription {
  const { options, source, state, failure, description, inputs, queued, plan } = version;
  const gpu = options.device.startsWith('cuda');
  const { gpuIds: ownGpus } = options;
  const deviceId = Number(options.device.split(':')[1] ?? 0);
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
    deviceType: gpu ? 'gpu' : 'cpu',
    ...(gpu ? { deviceIds: ownGpus.length > 0 ? [...ownGpus] : [deviceId] } : {}),
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
      gpu,
      gpuUsage: 'N/A',
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
