import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Settings } from '../../../src/config/settings.js';
import { TokenAuthority } from '../../../src/security/token-authority.js';
import { TemporaryFolder } from '../../security/folder.js';
import { HttpClient } from '../../support/http-client.js';
import { startServer, type TestParts } from '../../support/server.js';
import { freePort } from '../free-port.js';
import { assertValid, type Document, operationsOf } from './validity.js';

interface Documents {
  inference: Document;
  management: Document;
  metrics: Document;
}

/** What every listener of a server says of itself; all of it valid. */
async function documentsOf(
  t: TestContext,
  settings: Partial<Settings> = {},
  parts: TestParts = {},
): Promise<Documents> {
  const server = await startServer([], settings, parts);
  t.after(() => server.close());
  const read = async (url: string | undefined): Promise<Document> => {
    const client = new HttpClient(url ?? '');
    t.after(() => client.close());
    const reply = await client.get('/openapi.json');
    assert.equal(reply.status, 200);
    return assertValid(JSON.parse(reply.text));
  };
  const { inference, management, metrics } = server.addresses;
  return {
    inference: await read(inference),
    management: await read(management),
    metrics: await read(metrics),
  };
}

async function authorityOf(t: TestContext): Promise<TokenAuthority> {
  const folder = new TemporaryFolder();
  t.after(() => folder[Symbol.dispose]());
  return TokenAuthority.create({ keyFile: folder.file('key_file.json'), expirationMinutes: 60 });
}

/** `GET /path` of every operation. */
function listed(document: Document): string[] {
  return operationsOf(document).map(({ method, path }) => `${method.toUpperCase()} ${path}`);
}

const health = ['GET /live', 'GET /ready', 'GET /models/{model}/ready'];

const inference = [
  'GET /ping',
  'POST /predictions/{model}',
  'POST /predictions/{model}/{version}',
  'POST /explanations/{model}',
  'POST /explanations/{model}/{version}',
  'GET /v1/models/{target}',
  'POST /v1/models/{target}',
  'POST /v2/models/{model}/infer',
  'POST /v2/models/{model}/explain',
  'POST /invocations',
  'POST /models/{model}/invoke',
  'POST /{model}/predict',
  'POST /{model}/{version}/predict',
];

const management = [
  'GET /models',
  'POST /models',
  'GET /models/{model}',
  'PUT /models/{model}',
  'DELETE /models/{model}',
  'GET /models/{model}/{version}',
  'PUT /models/{model}/{version}',
  'DELETE /models/{model}/{version}',
  'PUT /models/{model}/{version}/set-default',
  'GET /workflows',
  'POST /workflows',
  'GET /workflows/{workflow}',
];

test('/openapi.json of every listener has its routes and no others', async (t) => {
  const documents = await documentsOf(t);
  assert.deepEqual(listed(documents.inference).sort(), [...health, ...inference].sort());
  assert.deepEqual(
    listed(documents.management).sort(),
    [...health, 'GET /v1/models/{target}', ...management].sort(),
  );
  assert.deepEqual(listed(documents.metrics), ['GET /metrics']);
});

test('/openapi.json of one address for all APIs has the routes of all', async (t) => {
  const address = `http://127.0.0.1:${await freePort()}`;
  const documents = await documentsOf(t, {
    inferenceAddress: address,
    managementAddress: address,
    metricsAddress: address,
  });
  assert.deepEqual(
    listed(documents.inference).sort(),
    [...health, ...inference, ...management, 'GET /metrics'].sort(),
  );
});

test('/openapi.json has the Open Inference Protocol when it is turned on', async (t) => {
  const documents = await documentsOf(t, { tsOpenInferenceProtocol: true });
  const protocol = ['GET /v2', 'GET /v2/health/live', 'GET /v2/health/ready'];
  assert.deepEqual(
    listed(documents.inference).sort(),
    [...health, ...inference, ...protocol].sort(),
  );
});

test('/openapi.json asks for a token where the listener does, and nowhere else', async (t) => {
  const authority = await authorityOf(t);
  const documents = await documentsOf(t, { tokenExemptPing: true }, { authority });
  const secured = (document: Document) =>
    operationsOf(document)
      .filter(({ operation }) => (operation.security ?? document.security ?? []).length > 0)
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  const open = ['GET /live', 'GET /ready', 'GET /ping'];
  const closed = (document: Document) => listed(document).filter((each) => !open.includes(each));
  assert.deepEqual(secured(documents.inference), closed(documents.inference));
  assert.deepEqual(secured(documents.management), closed(documents.management));
  assert.ok(secured(documents.management).includes('GET /token'));
  assert.ok(secured(documents.inference).includes('POST /predictions/{model}'));
  assert.deepEqual(secured(documents.metrics), []);
  assert.equal(documents.metrics.components?.securitySchemes, undefined);
  assert.deepEqual(documents.inference.components?.securitySchemes, {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      description: 'A key of key_file.json: inference, management or, for /token, API.',
    },
  });
});

test('/openapi.json says that a registration is a query or a JSON body', async (t) => {
  const documents = await documentsOf(t);
  const operation = documents.management.paths['/models']?.post;
  assert.ok(operation?.requestBody !== undefined);
  assert.equal(operation.requestBody.required, false);
  const schema = operation.requestBody.content['application/json']?.schema;
  const inBody = Object.keys(schema?.properties ?? {});
  const inQuery = (operation.parameters ?? []).map(({ name }) => name);
  assert.deepEqual(inQuery, [...inBody, 's3_sse_kms']);
  assert.deepEqual(schema?.required, ['url']);
});
