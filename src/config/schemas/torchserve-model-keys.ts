import { type TSchemaOptions, Type } from 'typebox';

const groups = 'a Python worker is one process';
const sequences = 'sequences of requests are not served yet';
const streams = 'replies are not streamed yet';

const count = (maximum: number, description: string, more: TSchemaOptions = {}) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, description, ...more }));

const milliseconds = (description: string, more: TSchemaOptions = {}) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647, description, ...more }));

const toggle = (description: string, more: TSchemaOptions = {}) =>
  Type.Optional(Type.Boolean({ description, ...more }));

/** What only Python handlers read: any value. */
const handlers = () => Type.Optional(Type.Unknown({ description: 'Read by Python handlers.' }));

/**
 * Keys of TorchServe's model-config.yaml. Of `atLeastOne` TorchServe takes 1 for what is less;
 * `unused` says why a key has no effect here.
 */
export const torchserveModelKeys = {
  minWorkers: count(256, 'Fewest instances; only together with `maxWorkers`.', {
    atLeastOne: true,
  }),
  maxWorkers: count(256, 'Most instances, not below `minWorkers`.'),
  batchSize: count(65_536, 'Most rows in a batch.', { atLeastOne: true }),
  maxBatchDelay: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 3_600_000,
      description: 'Most milliseconds that a batch waits for more requests, under `legacy`.',
    }),
  ),
  responseTimeout: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, maximum: 86_400, description: 'Seconds to an answer.' }),
  ),
  startupTimeout: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 86_400,
      description: 'Seconds that it may take to load.',
    }),
  ),
  jobQueueSize: count(1_000_000, 'Most requests that wait.'),
  clientTimeoutInMills: milliseconds(
    'Milliseconds that a request may wait before it runs; 0 for no limit.',
  ),
  useJobTicket: toggle('Refuse a request at once when no instance is idle.'),
  maxRetryTimeoutInSec: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 86_400,
      description: 'Seconds that a version whose load failed still counts as healthy.',
    }),
  ),
  deviceType: Type.Optional(
    Type.Enum(['cpu', 'gpu'], { description: '`gpu` runs on the CPU where there is no GPU.' }),
  ),
  deviceIds: Type.Optional(
    Type.Array(Type.Integer({ minimum: 0, maximum: 1023 }), {
      maxItems: 1024,
      description: 'GPUs that its instances are dealt out to.',
    }),
  ),
  parallelType: Type.Optional(
    Type.Enum(['pp', 'tp', 'pptp', 'custom'], {
      description: 'How a model is divided among processes.',
      unused: groups,
    }),
  ),
  parallelLevel: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1024,
      description: 'Processes of one worker.',
      unused: groups,
    }),
  ),
  torchrun: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: 'How those processes are started.',
      unused: groups,
    }),
  ),
  useVenv: toggle(
    'Install what `requirementsFile` lists into a virtual environment of its own; only with `install_py_dep_per_model`.',
  ),
  continuousBatching: toggle('Refill a batch while it runs.', { unused: streams }),
  asyncCommunication: toggle('Hand requests over while others run.', { unused: streams }),
  sequenceBatching: toggle('Keep the requests of a sequence on one worker.', {
    unused: sequences,
  }),
  sequenceMaxIdleMSec: milliseconds('Milliseconds after which an idle sequence ends.', {
    unused: sequences,
  }),
  sequenceTimeoutMSec: milliseconds('Milliseconds after which a sequence ends.', {
    unused: sequences,
  }),
  maxSequenceJobQueueSize: count(1_000_000, 'Most requests of a sequence that wait.', {
    unused: sequences,
  }),
  maxNumSequence: count(1_000_000, 'Most sequences at a time.', { unused: sequences }),
  handler: Type.Optional(Type.Unknown({ description: "The handler's own values." })),
  pt2: handlers(),
  micro_batching: handlers(),
  deepspeed: handlers(),
  pippy: handlers(),
  tensor_parallel: handlers(),
  vllm_engine_config: handlers(),
};
