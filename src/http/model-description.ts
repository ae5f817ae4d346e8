import { type Static, Type } from 'typebox';
import type { ModelVersion } from '../models/model-version.js';

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
  startupTimeout: Type.Integer(),
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
  /** Ours: what TorchServe has no word for. */
  sconce: Type.Object({
    state: Type.String(),
    failure: Type.Optional(Type.String()),
    inputs: Type.Optional(Type.String()),
    returns: Type.Optional(Type.String()),
    intraOpThreads: Type.Integer(),
    parameterBytes: Type.Optional(Type.Integer()),
  }),
});

export type ModelDescription = Static<typeof modelDescriptionSchema>;

/** TorchServe numbers its workers from this port on. */
const firstWorkerId = 9000;

/** A version as the management API describes it. An instance is what TorchServe calls a worker. */
export function describeVersion(version: ModelVersion): ModelDescription {
  const { options, state, failure, description, inputs, queued } = version;
  const gpu = options.device.startsWith('cuda');
  const deviceId = Number(options.device.split(':')[1] ?? 0);
  return {
    modelName: version.name,
    modelVersion: version.version,
    modelUrl: options.source.url,
    runtime: 'python',
    minWorkers: options.instances,
    maxWorkers: options.instances,
    batchSize: options.batchSize,
    maxBatchDelay: 0,
    responseTimeout: options.responseTimeout,
    startupTimeout: 120,
    maxRetryTimeoutInSec: 300,
    clientTimeoutInMills: 0,
    parallelType: '',
    parallelLevel: 0,
    deviceType: gpu ? 'gpu' : 'cpu',
    ...(gpu ? { deviceIds: [deviceId] } : {}),
    continuousBatching: false,
    useJobTicket: false,
    useVenv: false,
    stateful: false,
    sequenceMaxIdleMSec: 0,
    sequenceTimeoutMSec: 0,
    maxNumSequence: 0,
    maxSequenceJobQueueSize: 0,
    loadedAtStartup: true,
    workers: Array.from({ length: options.instances }, (_, i) => ({
      id: String(firstWorkerId + i),
      startTime: version.startTime.toISOString(),
      status: state === 'ready' ? 'READY' : 'UNLOADING',
      memoryUsage: process.memoryUsage.rss(),
      pid: process.pid,
      gpu,
      gpuUsage: 'N/A',
    })),
    jobQueueStatus: {
      remainingCapacity: Math.max(0, options.jobQueueSize - queued),
      pendingRequests: queued,
    },
    sconce: {
      state,
      ...(failure === undefined ? {} : { failure: failure.message }),
      ...(inputs === undefined ? {} : { inputs }),
      ...(description === undefined
        ? {}
        : { returns: description.returns, parameterBytes: description.parameterBytes }),
      intraOpThreads: options.intraOpThreads,
    },
  };
}
