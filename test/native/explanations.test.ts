import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type {
  ExplainedEvent,
  InputForm,
  NativeExplanationInput,
  NativeExplanationRequest,
} from '../../src/native/addon.js';
import { type Dtype, dtypeCode, dtypes } from '../../src/native/dtype.js';
import { testDevice } from '../support/gpu.js';
import { closeOpenModels, fixture, OpenModel } from './open-model.js';

/**
 * Largest difference of an attribution from Captum's on the CPU, which computes in float32 as well. On a
 * GPU convolutions are in TensorFloat-32.
 */
const tolerance = testDevice === 'cpu' ? 1e-4 : 5e-3;

type Nested = number | Nested[];

interface ExplanationCase {
  file: string;
  inputs: Record<string, Nested>;
  dtypes: Record<string, string>;
  input: string;
  output: number;
  target: number;
  steps: number;
  baseline?: Nested;
  attributions: Nested;
}

const root = new URL('../../../', import.meta.url);
const cases: ExplanationCase[] = JSON.parse(
  readFileSync(fileURLToPath(new URL('test/fixtures/explanations.json', root)), 'utf8'),
);

/** How the arguments of a file are made of rows, where they are not simply stacked. */
const forms: Record<string, InputForm[]> = { 'text_bag.pt': ['joined', 'offsets'] };

after(closeOpenModels);

function flat(values: Nested): number[] {
  return typeof values === 'number' ? [values] : values.flatMap(flat);
}

function dimsOf(values: Nested): number[] {
  return typeof values === 'number' ? [] : [values.length, ...dimsOf(values[0] ?? 0)];
}

function bytesOf(values: Nested, dtype: Dtype): Uint8Array {
  const numbers = flat(values);
  const array =
    dtype === 'int64' ? BigInt64Array.from(numbers, BigInt) : Float32Array.from(numbers);
  return new Uint8Array(array.buffer);
}

function dtypeNamed(name: string | undefined): Dtype {
  return dtypes.find((dtype) => dtype === name) ?? 'float32';
}

function tensor(values: Nested, name: string | undefined = 'float32'): NativeExplanationInput {
  const dtype = dtypeNamed(name);
  return { dtype: dtypeCode(dtype), dims: dimsOf(values), bytes: bytesOf(values, dtype) };
}

function load(file: string): Promise<OpenModel> {
  const inputForms = forms[file];
  return OpenModel.load(fixture(file), inputForms === undefined ? {} : { inputForms });
}

suite('integrated gradients', () => {
  for (const [index, expected] of cases.entries()) {
    const { file, inputs, input, output, target, steps, baseline } = expected;
    test(`case ${index}: ${file}, ${input}, ${steps} steps, as Captum`, async () => {
      const model = await load(file);
      const names = Object.keys(inputs);
      const dtype = expected.dtypes[input];
      const event = await model.explain({
        inputs: names.map((name) => tensor(inputs[name] ?? 0, expected.dtypes[name])),
        input: names.indexOf(input),
        output,
        target,
        steps,
        ...(baseline === undefined ? {} : { baseline: bytesOf(baseline, dtypeNamed(dtype)) }),
      });
      assert.equal(event.error, undefined);
      assert.deepEqual(event.dims, dimsOf(expected.attributions));
      const wanted = flat(expected.attributions);
      assert.equal(event.attributions.length, wanted.length);
      for (const [i, value] of event.attributions.entries()) {
        const difference = Math.abs(value - (wanted[i] ?? Number.NaN));
        assert.ok(difference <= tolerance, `${i}: ${value}, expected ${wanted[i]}`);
      }
      await model.close();
    });
  }
});

