import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { HttpClient, json } from '../support/http-client.js';
import { startServer } from '../support/server.js';

const server = await startServer([]);
const client = new HttpClient(server.addresses.management);
after(async () => {
  client.close();
  await server.close();
});

suite('/workflows', () => {
  test('has none', async () => {
    const reply = await client.get('/workflows?limit=1&next_page_token=x');
    assert.deepEqual([reply.status, json(reply)], [200, { workflows: [] }]);
  });

  test('takes none, as TorchServe', async () => {
    const reply = await client.send('/workflows?url=x.war', '{');
    assert.deepEqual(
      [reply.status, json(reply)],
      [
        400,
        {
          code: 400,
          type: 'BadRequestException',
          message: 'Registering new workflows is disabled.',
        },
      ],
    );
  });

  for (const method of ['GET', 'DELETE']) {
    test(`knows none to ${method}`, async () => {
      const reply = await client.send('/workflows/a%20b', '', { method });
      assert.deepEqual(
        [reply.status, json(reply)],
        [404, { code: 404, type: 'WorkflowNotFoundException', message: 'Workflow not found: a b' }],
      );
    });
  }

  const refused: [string, string][] = [
    ['PUT', '/workflows'],
    ['DELETE', '/workflows'],
    ['OPTIONS', '/workflows'],
    ['POST', '/workflows/x'],
    ['PUT', '/workflows/x'],
    ['OPTIONS', '/workflows/x'],
  ];
  for (const [method, path] of refused) {
    test(`does not allow ${method} ${path}`, async () => {
      assert.equal((await client.send(path, '', { method })).status, 405);
    });
  }

  test('are not on the inference listener', async () => {
    assert.equal((await server.client.get('/workflows')).status, 404);
  });
});
