import {
  failure,
  internalError,
  json,
  type Operation,
  object,
  type Parameter,
  type PathItem,
  type Paths,
  pathParameter,
  queryParameter,
  type Schema,
  status,
  value,
} from './parts.js';

const accepted = status('Accepted');
const partialSuccess = status('Partial Success');
const badRequest = failure('Bad request');
const notFound = failure('Model not found or Model version not found');

const synchronous = queryParameter(
  'synchronous',
  'Decides whether the call is synchronous or not, default: false.',
  { type: 'boolean', default: 'false' },
);

const timeout = queryParameter(
  'timeout',
  'Waiting up to the specified wait time if necessary for a worker to complete all pending requests. Use 0 to terminate backend worker process immediately. Use -1 for wait infinitely.',
  { type: 'integer', default: '-1' },
);

function integer(fallback: string): Schema {
  return { type: 'integer', default: fallback };
}

function modelName(purpose: string): Parameter {
  return pathParameter('model_name', `Name of model to ${purpose}.`);
}

function modelVersion(purpose: string): Parameter {
  return pathParameter('model_version', `Version of model to ${purpose}.`);
}

const list: Operation = {
  description: 'List registered models in TorchServe.',
  operationId: 'listModels',
  parameters: [
    queryParameter(
      'limit',
      'Use this parameter to specify the maximum number of items to return. When this value is present, TorchServe does not return more than the specified number of items, but it might return fewer. This value is optional. If you include a value, it must be between 1 and 1000, inclusive. If you do not include a value, it defaults to 100.',
      integer('100'),
    ),
    queryParameter(
      'next_page_token',
      'The token to retrieve the next set of results. TorchServe provides the token when the response from a previous call has more results than the maximum page size.',
    ),
  ],
  responses: {
    200: json(
      'OK',
      object(
        {
          nextPageToken: value(
            'string',
            'Use this parameter in a subsequent request after you receive a response with truncated results. Set it to the value of NextMarker from the truncated response you just received.',
          ),
          models: {
            type: 'array',
            items: object({
              modelName: value('string', 'Name of the model.'),
              modelUrl: value('string', 'URL of the model.'),
            }),
            description: 'A list of registered models.',
          },
        },
        ['models'],
      ),
    ),
    500: internalError,
  },
};

const register: Operation = {
  description: 'Register a new model in TorchServe.',
  operationId: 'registerModel',
  parameters: [
    queryParameter(
      'url',
      'Model archive download url, support local file or HTTP(s) protocol. For S3, consider use pre-signed url.',
      { type: 'string' },
      true,
    ),
    queryParameter(
      'model_name',
      'Name of model. This value will override modelName in MANIFEST.json if present.',
    ),
    queryParameter(
      'handler',
      'Inference handler entry-point. This value will override handler in MANIFEST.json if present.',
    ),
    queryParameter(
      'runtime',
      'Runtime for the model custom service code. This value will override runtime in MANIFEST.json if present.',
      { type: 'string', enum: ['PYTHON', 'PYTHON3', 'LSP'] },
    ),
    queryParameter('batch_size', 'Inference batch size, default: 1.', integer('1')),
    queryParameter(
      'max_batch_delay',
      'Maximum delay for batch aggregation, default: 100.',
      integer('100'),
    ),
    queryParameter(
      'response_timeout',
      'Maximum time, in seconds, the TorchServe waits for a response from the model inference code, default: 120.',
      integer('2'),
    ),
    queryParameter(
      'startup_timeout',
      'Maximum time, in seconds, the TorchServe waits for the model to startup/initialize, default: 120.',
      integer('120'),
    ),
    queryParameter('initial_workers', 'Number of initial workers, default: 0.', integer('0')),
    queryParameter(
      'synchronous',
      'Decides whether creation of worker synchronous or not, default: false.',
      { type: 'boolean', default: 'false' },
    ),
    queryParameter(
      's3_sse_kms',
      'Model mar file is S3 SSE KMS(server side encryption) enabled or not, default: false.',
      { type: 'boolean', default: 'false' },
    ),
  ],
  responses: {
    200: status('Model registered'),
    202: accepted,
    210: partialSuccess,
    400: badRequest,
    404: failure('Model not found'),
    409: failure('Model already registered'),
    500: internalError,
  },
};

const worker: Schema = object(
  {
    id: value('string', 'Worker id'),
    startTime: value('string', 'Worker start time'),
    gpu: value('boolean', 'If running on GPU'),
    status: {
      ...value('string', 'Worker status'),
      enum: ['READY', 'LOADING', 'UNLOADING'],
    },
  },
  ['id', 'startTime', 'status'],
);

