import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { until } from '../support/condition.js';
import { alphaRows, assertClose } from '../support/expected.js';
import { json } from '../support/http-client.js';
import { alphaModel } from '../support/paths.js';
import { metricValue, source, startServer } from '../support/server.js';

const server = await startServer([
  source('linear'),
  source('double'),
  source('double', { version: '2.0' }),
  source('throws'),
  source('embedding'),
  source('reduces'),
  source('wrong_rows'),
  source('text_output'),
  source('none_output'),
  source('hungry'),
  source('alpha_model', {
    path: `${alphaModel}/model.pt`,
    config: { inputs: [{ name: 'features', shape: [64] }] },
  }),
  source('slow', { config: { batchSize: 1, jobQueueSize: 2 } }),
  source('slow', { name: 'late', config: { batchSize: 1, responseTimeout: 0.05 } }),
]);
const { client } = server;
after(() => server.close());

/** Matrix products that keep slow.pt busy for far longer than a request takes. */
const long = 100_000;

function error(code: number, type: string, message: string): string {
  return `${JSON.stringify({ code, type, message }, null, 2)}\n`;
}

const notFound = error(
  404,
  'ResourceNotFoundException',
  'Requested resource is not found, please refer to API document.',
);

suite('GET /ping', () => {
  test('says that the server is healthy', async () => {
    const reply = await client.get('/ping');
    assert.deepEqual([reply.status, reply.text], [200, '{\n  "status": "Healthy"\n}\n']);
    assert.equal(reply.headers['content-type'], 'application/json');
  });

  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    test(`takes ${method} too, as TorchServe does`, async () => {
      assert.equal((await client.send('/ping', undefined, { method })).status, 200);
    });
  }
});

suite('paths', () => {
  const answered = [
    '/predictions/double',
    '/predictions/double/',
    '/predictions/double/1.0',
    '/predictions/double/1.0/',
    '/predictions/double/2.0',
    '/predictions/double/1.0/a/b/c',
    '/predictions/double?key=value&other',
    '/predictions/%64oubl%65/1%2E0',
  ];
  for (const path of answered) {
    test(`${path} is answered by the model`, async () => {
      const reply = await client.send(path, [1, 2]);
      assert.deepEqual([reply.status, json(reply)], [200, [3, 5]]);
    });
  }

  for (const path of ['/predictions', '/predictions/', '/nothing', '/ping/x']) {
    test(`${path} is no resource`, async () => {
      const reply = await client.send(path, [1]);
      assert.deepEqual([reply.status, reply.text], [404, notFound]);
    });
  }

  test('/ is not allowed', async () => {
    const reply = await client.get('/');
    const text = 'Requested method is not allowed, please refer to API document.';
    assert.deepEqual(
      [reply.status, reply.text],
      [405, error(405, 'MethodNotAllowedException', text)],
    );
  });

  test('a model that is not served is named', async () => {
    const reply = await client.predict('nope', [1]);
    assert.deepEqual(
      [reply.status, reply.text],
      [404, error(404, 'ModelNotFoundException', 'Model not found: nope')],
    );
  });

  test('a version that is not served is named', async () => {
    const reply = await client.predict('double/3.0', [1]);
    const text = 'Model version: 3.0 does not exist for model: double';
    assert.deepEqual(
      [reply.status, reply.text],
      [404, error(404, 'ModelVersionNotFoundException', text)],
    );
  });

  for (const name of [
    '__proto__',
    'constructor',
    'toString',
    '%00',
    '..%2f..%2fetc',
    'm%C3%B6del',
  ]) {
    test(`${name} is a name like any other`, async () => {
      const reply = await client.predict(name, [1]);
      assert.equal(reply.status, 404);
      assert.match(reply.text, /Model not found: /);
    });
  }

  test('a name of 1000 characters is a name like any other', async () => {
    const name = 'x'.repeat(1000);
    const reply = await client.predict(name, [1]);
    assert.equal(reply.status, 404);
    assert.match(reply.text, new RegExp(`Model not found: ${name}`));
  });

  test('a name that no model can have is refused', async () => {
    assert.equal((await client.predict('x'.repeat(8000), [1])).status, 400);
    assert.equal((await client.get('/ping')).status, 200);
  });

  test('what is not percent-encoding is no HTTP', async () => {
    const reply = await client.predict('%zz', [1]);
    assert.deepEqual(
      [reply.status, reply.text],
      [400, error(400, 'BadRequestException', 'Invalid HTTP message.')],
    );
  });
});

