import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { assertClose } from '../../support/expected.js';
import { json } from '../../support/http-client.js';
import { list, rows, startEnvelopedModels } from './enveloped-models.js';

const { server, client, ask, refused } = await startEnvelopedModels();
after(() => server.close());

function tensor(name: string, shape: number[], data: unknown, datatype = 'FP32') {
  return { name, shape, datatype, data };
}

function outputs(reply: unknown): Record<string, unknown>[] {
  const { outputs: found } = Object(reply);
  assert.ok(Array.isArray(found));
  return found;
}

suite('the tensor handler behind `kservev2`', () => {
  test('takes rows as a tensor, flat or nested, and answers one', async () => {
    const reply = await client.predict('double-kservev2', {
      id: 'mine',
      inputs: [tensor('x', [2, 2], [1, 2, 3, 4])],
    });
    assert.equal(
      reply.text,
      `{
  "id": "mine",
  "model_name": "double-kservev2",
  "model_version": "1.0",
  "outputs": [
    {
      "name": "x",
      "datatype": "FP64",
      "data": [
        3.0,
        5.0,
        7.0,
        9.0
      ],
      "shape": [
        4
      ]
    }
  ]
}`,
    );
    const nested = await ask('double-kservev2', {
      inputs: [
        tensor(
          'x',
          [2, 2],
          [
            [1, 2],
            [3, 4],
          ],
        ),
      ],
    });
    assert.deepEqual(outputs(nested), outputs(json(reply)));
  });

  test('names the reply after the request when that names none', async () => {
    const body = { inputs: [tensor('x', [1, 1], [1])] };
    const { id } = Object(await ask('double-kservev2', body, { 'x-request-id': 'of the request' }));
    assert.notEqual(id, undefined);
    assert.equal(
      Object(await ask('double-kservev2', body, { 'x-request-id': 'rid-1' })).id,
      'rid-1',
    );
  });

  test('takes one row without the batch where the configuration says what a row is', async () => {
    const one = await ask('linear-kservev2', { inputs: [tensor('any', [3], [1, 2, 3])] });
    const many = await ask('linear-kservev2', { inputs: [tensor('any', [1, 3], [1, 2, 3])] });
    assert.deepEqual(outputs(one), outputs(many));
    const [first] = list(await ask('linear', { instances: [[1, 2, 3]] }));
    assertClose(outputs(one)[0]?.data, first);
  });

  test('takes each tensor for rows of the only input, and answers each by its name', async () => {
    const reply = await ask('linear-kservev2', {
      inputs: [
        tensor('a', [3], rows[0]),
        tensor('b', [2, 3], [...(rows[1] ?? []), ...(rows[2] ?? [])]),
      ],
    });
    const all = list(await ask('linear', { instances: rows }));
    assert.deepEqual(
      outputs(reply).map(({ name, shape }) => [name, shape]),
      [
        ['a', [2]],
        ['b', [4]],
      ],
    );
    assertClose(outputs(reply)[0]?.data, all[0]);
    assertClose(outputs(reply)[1]?.data, all.slice(1).flat());
  });

  test('takes the inputs of a model by their names, and answers its outputs by theirs', async () => {
    const ids = tensor('ids', [2, 4], [0, 1, 2, 3, 3, 2, 1, 0], 'INT64');
    const weights = tensor('weights', [2, 4], [1, 0.5, 0.25, 0, 0, 0, 0, 1]);
    const reply = outputs(await ask('pair-kservev2', { inputs: [weights, ids] }));
    assert.deepEqual(
      reply.map(({ name, datatype, shape }) => [name, datatype, shape]),
      [
        ['mixed', 'FP64', [6]],
        ['best', 'INT64', [2]],
      ],
    );
    const plain = Object(
      await ask('pair', {
        inputs: {
          ids: [
            [0, 1, 2, 3],
            [3, 2, 1, 0],
          ],
          weights: [
            [1, 0.5, 0.25, 0],
            [0, 0, 0, 1],
          ],
        },
      }),
    ).outputs;
    assertClose(reply[0]?.data, plain.mixed.flat());
    assert.deepEqual(reply[1]?.data, plain.best);
    const fields = outputs(
      await ask('dictionary-kservev2', { inputs: [tensor('x', [1, 3], [1, 2, 3])] }),
    );
    assert.deepEqual(
      fields.map(({ name }) => name),
      ['mean', 'scaled'],
    );
  });

  for (const [model, inputs, message] of [
    [
      'pair',
      [tensor('ids', [1, 4], [1, 2, 3, 4])],
      /^inputs: "weights" is missing \(.*\); the request has "ids"$/,
    ],
    [
      'pair',
      [tensor('ids', [4], [1, 2, 3, 0]), tensor('weights', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])],
      /^inputs\[1\]\.shape: expected 1 rows, found 2$/,
    ],
    [
      'pair',
      [
        tensor('ids', [4], [1, 2, 3, 0]),
        tensor('weights', [4], [1, 2, 3, 0]),
        tensor('more', [1], [1]),
      ],
      /^inputs\[2\]\.name: expected an input of ids: .*, once, found "more"$/,
    ],
    [
      'pair',
      [tensor('ids', [4], [1.5, 2, 3, 0]), tensor('weights', [4], [1, 2, 3, 0])],
      /expected an integer, found 1\.5/,
    ],
    ['linear', [tensor('x', [2], [1, 2])], /^inputs\[0\]\.shape: expected \[n, 3\], found \[2\]$/],
    [
      'linear',
      [tensor('x', [0, 3], [])],
      /^inputs\[0\]\.shape: expected \[n, 3\], found \[0, 3\]$/,
    ],
    [
      'linear',
      [tensor('x', [1, 3], [1, 2])],
      /^inputs\[0\]\.data: expected 3 elements for the shape \[1,3\], found 2$/,
    ],
    [
      'linear',
      [
        tensor(
          'x',
          [1, 3],
          [
            [1, 2, 3],
            [4, 5],
          ],
        ),
      ],
      /./,
    ],
    [
      'linear',
      [tensor('x', [3], ['a'], 'BYTES')],
      /^inputs\[0\]\.datatype: expected numbers for "features" \(float32\), found BYTES$/,
    ],
    ['linear', [tensor('x', [3], [1, null, 2])], /expected a number, found null/],
    ['double', [tensor('x', [], [1])], /^inputs\[0\]\.shape: expected \[n, …\], found \[\]$/],
    [
      'double',
      [tensor('a', [1, 2], [1, 2]), tensor('b', [1, 3], [1, 2, 3])],
      /^inputs\[1\]\.shape: expected rows of \[2\], found rows of \[3\]$/,
    ],
    ['linear', [], /^inputs: expected at least one element, found none$/],
  ] as const) {
    test(`refuses ${JSON.stringify(inputs)} for ${model}`, async () => {
      assert.match(await refused(`${model}-kservev2`, { inputs }), message);
    });
  }

  test('takes and gives large tensors off the main loop', async () => {
    const data = Array.from({ length: 200_000 }, (_, i) => i);
    for (const given of [data, data.map((value) => [value])]) {
      const [reply] = outputs(
        await ask('double-kservev2', { inputs: [tensor('x', [2, 100_000], given)] }),
      );
      assert.deepEqual(reply?.shape, [200_000]);
      assert.deepEqual(
        reply?.data,
        data.map((value) => 2 * value + 1),
      );
    }
    const [small, large] = outputs(
      await ask('double-kservev2', {
        inputs: [
          tensor('a', [1, 100_000], data.slice(0, 100_000)),
          tensor('b', [1, 100_000], data.slice(100_000)),
        ],
      }),
    );
    assert.deepEqual([small?.name, large?.name], ['a', 'b']);
    assert.deepEqual(
      large?.data,
      data.slice(100_000).map((value) => 2 * value + 1),
    );
  });

  test('answers many at once, each with its own', async () => {
    const asked = Array.from({ length: 200 }, async (_, i) => {
      const [reply] = outputs(
        await ask('double-kservev2', { inputs: [tensor(`${i}`, [2, 1], [i, -i])] }),
      );
      assert.deepEqual([reply?.name, reply?.data], [`${i}`, [2 * i + 1, 1 - 2 * i]]);
    });
    await Promise.all(asked);
  });
});