suite('an explanation that cannot be given', () => {
  const refusals: {
    why: string;
    file: string;
    inputs: NativeExplanationInput[];
    asked?: Partial<NativeExplanationRequest>;
    code: string;
    message: RegExp;
  }[] = [
    {
      why: 'no gradient leads to the input',
      file: 'blind.pt',
      inputs: [tensor([1, 2, 3]), tensor([1, 2], 'int64')],
      code: 'EXPLANATION_UNSUPPORTED',
      message: /no gradient leads from the output to the input/,
    },
    {
      why: 'integers are looked up twice',
      file: 'blind.pt',
      inputs: [tensor([1, 2, 3]), tensor([1, 2], 'int64')],
      asked: { input: 1 },
      code: 'EXPLANATION_UNSUPPORTED',
      message: /"ids" is the index of 2 embeddings/,
    },
    {
      why: 'integers are the index of nothing',
      file: 'dtypes.pt',
      inputs: [tensor([1, 2, 3], 'int64')],
      code: 'EXPLANATION_UNSUPPORTED',
      message: /"x" is of integers and is not the index of an embedding/,
    },
    {
      why: 'the output is integers',
      file: 'pair.pt',
      inputs: [tensor([1, 2, 3, 4], 'int64'), tensor([1, 2, 3, 4])],
      asked: { input: 1, output: 1 },
      code: 'EXPLANATION_UNSUPPORTED',
      message: /not of floating point/,
    },
    {
      why: 'the target is not in the output',
      file: 'perceptron.pt',
      inputs: [tensor([1, 2, 3, 4])],
      asked: { target: 3 },
      code: 'INVALID_REQUEST',
      message: /target 3 is out of range: output 0 has 3 elements/,
    },
    {
      why: 'there is no such output',
      file: 'perceptron.pt',
      inputs: [tensor([1, 2, 3, 4])],
      asked: { output: 1 },
      code: 'INVALID_REQUEST',
      message: /there is no output 1: the model returns 1/,
    },
    {
      why: 'the output has no rows of equal length',
      file: 'detector.pt',
      inputs: [tensor([[[2, 1, 1, 1, 1]]])],
      code: 'EXPLANATION_UNSUPPORTED',
      message: /another length for each row/,
    },
    {
      why: 'the shape is wrong',
      file: 'perceptron.pt',
      inputs: [tensor([1, 2, 3])],
      code: 'MODEL_FAILED',
      message: /mat1 and mat2 shapes cannot be multiplied/,
    },
    {
      why: 'a token is not in the vocabulary',
      file: 'recurrent.pt',
      inputs: [tensor([1, 400], 'int64')],
      code: 'MODEL_FAILED',
      message: /index out of range/,
    },
    {
      why: 'there is one input too many',
      file: 'perceptron.pt',
      inputs: [tensor([1, 2, 3, 4]), tensor([1])],
      code: 'MODEL_FAILED',
      message: /argument/,
    },
  ];

  for (const { why, file, inputs, asked, code, message } of refusals) {
    test(`${why}: ${code}, and the next one is answered`, async () => {
      const model = await load(file);
      const request = { inputs, input: 0, output: 0, target: 0, steps: 20, ...asked };
      for (let attempt = 0; attempt < 2; attempt++) {
        const { error, attributions } = await model.explain(request);
        assert.equal(error?.code, code);
        assert.match(error?.message ?? '', message);
        assert.equal(attributions.length, 0);
      }
      await model.close();
    });
  }

  test('arguments that make no sense are refused at once', async () => {
    const model = await load('perceptron.pt');
    const request = { inputs: [tensor([1, 2, 3, 4])], input: 0, output: 0, target: 0, steps: 5 };
    const wrong: Partial<NativeExplanationRequest>[] = [
      { inputs: [] },
      { input: 1 },
      { steps: 0 },
      { steps: 1001 },
      { target: -1 },
      { output: 0.5 },
      { baseline: new Uint8Array(15) },
      { inputs: [{ dtype: 0, dims: [5], bytes: new Uint8Array(16) }] },
      { inputs: [{ dtype: 99, dims: [4], bytes: new Uint8Array(16) }] },
    ];
    for (const change of wrong) {
      assert.throws(() => model.model.explain(1, { ...request, ...change }), { code: 'INTERNAL' });
    }
    await model.close();
  });
});

