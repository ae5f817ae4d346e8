import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { type HttpReply, json } from '../support/http-client.js';
import { source, startServer } from '../support/server.js';
import { startEchoServer } from './echo-server.js';

const server = await startEchoServer();
after(() => server.close());
const { client } = server;

/** What the handler was given, by name, without the headers. */
function parameters(reply: HttpReply): Record<string, unknown> {
  assert.equal(reply.status, 200, reply.text);
  const { hdr: _hdr, n: _n, ...named } = Object(json(reply));
  return named;
}

const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };
const multipart = { headers: { 'content-type': 'multipart/form-data; boundary=B' } };

/** Routes whose query is a part of the input. */
const routes = ['/models/echo/invoke', '/echo/predict', '/echo/1.0/predict', '/invocations'];

suite('routes whose query is a part of the input', () => {
  for (const route of routes) {
    test(`${route} gives the handler the query and the body`, async () => {
      assert.deepEqual(parameters(await client.send(`${route}?a=1&b=%20&a=2&c`, 'text')), {
        a: "b'2'",
        b: "b' '",
        c: "b''",
        body: "b'text'",
      });
    });

    test(`${route} gives it the fields of a form`, async () => {
      assert.deepEqual(parameters(await client.send(`${route}?a=1&k=0`, 'k=v&l=w', form)), {
        a: "b'1'",
        k: "b'v'",
        l: "b'w'",
      });
    });

    test(`${route} gives it the parts of a multipart body`, async () => {
      const body = '--B\r\nContent-Disposition: form-data; name="k"\r\n\r\nv\r\n--B--';
      assert.deepEqual(parameters(await client.send(`${route}?a=1`, body, multipart)), {
        a: "b'1'",
        k: "b'v'",
      });
    });

    test(`${route} takes GET`, async () => {
      assert.deepEqual(parameters(await client.get(`${route}?a=1`)), { a: "b'1'", body: "b''" });
    });

    test(`${route} refuses a damaged form`, async () => {
      const reply = await client.send(route, '--B\r\n', multipart);
      assert.deepEqual(
        [reply.status, Object(json(reply)).message],
        [400, 'the body is not multipart/form-data: it ends before its last boundary'],
      );
    });
  }

  test('/predictions does not', async () => {
    const reply = await client.send('/predictions/echo?a=1', 'text');
    assert.deepEqual(parameters(reply), { body: "b'text'" });
  });

  for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) {
    test(`a parameter may have the name ${name}`, async () => {
      const reply = await client.send(`/echo/predict?${name}=1`, 'x');
      assert.deepEqual(
        Object.entries(parameters(reply)).sort(),
        [
          [name, "b'1'"],
          ['body', "b'x'"],
        ].sort(),
      );
    });
  }
});

suite('/invocations', () => {
  test('finds the model that is named in the query, in a form and in a part', async () => {
    const part = '--B\r\nContent-Disposition: form-data; name="model_name"\r\n\r\necho\r\n--B--';
    await using two = await startServer([source('double'), source('linear')]);
    for (const reply of [
      await two.client.send('/invocations?model_name=double', '[1]'),
      await two.client.send('/invocations?model_name=linear&model_name=double', '[1]'),
      await two.client.send('/invocations', 'model_name=double&data=[1]', form),
      await two.client.send('/invocations', part.replace('echo', 'double'), multipart),
    ]) {
      // The last has no input: that the model is asked for it says that it was found.
      assert.ok(reply.status === 200 || /carries the input/.test(reply.text), reply.text);
    }
  });

  for (const query of ['', '?model_name=', '?name=double']) {
    test(`needs a name among several models: ${JSON.stringify(query)}`, async () => {
      await using two = await startServer([source('double'), source('linear')]);
      const reply = await two.client.send(`/invocations${query}`, '[1]');
      assert.deepEqual(
        [reply.status, Object(json(reply)).message],
        [400, 'Parameter model_name is required.'],
      );
    });
  }

  test('does not know a model that is not there', async () => {
    const reply = await client.send('/invocations?model_name=__proto__', '[1]');
    assert.deepEqual(
      [reply.status, Object(json(reply)).message],
      [404, 'Model not found: __proto__'],
    );
  });
});

suite('/wfpredict', () => {
  test('knows no workflow', async () => {
    const reply = await client.send('/wfpredict/x', '[1]');
    assert.deepEqual([reply.status, Object(json(reply)).type], [404, 'WorkflowNotFoundException']);
  });
});