suite('methods', () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    test(`${method} predicts, as in TorchServe`, async () => {
      const reply = await client.predict('double', [1, 2], {
        method,
        headers: { 'content-length': '5' },
      });
      assert.deepEqual([reply.status, reply.text], [200, '[\n  3.0,\n  5.0\n]']);
    });
  }

  test('OPTIONS describes the model', async () => {
    const reply = await client.predict('double', undefined, { method: 'OPTIONS' });
    assert.equal(reply.status, 200);
    assert.deepEqual(Object(json(reply)).info, {
      title: 'RESTful API for: double',
      version: '1.0.0',
    });
  });

  test('HEAD has no body', async () => {
    const reply = await client.send('/ping', undefined, { method: 'HEAD' });
    assert.deepEqual([reply.status, reply.text], [200, '']);
  });
});

suite('failures inside the model', () => {
  test('name what LibTorch said, the model, and the shapes that came and were expected', async () => {
    const reply = await client.predict('linear', [1, 2]);
    const text =
      'Prediction failed: RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x2 and 3x2); given float32[1, 2] to model "linear" version 1.0, which takes input: float32[n, …]';
    assert.deepEqual(
      [reply.status, reply.text],
      [503, error(503, 'InternalServerException', text)],
    );
  });

  test('name the exception that the model raised', async () => {
    const reply = await client.predict('throws', [-1, 2]);
    assert.equal(reply.status, 503);
    assert.match(
      reply.text,
      /Prediction failed: (builtins\.)?ValueError: negative value; given float32\[1, 2\]/,
    );
  });

  test('name an index out of range', async () => {
    for (const ids of [10, -1]) {
      const reply = await client.predict('embedding', { ids });
      assert.equal(reply.status, 503);
      assert.match(reply.text, /Prediction failed: .*index out of range.*which takes ids: int64/);
    }
    assert.equal((await client.predict('embedding', { ids: 9 })).status, 200);
  });

  test('fail the whole request when one of its rows fails', async () => {
    const reply = await client.predict('throws', { instances: [[1], [-1], [2]] });
    assert.equal(reply.status, 503);
    assert.match(reply.text, /negative value/);
  });

  const outputs: [string, RegExp][] = [
    ['reduces', /expected 1 rows, the model returned the shape \[\]/],
    ['wrong_rows', /expected 1 rows, the model returned the shape \[2, 2\]/],
    ['text_output', /the model returned str: not a tensor/],
    ['none_output', /the model returned NoneType: not a tensor/],
  ];
  for (const [model, message] of outputs) {
    test(`${model}: an output that no row can have is refused with what it is`, async () => {
      const reply = await client.predict(model, [1, 2]);
      assert.equal(reply.status, 503);
      assert.match(reply.text, /"message": "Invalid model predict output: /);
      assert.match(reply.text, message);
      assert.match(reply.text, new RegExp(`model \\\\"${model}\\\\" version 1.0`));
    });
  }

  test('only the failing requests of a batch fail', async () => {
    for (let round = 0; round < 20; round += 1) {
      const values = Array.from({ length: 40 }, (_, i) => (i % 7 === round % 7 ? -1 - i : i));
      const replies = await Promise.all(
        values.map((value) => client.predict('throws', [value, round])),
      );
      for (const [i, reply] of replies.entries()) {
        const value = values[i] ?? 0;
        assert.equal(reply.status, value < 0 ? 503 : 200, reply.text);
        if (value >= 0) assert.deepEqual(json(reply), [value, round]);
      }
    }
    const labels = { model_name: 'throws', model_version: '1.0' };
    const batches = await metricValue(server, 'sconce_batch_rows_count', labels);
    assert.ok(batches < 800, `${batches} batches for 800 requests: none was shared`);
  });

  test('memory that cannot be had is 507 and the server goes on', async () => {
    for (let round = 0; round < 3; round += 1) {
      const reply = await client.predict('hungry', [1e9, 1]);
      assert.equal(reply.status, 507);
      assert.match(reply.text, /"message": "Out of resources: .*can't allocate memory/);
    }
    assert.deepEqual(json(await client.predict('hungry', [0, 5])), [0, 5]);
  });
});

suite('many requests at once', () => {
  test('500 over 50 connections each get their own answer', async () => {
    const values = Array.from({ length: 500 }, (_, i) => i);
    const replies = await Promise.all(
      values.map((value) => client.predict('double', [value, -value])),
    );
    for (const [value, reply] of replies.entries()) {
      assert.deepEqual(json(reply), [2 * value + 1, -2 * value + 1]);
    }
  });

  test('of many rows each get their own rows', async () => {
    const sizes = Array.from({ length: 200 }, (_, i) => 1 + (i % 9));
    const rowsOf = (size: number, i: number) =>
      Array.from({ length: size }, (_, row) => [1000 * i + row]);
    const replies = await Promise.all(
      sizes.map((size, i) => client.predict('double', { instances: rowsOf(size, i) })),
    );
    for (const [i, reply] of replies.entries()) {
      const predictions = rowsOf(sizes[i] ?? 0, i).map(([value = 0]) => [2 * value + 1]);
      assert.deepEqual(json(reply), { predictions });
    }
  });

  test('of several shapes, models and forms do not mix', async () => {
    const replies = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const row = Array.from({ length: 1 + (i % 5) }, (_unused, k) => i + k);
        const form = i % 3 === 0 ? row : i % 3 === 1 ? { instances: [row] } : { inputs: [row] };
        const answer = json(await client.predict(i % 2 === 0 ? 'double' : 'throws', form));
        return { answer, row, i };
      }),
    );
    for (const { answer, row, i } of replies) {
      const out = i % 2 === 0 ? row.map((value) => 2 * value + 1) : row;
      const expected =
        i % 3 === 0 ? out : i % 3 === 1 ? { predictions: [out] } : { outputs: [out] };
      assert.deepEqual(answer, expected);
    }
  });

  test('agree with PyTorch however they are batched', async () => {
    const { requests, predictions } = alphaRows;
    const replies = await Promise.all(
      Array.from({ length: 400 }, (_, i) =>
        client.predict('alpha_model', { features: requests[i % requests.length] }),
      ),
    );
    for (const [i, reply] of replies.entries()) {
      assertClose(json(reply), predictions[i % predictions.length]);
    }
  });
});

