import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ModelConfig } from '../../../src/config/model-config.js';
import { startServer } from '../../support/server.js';
import { handled } from './handled.js';

/** Floats of a row that is written in place: more than a message is worth. */
const large = 64 * 1024;
const largeRows = {
  inputs: [{ name: 'x', dtype: 'float32', shape: [large] }],
} satisfies ModelConfig;

const sums = (body: string): string => `
export class Large extends BaseHandler {
  ${body}
  postprocess(outputs) {
    const { data } = outputs.tensor;
    return [data[0], data[data.length - 1], data.reduce((sum, value) => sum + value, 0)];
  }
}`;

/** What the handler answers for a row of one number: every element is doubled plus one. */
const sumOf = (value: number): number[] => {
  const doubled = value * 2 + 1;
  return [doubled, doubled, doubled * large];
};

suite('rows of a handler', () => {
  const ways: [how: string, code: string][] = [
    [
      'are written in place by a handler that does it at once',
      'preprocess(request, context) { context.row().data.fill(request.json()); }',
    ],
    [
      'are written in place after reserve()',
      `async preprocess(request, context) {
        await new Promise((resolve) => setTimeout(resolve, request.json() % 7));
        await context.reserve();
        context.row().data.fill(request.json());
      }`,
    ],
    [
      'are written beside the batch without reserve()',
      `async preprocess(request, context) {
        context.row().data.fill(request.json());
        await new Promise((resolve) => setTimeout(resolve, request.json() % 7));
      }`,
    ],
    [
      'may be a tensor',
      `preprocess(request) {
        return Tensor.zeros('float32', [1, ${large}]).set(new Float32Array(${large}).fill(request.json()));
      }`,
    ],
    [
      'may be a tensor that was waited for',
      `async preprocess(request) {
        await null;
        const tensor = Tensor.zeros('float32', [1, ${large}]);
        tensor.data.fill(request.json());
        return { x: tensor };
      }`,
    ],
    [
      'are written so slowly that their batch does not wait',
      `preprocess(request, context) {
        const row = context.row();
        const end = performance.now() + 8;
        while (performance.now() < end);
        row.data.fill(request.json());
      }`,
    ],
  ];
  for (const [how, body] of ways) {
    test(how, async () => {
      await using server = await startServer([
        handled('double', sums(body), { config: { ...largeRows, batchSize: 8 } }),
      ]);
      const numbers = Array.from({ length: 60 }, (_, i) => i);
      const replies = await Promise.all(
        numbers.map((number) => server.client.predict('double', `${number}`)),
      );
      assert.deepEqual(
        replies.map(({ text }) => JSON.parse(text)),
        numbers.map(sumOf),
      );
    });
  }

  test('hold nothing of an earlier request', async () => {
    const code = `export class Sparse extends BaseHandler {
      preprocess(request, context) {
        const { at, value } = request.json();
        context.row().data[at] = value;
      }
      postprocess(outputs) {
        return outputs.tensor.data.reduce((sum, value) => sum + value - 1, 0);
      }
    }`;
    await using server = await startServer([handled('double', code, { config: largeRows })]);
    for (let at = 0; at < 20; at += 1) {
      const { text } = await server.client.predict('double', { at, value: 1 });
      assert.equal(text, '2');
    }
  });

  test('may be several, of another number than requests, and run in several batches', async () => {
    const code = `export class Several extends BaseHandler {
      preprocess(request) { return Tensor.from(request.json()); }
      async inference(inputs, context) {
        const first = await context.model.run(inputs);
        return context.model.run(Tensor.from(first.tensor.toArray()));
      }
      postprocess(outputs) { return { rows: outputs.rows, values: outputs.tensor }; }
    }`;
    const config = {
      inputs: [{ name: 'x', dtype: 'float32', shape: [1] }],
      batchSize: 16,
    } satisfies ModelConfig;
    await using server = await startServer([handled('double', code, { config })]);
    const counts = Array.from({ length: 48 }, (_, i) => 1 + (i % 5));
    const replies = await Promise.all(
      counts.map((count) => {
        const rows = Array.from({ length: count }, (_, i) => [i]);
        return server.client.predict('double', rows);
      }),
    );
    for (const [i, { text }] of replies.entries()) {
      const count = counts[i] ?? 0;
      assert.deepEqual(JSON.parse(text), {
        rows: count,
        values: Array.from({ length: count }, (_, row) => [row * 4 + 3]),
      });
    }
  });

  test('need no shape in the configuration', async () => {
    const code = `export class Free extends BaseHandler {
      preprocess(request) { return Tensor.from([request.json()]); }
      postprocess(outputs) { return outputs.tensor.at(0); }
    }`;
    await using server = await startServer([handled('double', code, { config: {} })]);
    const replies = await Promise.all(
      [1, 2, 3, 2, 1].map((length) => server.client.predict('double', Array(length).fill(1))),
    );
    assert.deepEqual(
      replies.map(({ text }) => JSON.parse(text)),
      [[3], [3, 3], [3, 3, 3], [3, 3], [3]],
    );
  });

  test('go to every input of the model', async () => {
    const code = `export class Pair extends BaseHandler {
      preprocess(request, context) {
        const { ids, weights, leaveOut } = request.json();
        context.row('ids').set(ids);
        if (!leaveOut) context.row('weights').set(weights);
      }
      postprocess(outputs) { return outputs.tensors.map((tensor) => tensor.shape); }
    }`;
    const config = {
      inputs: [
        { name: 'ids', dtype: 'int64', shape: [4] },
        { name: 'weights', dtype: 'float32', shape: [4] },
      ],
    } satisfies ModelConfig;
    await using server = await startServer([handled('pair', code, { config })]);
    const row = { ids: [1, 2, 3, 0], weights: [1, 1, 1, 1] };
    const { text } = await server.client.predict('pair', row);
    assert.deepEqual(JSON.parse(text), [[1, 3], [1]]);
    const refused = await server.client.predict('pair', { ...row, leaveOut: true });
    assert.match(refused.text, /did not fill the input \\"weights\\" \(float32\[n, 4\]\)/);
  });

  test('of a model that fails with them fail their request only', async () => {
    const code = `export class Own extends BaseHandler {
      preprocess(request, context) { context.row().set(request.json()); }
    }`;
    const config = { inputs: [{ name: 'x', dtype: 'float32', shape: [2] }] } satisfies ModelConfig;
    await using server = await startServer([handled('throws', code, { config })]);
    const [bad, good] = await Promise.all([
      server.client.predict('throws', [-1, 1]),
      server.client.predict('throws', [1, 2]),
    ]);
    assert.deepEqual(JSON.parse(good.text), [1, 2]);
    assert.equal(bad.status, 503);
    assert.match(bad.text, /Prediction failed: .*negative/);
  });
});

suite('a request, as a handler sees it,', () => {
  test('has its headers, parts and path', async () => {
    const code = `export class Echo extends BaseHandler {
      preprocess(request, context) {
        context.row().set([0, 0]);
        this.seen = {
          type: request.contentType,
          header: context.getRequestHeader('X-Own'),
          path: request.urlPath,
          text: request.text(),
          name: context.modelName,
          folder: context.systemProperties.model_dir.length > 0,
          own: context.modelConfig.own,
        };
      }
      postprocess() { return this.seen; }
    }`;
    const config: ModelConfig & { own: unknown } = {
      inputs: [{ name: 'x', dtype: 'float32', shape: [2] }],
      own: { nested: [1, 2] },
    };
    await using server = await startServer([handled('double', code, { config })]);
    const { text } = await server.client.predict('double', 'zürich', {
      headers: { 'content-type': 'text/plain', 'x-own': 'yes' },
    });
    assert.deepEqual(JSON.parse(text), {
      type: 'text/plain',
      header: 'yes',
      path: '',
      text: 'zürich',
      name: 'double',
      folder: true,
      own: { nested: [1, 2] },
    });
  });
});
