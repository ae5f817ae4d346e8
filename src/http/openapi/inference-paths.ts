import {
  content,
  failure,
  internalError,
  type Operation,
  type Paths,
  pathParameter,
  type Schema,
  status,
} from './parts.js';

const bytes: Schema = { type: 'string', format: 'binary' };
const modelName = pathParameter('model_name', 'Name of model.');
const modelVersion = pathParameter('model_version', 'Name of model version.');

const predictions = {
  description: 'Predictions entry point to get inference using default model version.',
  operationId: 'predictions',
  parameters: [modelName],
  requestBody: {
    description: 'Input data format is defined by each model.',
    content: content('*/*', bytes),
    required: true,
  },
  responses: {
    200: {
      description: 'Output data format is defined by each model.',
      content: content('*/*', bytes),
    },
    404: failure('Model not found or Model Version not found'),
    500: internalError,
    503: failure('No worker is available to serve request'),
  },
} satisfies Operation;

/** What only the inference listener has. */
export const inferencePaths: Paths = {
  '/ping': {
    get: {
      description: 'Get TorchServe status.',
      operationId: 'ping',
      parameters: [],
      responses: {
        200: status('TorchServe status', 'Overall status of the TorchServe.'),
        500: internalError,
      },
    },
  },
  '/v1/models/{model_name}:predict': { post: predictions },
  '/v2/models/{model_name}/infer': { post: predictions },
  '/predictions/{model_name}': { post: predictions },
  '/predictions/{model_name}/{model_version}': {
    post: {
      ...predictions,
      description: 'Predictions entry point to get inference using specific model version.',
      operationId: 'version_predictions',
      parameters: [modelName, modelVersion],
    },
  },
};

/** The ways to one model. `/prediction` without an s is TorchServe's. */
export function predictionPaths(model: string): Paths {
  const predict: Operation = {
    description: `A predict entry point for model: ${model}.`,
    operationId: model,
    parameters: [],
    responses: { 200: { description: 'OK' }, 500: internalError },
  };
  return {
    [`/prediction/${model}`]: { post: predict },
    '/v1/models/{model_name}:predict': { post: predict },
    '/v2/models/{model_name}/infer': { post: predict },
  };
}