suite('large JSON bodies', () => {
  /** About `megabytes` of numbers. */
  function numbers(megabytes: number, first: number): number[] {
    return Array.from(
      { length: Math.floor((megabytes * 1e6) / 8) },
      (_, i) => first + (i % 1000) + 100_000,
    );
  }

  test('of several megabytes are answered, and small requests beside them', async () => {
    const rows = [0, 1, 2].map((first) => numbers(3, first));
    let open = rows.length;
    const large = rows.map(async (row) => {
      const reply = await client.predict('double', row);
      open -= 1;
      return reply;
    });
    let answered = 0;
    do {
      const value = answered;
      assert.deepEqual(json(await client.predict('double', [value])), [2 * value + 1]);
      answered += 1;
    } while (open > 0);
    for (const [i, reply] of (await Promise.all(large)).entries()) {
      assert.deepEqual(
        json(reply),
        rows[i]?.map((value) => 2 * value + 1),
      );
    }
  });

  test('that are wrong are refused like small ones', async () => {
    const row = [...numbers(1, 0), 'x'];
    const reply = await client.predict('double', { x: row });
    assert.equal(reply.status, 400);
    assert.match(
      reply.text,
      new RegExp(`field \\\\"x\\\\"\\[${row.length - 1}\\]: expected a number`),
    );
  });
});

suite('a full queue', () => {
  const refusal = (model: string) =>
    `Model "${model} has no worker to serve inference request. Please use scale workers API to add workers. If this is a sequence inference, please check if it is closed, or expired; or exceeds maxSequenceJobQueueSize`;

  test('refuses with the words of TorchServe and answers what it holds', async () => {
    const version = server.service.version('slow');
    const running = client.predict('slow', [long, 1]);
    await until(() => version.pending === 1 && version.queued === 0);
    const waiting = [client.predict('slow', [0, 2]), client.predict('slow', [0, 3])];
    await until(() => version.queued === 2);
    const refused = await client.predict('slow', [0, 4]);
    const refusedVersion = await client.predict('slow/1.0', [0, 5]);
    assert.deepEqual(
      [refused.status, refused.text],
      [503, error(503, 'ServiceUnavailableException', refusal('slow"'))],
    );
    assert.deepEqual(
      [refusedVersion.status, refusedVersion.text],
      [503, error(503, 'ServiceUnavailableException', refusal('slow" Version 1.0"'))],
    );
    const answers = await Promise.all([running, ...waiting]);
    assert.deepEqual(answers.map(json), [
      [long, 1],
      [0, 2],
      [0, 3],
    ]);
    assert.deepEqual(json(await client.predict('slow', [0, 6])), [0, 6]);
  });
});

suite('a model that takes too long', () => {
  test('is answered for with 504 and serves again afterwards', async () => {
    const reply = await client.predict('late', [2 * long, 1]);
    const text = 'Model "late" Version 1.0 did not answer within 50 ms.';
    assert.deepEqual(
      [reply.status, reply.text],
      [504, error(504, 'RequestTimeoutException', text)],
    );
    let next = await client.predict('late', [0, 2]);
    while (next.status === 504) next = await client.predict('late', [0, 2]);
    assert.deepEqual(json(next), [0, 2]);
  });
});
