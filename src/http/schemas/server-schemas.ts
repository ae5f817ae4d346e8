import { Type } from 'typebox';
import { tokenKinds } from '../../security/token-authority.js';
import { route, status } from './route.js';

const readiness = Type.Object(
  {
    ready: Type.Boolean(),
    waitingFor: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'Why not, by model.' }),
    ),
  },
  { description: 'Whether every model answers that shall.' },
);

const modelReadiness = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    ready: Type.Boolean(),
    state: Type.String(),
    failure: Type.Optional(Type.String()),
  },
  { description: 'Whether the model answers.' },
);

const live = Type.Object({ live: Type.Boolean() }, { description: 'It runs.' });
const tags = ['health'];

/** Of routes about the server as a whole. */
export const serverSchemas = {
  ping: route({ tags, summary: 'Healthy, as TorchServe means it' }, { 200: status, 500: status }),
  live: route({ tags, summary: 'The server runs' }, { 200: live }),
  ready: route(
    { tags, summary: 'Every model answers that shall' },
    { 200: readiness, 503: readiness },
  ),
  modelReady: route(
    { tags, summary: 'This model answers' },
    { 200: modelReadiness, 503: modelReadiness },
  ),
  metrics: route(
    {
      tags: ['metrics'],
      summary: 'The metrics',
      querystring: Type.Object({
        'name[]': Type.Optional(
          Type.Array(Type.String(), { description: 'Only samples of these names.' }),
        ),
      }),
    },
    {
      200: {
        description: 'Prometheus text.',
        content: { 'text/plain': { schema: Type.String() } },
      },
    },
  ),
  token: route(
    {
      tags: ['token'],
      summary: 'Renew a key; asks for the API key',
      querystring: Type.Object({
        type: Type.Union(
          tokenKinds.map((kind) => Type.Literal(kind)),
          { description: 'Whose key.' },
        ),
      }),
      security: [{ bearer: [] }],
    },
    { 200: { description: 'The key file has the new key.' } },
  ),
};
