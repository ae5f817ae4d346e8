import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SconceError } from '../../src/errors.js';
import type { ExplanationRequest } from '../../src/handlers/handler.js';
import { Explanations } from '../../src/models/explanations.js';
import type { NativeExplanationRequest } from '../../src/native/addon.js';

const request: ExplanationRequest = {
  inputs: [{ spec: { dtype: 'float32', dims: [3] }, bytes: new Uint8Array(12) }],
  input: 0,
  output: 0,
  target: 1,
  steps: 15,
};

/** The requests that reached the model, and what it throws instead of taking one. */
class Model {
  readonly asked: [number, NativeExplanationRequest][] = [];
  problem: Error | undefined;

  explain(id: number, asked: NativeExplanationRequest): void {
    if (this.problem !== undefined) throw this.problem;
    this.asked.push([id, asked]);
  }
}

function make(): { model: Model; explanations: Explanations } {
  const model = new Model();
  return { model, explanations: new Explanations(model, 'mlp', '1.0') };
}

suite('explanations of a model', () => {
  test('each is answered by the event with its id, in any order', async () => {
    const { model, explanations } = make();
    const answers = [explanations.attribute(request), explanations.attribute(request)];
    assert.equal(explanations.pending, 2);
    for (const [id] of model.asked.toReversed()) {
      explanations.explained({
        ...{ kind: 'explained', model: 1, id, dims: [1] },
        attributions: Float32Array.of(id),
      });
    }
    const values = (await Promise.all(answers)).map(({ values }) => values[0]);
    assert.deepEqual(
      values,
      model.asked.map(([id]) => id),
    );
    assert.equal(explanations.pending, 0);
  });

  test('an error of the model becomes one that says why', async () => {
    const expected: [string, string, RegExp][] = [
      ['EXPLANATION_UNSUPPORTED', 'EXPLANATION_UNSUPPORTED', / cannot be explained: why$/],
      ['MODEL_CLOSED', 'MODEL_CLOSED', /./],
      ['INVALID_REQUEST', 'INVALID_REQUEST', /why/],
      ['OUT_OF_MEMORY', 'OUT_OF_MEMORY', /why/],
      ['MODEL_LOAD_FAILED', 'MODEL_FAILED', /the file cannot be read again: why/],
      ['UNHEARD_OF', 'INTERNAL', /why/],
    ];
    for (const [given, code, message] of expected) {
      const { model, explanations } = make();
      const answer = explanations.attribute(request);
      const id = model.asked[0]?.[0] ?? 0;
      explanations.explained({
        ...{ kind: 'explained', model: 1, id, dims: [], attributions: new Float32Array() },
        error: { code: given, message: 'why' },
      });
      await assert.rejects(answer, (error) => {
        assert.ok(error instanceof SconceError);
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      });
    }
  });

  test('what the model refuses to take is rejected', async () => {
    const { model, explanations } = make();
    model.problem = Object.assign(new Error('64 wait'), { code: 'NO_CAPACITY' });
    await assert.rejects(explanations.attribute(request), {
      code: 'NO_CAPACITY',
      reason: '64 wait',
    });
    assert.equal(explanations.pending, 0);
  });

  test('what is open when the model goes is rejected', async () => {
    const { explanations } = make();
    const answer = explanations.attribute(request);
    explanations.ended();
    await assert.rejects(answer, { code: 'MODEL_CLOSED' });
    assert.equal(explanations.pending, 0);
  });

  test('requests that make no sense never reach the model', async () => {
    const wrong: [Partial<ExplanationRequest>, RegExp][] = [
      [{ steps: 0 }, /^steps must be a whole number from 1 to 1000; given 0$/],
      [{ steps: 1001 }, /steps/],
      [{ steps: Number.NaN }, /steps/],
      [{ target: -1 }, /target/],
      [{ target: 1.5 }, /target/],
      [{ output: -1 }, /output/],
      [{ input: 1 }, /no input 1 among 1/],
      [{ baseline: new Uint8Array(11) }, /the baseline needs 12 bytes, as the input; given 11/],
      [
        { inputs: [{ spec: { dtype: 'float32', dims: [3] }, bytes: new Uint8Array(8) }] },
        /an input needs 12 bytes; given 8/,
      ],
    ];
    const { model, explanations } = make();
    for (const [change, message] of wrong) {
      await assert.rejects(explanations.attribute({ ...request, ...change }), {
        code: 'INVALID_REQUEST',
        message,
      });
    }
    assert.equal(model.asked.length, 0);
  });
});
