import { Type } from 'typebox';
import { modelDescriptionSchema } from '../model-description.js';
import { integer, optionalBody, route, status, text, toggle } from './route.js';

const registration = {
  url: text('File or folder of the model store, or an allowed URL. Needed, if no body has it.'),
  model_name: text('Instead of the name in the archive.'),
  handler: text('Instead of the handler in the archive.'),
  runtime: text('python, python3 or LSP; kept and shown.'),
  batch_size: integer('Most rows in a batch.'),
  max_batch_delay: integer('Milliseconds a batch may wait for more rows.'),
  initial_workers: integer('Instances to start.'),
  response_timeout: integer('Seconds to an answer.'),
  startup_timeout: integer('Seconds to load in.'),
  synchronous: toggle('Answer when the instances run; true by default.'),
};

const page = Type.Object({
  limit: integer('Models on a page; 100 by default and at most.'),
  next_page_token: integer('Where the page begins.'),
});

const modelList = Type.Object(
  {
    nextPageToken: Type.Optional(Type.String()),
    models: Type.Array(Type.Object({ modelName: Type.String(), modelUrl: Type.String() })),
  },
  { description: 'A page of models.' },
);

const scaling = Type.Object({
  min_worker: integer('Fewest instances; 1 by default.'),
  max_worker: integer('Most instances; min_worker by default.'),
  model_version: text('The version, when the path names none.'),
  synchronous: toggle('Answer when they run; false by default.'),
});

const description = Type.Array(modelDescriptionSchema, {
  description: 'The version, or all of them.',
});

const workflowList = Type.Object(
  { workflows: Type.Array(Type.Unknown()) },
  { description: 'There are none.' },
);

const tags = ['management'];
const workflows = { tags: ['workflows'], deprecated: true };

/** Of the management API. */
export const managementSchemas = {
  listModels: route({ tags, summary: 'List the models', querystring: page }, { 200: modelList }),
  registerModel: route(
    {
      tags,
      summary: 'Register a model',
      description: 'A JSON body takes the place of the query.',
      querystring: Type.Object({
        ...registration,
        s3_sse_kms: toggle('Taken and without effect: models are not fetched from S3.'),
      }),
      body: {
        content: {
          'application/json': {
            schema: Type.Object({ ...registration, url: Type.String() }),
          },
        },
      },
      [optionalBody]: true,
    },
    { 200: status, 202: status },
  ),
  describeModel: route(
    {
      tags,
      summary: 'Describe a model; with the version `all` every version of it',
      querystring: Type.Object({ customized: toggle('With what the handler says of the model.') }),
    },
    { 200: description },
  ),
  scaleModel: route(
    { tags, summary: 'Set the number of instances', querystring: scaling },
    { 200: status, 202: status },
  ),
  unregisterModel: route({ tags, summary: 'Remove a model' }, { 200: status }),
  setDefault: route({ tags, summary: 'Make a version the default' }, { 200: status }),
  listWorkflows: route(
    { ...workflows, summary: 'List the workflows: there never is one' },
    { 200: workflowList },
  ),
  registerWorkflow: route({ ...workflows, summary: 'Refused: workflows are not served' }, {}),
  findWorkflow: route({ ...workflows, summary: 'Never found: workflows are not served' }, {}),
};
