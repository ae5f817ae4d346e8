import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type {
  Attributions,
  ExplanationRequest,
  HandlerReply,
  RequestParameter,
} from '../../../src/handlers/handler.js';
import type { OffLoop } from '../../../src/handlers/tensor/off-loop.js';
import { TensorHandler } from '../../../src/handlers/tensor/tensor-handler.js';
import { planTensors, type TensorNames } from '../../../src/handlers/tensor/tensor-plan.js';
import { describedModel } from '../../support/described-model.js';
import { assertClose } from '../../support/expected.js';
import { root } from '../../support/paths.js';
import { handlerRequest } from '../../support/request.js';
import { source, startServer } from '../../support/server.js';

const cases = Value.Parse(
  Type.Array(
    Type.Object({
      file: Type.String(),
      inputs: Type.Record(Type.String(), Type.Unknown()),
      input: Type.String(),
      output: Type.Integer(),
      target: Type.Integer(),
      steps: Type.Integer(),
      baseline: Type.Optional(Type.Unknown()),
      attributions: Type.Unknown(),
    }),
  ),
  JSON.parse(readFileSync(join(root, 'test/fixtures/explanations.json'), 'utf8')),
);

/** What a request can ask for: TorchServe's number of steps, from zeros, of the first output. */
const served = cases.filter(
  ({ steps, baseline, output }) => steps === 15 && baseline === undefined && output === 0,
);

const server = await startServer([source('perceptron'), source('convolution')]);
after(() => server.close());

suite('a served model explains what Captum explains', () => {
  for (const [i, known] of served.entries()) {
    test(`${known.file}, case ${i + 1}`, async () => {
      const form = new URLSearchParams({
        data: JSON.stringify(known.inputs),
        target: String(known.target),
      });
      const name = known.file.replace('.pt', '');
      const reply = await server.client.send(`/explanations/${name}`, form.toString(), {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      assert.equal(reply.status, 200, reply.text);
      assertClose(JSON.parse(reply.text), known.attributions, 1e-5);
    });
  }

  test('without a target the first element of the output is explained', async () => {
    const body = { input: [1, 2, 3, 4] };
    const plain = await server.client.send('/explanations/perceptron', body);
    const form = new URLSearchParams({ data: JSON.stringify(body), target: '0' }).toString();
    const named = await server.client.send('/explanations/perceptron', form, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    assert.equal(plain.status, 200, plain.text);
    assert.equal(plain.text, named.text);
  });

  test('a target beyond the output is a mistake of the request', async () => {
    const form = new URLSearchParams({ data: '[1, 2, 3, 4]', target: '3' }).toString();
    const reply = await server.client.send('/explanations/perceptron', form, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    assert.equal(reply.status, 400, reply.text);
  });
});

const description = describedModel(
  { name: 'ids', type: 'Tensor' },
  { name: 'weights', type: 'Tensor' },
);
const config: TensorNames = {
  inputs: [
    { name: 'ids', dtype: 'int64', shape: [-1] },
    { name: 'weights', dtype: 'float32', shape: [2] },
  ],
};
const offLoop: OffLoop = {
  readJson: () => Promise.reject(new Error('not here')),
  writeJson: async () => 'off the loop',
};
const handler = new TensorHandler(planTensors(config, description), offLoop);

function fields(values: Record<string, string>): RequestParameter[] {
  return Object.entries(values).map(([name, value]) => ({
    name,
    value: Buffer.from(value),
    contentType: undefined,
  }));
}

/** What the explainer was asked, and the reply to what it answered. */
async function explain(
  parameters: Record<string, string>,
  attributions: Attributions = { dims: [3], values: new Float32Array(3) },
): Promise<{ asked: ExplanationRequest[]; reply: HandlerReply }> {
  const asked: ExplanationRequest[] = [];
  const attribute = async (request: ExplanationRequest): Promise<Attributions> => {
    asked.push(request);
    return attributions;
  };
  const request = handlerRequest('', { explain: true, parameters: fields(parameters) });
  return { asked, reply: await handler.explain(request, { attribute }) };
}

const row = '{"ids": [1, 2, 3], "weights": [0.5, 2]}';

suite('a request names what it wants explained', () => {
  test('all inputs are handed over, and which of them is meant', async () => {
    const { asked } = await explain({ data: row, target: '7', input: 'weights' });
    const [{ inputs, input, output, target, steps } = assert.fail()] = asked;
    assert.deepEqual(
      { input, output, target, steps },
      { input: 1, output: 0, target: 7, steps: 15 },
    );
    assert.deepEqual(
      inputs.map(({ spec }) => spec),
      [
        { dtype: 'int64', dims: [3] },
        { dtype: 'float32', dims: [2] },
      ],
    );
    const bytes = inputs.map((each) => Buffer.from(each.bytes));
    assert.deepEqual(bytes[0], Buffer.from(BigInt64Array.of(1n, 2n, 3n).buffer));
    assert.deepEqual(bytes[1], Buffer.from(Float32Array.of(0.5, 2).buffer));
  });

  test('an id is worth the sum over its vector', async () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    const { reply } = await explain({ data: row }, { dims: [3, 2], values });
    assert.equal(reply.body, '[\n  3.0,\n  7.0,\n  11.0\n]');
  });

  test('many attributions are written off the main loop', async () => {
    const attributions = { dims: [10_000], values: new Float32Array(10_000) };
    const { reply } = await explain({ data: row, input: 'weights' }, attributions);
    assert.equal(reply.body, 'off the loop');
  });

  test('two explanations that are asked for in one turn do not mix', async () => {
    const both = await Promise.all(
      ['[1, 1]', '[2, 2]'].map((weights) =>
        explain({ data: `{"ids": [1], "weights": ${weights}}` }),
      ),
    );
    assert.deepEqual(
      both.map(({ asked }) => [
        ...new Float32Array(asked[0]?.inputs[1]?.bytes.slice().buffer ?? []),
      ]),
      [
        [1, 1],
        [2, 2],
      ],
    );
  });

  for (const [parameters, message] of [
    [{ data: row, target: '-1' }, /the field "target" is "-1"/],
    [{ data: row, target: 'x' }, /an integer from 0 on/],
    [{ data: row, input: 'nothing' }, /the field "input" is "nothing"; .*: ids, weights/],
    [
      { data: `{"instances": [${row}, ${row}]}` },
      /an explanation is of one row; the request has 2/,
    ],
    [{ data: '{"ids": "a"}' }, /ids/],
    [{ other: row }, /data or body/],
  ] as const) {
    test(`refused: ${JSON.stringify(parameters)}`, async () => {
      await assert.rejects(explain(parameters), { code: 'INVALID_REQUEST', message });
    });
  }
});
