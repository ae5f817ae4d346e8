import { Type } from 'typebox';
import { optionalBody, route, text } from './route.js';

const input = {
  body: Type.Unknown({
    description: 'What the handler takes: JSON, a form with the field data or body, or raw bytes.',
  }),
  consumes: [
    'application/json',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'text/plain',
  ],
};

const anything = Type.Unknown({ description: 'What the handler answers.' });

const output = {
  200: {
    description:
      'What the handler answers: at once, or in pieces as chunks. A stream of pieces without a type of its own is an event stream for clients that accept that.',
    content: {
      'application/json': { schema: anything },
      'application/octet-stream': { schema: anything },
      'text/event-stream': { schema: Type.String({ description: 'An event for each piece.' }) },
    },
  },
};

const explanation = {
  200: Type.Unknown({
    description:
      'Why the model answers as it does, in the form of its handler; 503 from a handler that explains nothing.',
  }),
};

const tags = ['inference'];
const kserve = ['kserve'];
const legacy = ['legacy'];

/** Of the inference API. */
export const inferenceSchemas = {
  predict: route({ tags, summary: 'Predict', ...input }, output),
  explain: route({ tags, summary: 'Explain a prediction', ...input }, explanation),
  kservePredict: route(
    {
      tags: kserve,
      summary: 'Predict or explain, by the protocol V1',
      description: 'The target is the name of the model with `:predict` or `:explain` behind it.',
      ...input,
    },
    output,
  ),
  kserveReady: route(
    { tags: kserve, summary: 'This model answers; the target is its name' },
    {
      200: Type.Object(
        { name: Type.String(), ready: Type.Boolean() },
        { description: 'Whether the model answers.' },
      ),
    },
  ),
  kserveInfer: route({ tags: kserve, summary: 'Predict, by the protocol V2', ...input }, output),
  kserveExplain: route(
    { tags: kserve, summary: 'Explain a prediction, by the protocol V2', ...input },
    explanation,
  ),
  invocations: route(
    {
      tags: ['sagemaker'],
      summary: 'Predict; the fields of the query are a part of the input',
      querystring: Type.Object({
        model_name: text('The model; the only one that was loaded at the start if absent.'),
      }),
      ...input,
      [optionalBody]: true,
    },
    output,
  ),
  invoke: route(
    {
      tags: legacy,
      summary: 'Predict; the fields of the query are a part of the input',
      deprecated: true,
      ...input,
      [optionalBody]: true,
    },
    output,
  ),
  serverMetadata: route(
    { tags: kserve, summary: 'What TorchServe says of itself' },
    {
      200: Type.Object(
        {
          name: Type.String(),
          version: Type.String(),
          extenstion: Type.Array(Type.String(), { description: 'Spelt as TorchServe does.' }),
        },
        { description: 'The server.' },
      ),
    },
  ),
  serverLive: route(
    { tags: kserve, summary: 'The server runs' },
    { 200: Type.Object({ live: Type.Boolean() }, { description: 'It runs.' }) },
  ),
  serverReady: route(
    { tags: kserve, summary: 'Every model answers that shall' },
    {
      200: Type.Object({ ready: Type.Boolean() }, { description: 'They do.' }),
      503: Type.Object({ ready: Type.Boolean() }, { description: 'Not all of them.' }),
    },
  ),
};
