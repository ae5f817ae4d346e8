import { type TSchema, Type } from 'typebox';
import { modelDescriptionSchema } from './model-description.js';

/**
 * What `/openapi.json` says of the routes. They describe and do not check: TorchServe's APIs take
 * what they do not understand for absent, and so do these.
 */

const status = Type.Object({ status: Type.String() });

const failure = Type.Object(
  {
    code: Type.Integer({ description: 'The HTTP status.' }),
    type: Type.String({ description: 'The name of the exception in TorchServe.' }),
    message: Type.String(),
    reason: Type.Optional(Type.String({ description: 'What the message does not say.' })),
  },
  { description: 'What went wrong.' },
);

const readiness = Type.Object({
  ready: Type.Boolean(),
  waitingFor: Type.Optional(
    Type.Record(Type.String(), Type.String(), { description: 'Why not, by model.' }),
  ),
});

const modelReadiness = Type.Object({
  name: Type.String(),
  version: Type.String(),
  ready: Type.Boolean(),
  state: Type.String(),
  failure: Type.Optional(Type.String()),
});

const modelParameters = Type.Object({
  model: Type.String({ description: 'Name of the model.' }),
  version: Type.Optional(Type.String({ description: 'Its version; the default one if absent.' })),
});

const text = (description: string) => Type.Optional(Type.String({ description }));
const integer = (description: string) => Type.Optional(Type.Integer({ description }));
const toggle = (description: string) => Type.Optional(Type.Boolean({ description }));

const registration = Type.Object({
  url: Type.String({ description: 'File or folder of the model store, or a URL that is allowed.' }),
  model_name: text('Instead of the name in the archive.'),
  handler: text('Instead of the handler in the archive.'),
  runtime: text('python, python3 or LSP; kept and shown.'),
  batch_size: integer('Most rows in a batch.'),
  max_batch_delay: integer('Milliseconds a batch may wait for more rows.'),
  initial_workers: integer('Instances to start.'),
  response_timeout: integer('Seconds to an answer.'),
  startup_timeout: integer('Seconds to load in.'),
  synchronous: toggle('Answer when the instances run; true by default.'),
});

const page = Type.Object({
  limit: integer('Models on a page; 100 by default and at most.'),
  next_page_token: integer('Where the page begins.'),
});

const modelList = Type.Object({
  nextPageToken: Type.Optional(Type.String()),
  models: Type.Array(Type.Object({ modelName: Type.String(), modelUrl: Type.String() })),
});

const scaling = Type.Object({
  min_worker: integer('Fewest instances; 1 by default.'),
  max_worker: integer('Most instances; min_worker by default.'),
  synchronous: toggle('Answer when they run; false by default.'),
});

interface Parts {
  tags: string[];
  summary: string;
  params?: TSchema;
  querystring?: TSchema;
  body?: TSchema;
}

function route(parts: Parts, replies: Record<number, TSchema>): object {
  return { ...parts, response: { ...replies, '4xx': failure, '5xx': failure } };
}

const input = Type.Unknown({
  description: 'What the handler takes: JSON, a form with the field data or body, or raw bytes.',
});
const output = Type.Unknown({ description: 'What the handler answers.' });

export const routeSchemas = {
  ping: route({ tags: ['health'], summary: 'Healthy, as TorchServe means it' }, { 200: status }),
  live: route(
    { tags: ['health'], summary: 'The server runs' },
    { 200: Type.Object({ live: Type.Boolean() }) },
  ),
  ready: route(
    { tags: ['health'], summary: 'Every model answers that shall' },
    { 200: readiness, 503: readiness },
  ),
  modelReady: route(
    { tags: ['health'], summary: 'This model answers', params: modelParameters },
    { 200: modelReadiness, 503: modelReadiness },
  ),
  predict: route(
    { tags: ['inference'], summary: 'Predict', params: modelParameters, body: input },
    { 200: output },
  ),
  explain: route(
    { tags: ['inference'], summary: 'Explain a prediction', params: modelParameters, body: input },
    { 200: output },
  ),
  listModels: route(
    { tags: ['management'], summary: 'List the models', querystring: page },
    { 200: modelList },
  ),
  registerModel: route(
    { tags: ['management'], summary: 'Register a model', querystring: registration },
    { 200: status, 202: status },
  ),
  describeModel: route(
    {
      tags: ['management'],
      summary: 'Describe a model; with the version `all` every version of it',
      params: modelParameters,
      querystring: Type.Object({ customized: toggle('With what the handler says of the model.') }),
    },
    { 200: Type.Array(modelDescriptionSchema) },
  ),
  scaleModel: route(
    {
      tags: ['management'],
      summary: 'Set the number of instances',
      params: modelParameters,
      querystring: scaling,
    },
    { 200: status, 202: status },
  ),
  unregisterModel: route(
    { tags: ['management'], summary: 'Remove a model', params: modelParameters },
    { 200: status },
  ),
  setDefault: route(
    { tags: ['management'], summary: 'Make a version the default', params: modelParameters },
    { 200: status },
  ),
};
