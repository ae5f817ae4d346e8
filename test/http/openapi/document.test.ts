import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { registerOpenApi } from '../../../src/http/openapi/document.js';
import { bareApp } from '../bare-app.js';

const reply = () => ({});

/** What `/openapi.json` says of an app with the routes that `add` gives it. */
async function documentOf(add: (app: FastifyInstance) => void): Promise<unknown> {
  const app = bareApp();
  registerOpenApi(app, { title: 'Sconce', version: '1.2.3' });
  add(app);
  const { statusCode, headers, body } = await app.inject('/openapi.json');
  assert.equal(statusCode, 200);
  assert.equal(headers['content-type'], 'application/json');
  await app.close();
  return JSON.parse(body);
}

const tags = ['inference'];

describe('/openapi.json', () => {
  it('says what the schemas of the routes say', async () => {
    const document = await documentOf((app) => {
      app.get(
        '/models/:model',
        {
          schema: {
            tags,
            summary: 'Describes a model',
            params: Type.Object({ model: Type.String() }),
            response: { 200: Type.Object({ name: Type.String() }, { description: 'The model' }) },
          },
        },
        reply,
      );
    });
    assert.deepEqual(document, {
      openapi: '3.0.3',
      info: { title: 'Sconce', version: '1.2.3' },
      components: { schemas: {} },
      paths: {
        '/models/{model}': {
          get: {
            summary: 'Describes a model',
            tags,
            parameters: [{ schema: { type: 'string' }, in: 'path', name: 'model', required: true }],
            responses: {
              200: {
                description: 'The model',
                content: {
                  'application/json': {
                    schema: {
                      description: 'The model',
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' } },
                    },
                  },
                },
              },
            },
          },
        },
      },
    });
  });

  it('leaves out routes without a tag', async () => {
    const document = await documentOf((app) => {
      app.get('/plain', reply);
      app.get('/described', { schema: { summary: 'No tag' } }, reply);
    });
    assert.deepEqual(document, {
      openapi: '3.0.3',
      info: { title: 'Sconce', version: '1.2.3' },
      components: { schemas: {} },
      paths: {},
    });
  });

  it('lists a route of several methods once: POST with a body, GET without, else the first', async () => {
    const body = Type.Object({ x: Type.Number() });
    const document = await documentOf((app) => {
      const method = ['PUT', 'POST', 'DELETE'];
      app.route({ method, url: '/with', schema: { tags, body }, handler: reply });
      app.all('/without', { schema: { tags } }, reply);
      app.route({ method: ['PUT', 'PATCH'], url: '/put', schema: { tags, body }, handler: reply });
    });
    assert.ok(typeof document === 'object' && document !== null && 'paths' in document);
    const methods = Object.entries(document.paths ?? {}).map(([path, item]) => [
      path,
      Object.keys(item),
    ]);
    assert.deepEqual(methods, [
      ['/with', ['post']],
      ['/without', ['get']],
      ['/put', ['put']],
    ]);
  });
});