/** TorchServe asks for `status` and `metrics` here, and answers neither. */
const modelState: Schema = object(
  {
    modelName: value('string', 'Name of the model.'),
    modelVersion: value('string', 'Version of the model.'),
    modelUrl: value('string', 'URL of the model.'),
    minWorkers: value('integer', 'Configured minimum number of worker.'),
    maxWorkers: value('integer', 'Configured maximum number of worker.'),
    batchSize: value('integer', 'Configured batch size.'),
    maxBatchDelay: value('integer', 'Configured maximum batch delay in ms.'),
    status: value('string', 'Overall health status of the model'),
    workers: { type: 'array', items: worker, description: 'A list of active backend workers.' },
    metrics: object({
      rejectedRequests: value('integer', 'Number requests has been rejected in last 10 minutes.'),
      waitingQueueSize: value('integer', 'Number requests waiting in the queue.'),
      requests: value('integer', 'Number requests processed in last 10 minutes.'),
    }),
    jobQueueStatus: object({
      remainingCapacity: value('integer', 'Number of new requests that can be queued.'),
      pendingRequests: value('integer', 'Number of requests waiting in the queue.'),
    }),
  },
  [
    'modelName',
    'modelVersion',
    'modelUrl',
    'minWorkers',
    'maxWorkers',
    'status',
    'workers',
    'metrics',
    'jobQueueStatus',
  ],
);

const describe = {
  description: 'Provides detailed information about the default version of a model.',
  operationId: 'describeModel',
  parameters: [modelName('describe')],
  responses: { 200: json('OK', modelState), 404: notFound, 500: internalError },
} satisfies Operation;

const workerCounts = [
  queryParameter('min_worker', 'Minimum number of worker processes.', integer('1')),
  queryParameter('max_worker', 'Maximum number of worker processes.', integer('1')),
  queryParameter('number_gpu', 'Number of GPU worker processes to create.', integer('0')),
  synchronous,
  timeout,
];

const scale = {
  description:
    'Configure number of workers for a default version of a model. This is an asynchronous call by default. Caller need to call describeModel to check if the model workers has been changed.',
  operationId: 'setAutoScale',
  parameters: [modelName('scale workers'), ...workerCounts],
  responses: {
    200: status('Model workers updated'),
    202: accepted,
    210: partialSuccess,
    400: badRequest,
    404: notFound,
    500: internalError,
  },
} satisfies Operation;

const unregister = {
  description:
    'Unregister the default version of a model from TorchServe if it is the only version available. This is an asynchronous call by default. Caller can call listModels to confirm model is unregistered.',
  operationId: 'unregisterModel',
  parameters: [modelName('unregister'), synchronous, timeout],
  responses: {
    200: status('Model unregistered'),
    202: accepted,
    404: notFound,
    408: failure('Request Timeout Error'),
    500: internalError,
  },
} satisfies Operation;

const versionOperations: PathItem = {
  get: {
    ...describe,
    description:
      'Provides detailed information about the specified version of a model.If "all" is specified as version, returns the details about all the versions of the model.',
    operationId: 'version_describeModel',
    parameters: [modelName('describe'), modelVersion('describe')],
  },
  put: {
    ...scale,
    description:
      'Configure number of workers for a specified version of a model. This is an asynchronous call by default. Caller need to call describeModel to check if the model workers has been changed.',
    operationId: 'version_setAutoScale',
    parameters: [modelName('scale workers'), modelVersion('scale workers'), ...workerCounts],
  },
  delete: {
    ...unregister,
    description:
      'Unregister the specified version of a model from TorchServe. This is an asynchronous call by default. Caller can call listModels to confirm model is unregistered',
    operationId: 'version_unregisterModel',
    parameters: [modelName('unregister'), modelVersion('unregister'), synchronous, timeout],
  },
};

const setDefault: Operation = {
  description: 'Set default version of a model',
  operationId: 'setDefault',
  parameters: [
    pathParameter('model_name', 'Name of model whose default version needs to be updated.'),
    pathParameter('model_version', 'Version of model to be set as default version for the model'),
  ],
  responses: {
    200: status('Default version successfully updated for model'),
    404: notFound,
    500: internalError,
  },
};

/** What can be done with one model. */
export const modelPaths: Paths = {
  '/models/{model_name}': { get: describe, put: scale, delete: unregister },
  '/models/{model_name}/{model_version}': versionOperations,
  '/models/{model_name}/{model_version}/set-default': { put: setDefault },
};

/** What only the management listener has. */
export const managementPaths: Paths = {
  '/models': { get: list, post: register },
  ...modelPaths,
};