suite('beside everything else', () => {
  const request: NativeExplanationRequest = {
    inputs: [tensor([1, 2, 3, 4])],
    input: 0,
    output: 0,
    target: 0,
    steps: 50,
  };

  test('explanations, batches and scaling do not disturb each other', async () => {
    const model = await load('perceptron.pt');
    const slab = model.addSlab([{ dtype: 'float32', dims: [4] }], 8, 64);
    const first = await model.explain(request);
    const explained: Promise<ExplainedEvent>[] = [];
    const scaled: Promise<unknown>[] = [];
    let outputs: number[] | undefined;
    for (let round = 0; round < 40; round++) {
      explained.push(model.explain(request));
      if (round % 10 === 0) scaled.push(model.scale(1 + ((round / 10) % 3)));
      slab.put([1, 2, 3, 4]);
      const batch = await model.run(slab);
      assert.equal(batch.errors, undefined);
      outputs ??= [...slab.output(batch, 3)];
      assert.deepEqual([...slab.output(batch, 3)], outputs);
      slab.words.fill(0);
    }
    for (const { error, attributions } of await Promise.all(explained)) {
      assert.equal(error, undefined);
      assert.deepEqual(attributions, first.attributions);
    }
    await Promise.all(scaled);
    await model.close();
  });

  test('a model that closes answers all that were asked', async () => {
    const model = await load('perceptron.pt');
    const answers = Array.from({ length: 60 }, () => model.explain({ ...request, steps: 1000 }));
    await model.close();
    const codes = (await Promise.all(answers)).map(({ error }) => error?.code);
    assert.ok(codes.every((code) => code === undefined || code === 'MODEL_CLOSED'));
    assert.equal(codes.at(-1), 'MODEL_CLOSED');
    assert.throws(() => model.model.explain(1, request), { code: 'MODEL_CLOSED' });
  });

  test('too many that wait are refused, and the others answered', async () => {
    const model = await load('perceptron.pt');
    const answers: Promise<ExplainedEvent>[] = [];
    let refused = 0;
    for (let i = 0; i < 100; i++) {
      try {
        answers.push(model.explain(request));
      } catch (error) {
        assert.ok(error instanceof Error && 'code' in error);
        assert.equal(error.code, 'NO_CAPACITY');
        refused++;
      }
    }
    assert.ok(refused > 0);
    for (const { error } of await Promise.all(answers)) assert.equal(error, undefined);
    await model.close();
  });

  test('what the module prints goes to the model', async () => {
    const model = await OpenModel.load(fixture('prints.pt'));
    const answer = await model.explain({
      ...request,
      inputs: [tensor([1, 0])],
      baseline: bytesOf([1, 0], 'float32'),
      steps: 1,
    });
    assert.equal(answer.error, undefined);
    await model.close();
    assert.ok(model.printed.includes('line 0'));
  });

  test('a model may write to its input', async () => {
    const model = await OpenModel.load(fixture('overwrites.pt'));
    const asked = { ...request, inputs: [tensor([2, 3])], target: 1, steps: 20 };
    const { error, attributions } = await model.explain(asked);
    assert.equal(error, undefined);
    const [other, target] = attributions;
    assert.equal(other, 0);
    assert.ok(Math.abs((target ?? 0) - 3) < tolerance);
    await model.close();
  });

  test('a module in reduced precision is explained in its own', async () => {
    const plain = await load('perceptron.pt');
    const reduced = await OpenModel.load(fixture('perceptron.pt'), { precision: 'bfloat16' });
    const [expected, given] = [await plain.explain(request), await reduced.explain(request)];
    assert.deepEqual(given.attributions, expected.attributions);
    await plain.close();
    await reduced.close();
  });
});
