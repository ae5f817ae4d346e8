import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Inputs } from '../../../src/handlers/api/context.js';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { replyJson } from '../../../src/handlers/api/reply-json.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { TextEmbedding } from '../../../src/handlers/text/text-embedding.js';
import { closeOpenModels, OpenModel } from '../../native/open-model.js';
import { assertClose } from '../../support/expected.js';
import { textModels } from '../../support/paths.js';
import { initialized, LocalContext, type LocalModel, localRequest } from '../local-context.js';
import { runInputs } from './native-model.js';

const folder = join(textModels, 'encoder');
const vector = Type.Array(Type.Number());
const cases = Value.Parse(
  Type.Array(
    Type.Object({
      text: Type.String(),
      answer: Type.Object({ mean: vector, normalized: vector, cls: vector, max: vector }),
    }),
  ),
  JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')),
);
const model = await OpenModel.load(join(folder, 'model.pt'));
after(closeOpenModels);

const inputs = [
  { name: 'input_ids', dtype: 'int64', dims: [-1] },
  { name: 'attention_mask', dtype: 'int64', dims: [-1] },
] as const;
const json = { contentType: 'application/json' };

/** Row counts and lengths of the runs that a request took. */
interface Asked {
  answer: unknown;
  shapes: (readonly number[])[];
}

async function ask(
  body: string,
  more: Parameters<typeof localRequest>[1] = {},
  options: object = {},
  given: LocalModel = {},
): Promise<Asked> {
  const request = localRequest(body, more);
  const shapes: (readonly number[])[] = [];
  const context = new LocalContext(
    {
      inputs,
      rowShape: undefined,
      folder,
      batchSize: 8,
      modelConfig: { handler: options },
      run: (tensors) => {
        shapes.push(tensors instanceof Tensor ? tensors.shape : (tensors.input_ids?.shape ?? []));
        return runInputs(model, tensors);
      },
      ...given,
    },
    request,
  );
  const handler = await initialized(new TextEmbedding(), context);
  const prepared = await handler.preprocess(request, context);
  const outputs = await handler.inference(prepared, context);
  const reply = await handler.postprocess(outputs, request, context);
  return { answer: JSON.parse(replyJson(reply)), shapes };
}

suite('a text becomes the vector that PyTorch computes for its tokens alone', () => {
  for (const [what, options, key] of [
    ['by default: the mean, normalized', {}, 'normalized'],
    ['the mean as it is', { normalize: false }, 'mean'],
    ['the first token', { pooling: 'cls', normalize: false }, 'cls'],
    ['the largest elements', { pooling: 'max', normalize: false }, 'max'],
  ] as const) {
    test(what, async () => {
      const texts = cases.map(({ text }) => text);
      const { answer } = await ask(JSON.stringify(texts), json, options);
      const wanted = cases.map((known) => known.answer[key]);
      assertClose(answer, wanted, 1e-5);
    });
  }

  test('without padding to share batches, and with much of it', async () => {
    const texts = cases.map(({ text }) => text);
    const wanted = cases.map((known) => known.answer.normalized);
    for (const padTo of [1, 100]) {
      assertClose((await ask(JSON.stringify(texts), json, { padTo })).answer, wanted, 1e-5);
    }
  });
});

suite('a request holds texts in many ways, and the answer has its form', () => {
  const [, , , hello, , fox] = cases;
  assert.ok(hello && fox);
  const one = hello.answer.normalized;
  const two = [one, fox.answer.normalized];
  for (const [body, more, wanted] of [
    [hello.text, {}, one],
    [hello.text, { contentType: 'text/plain; charset=utf-8' }, one],
    [JSON.stringify(hello.text), json, one],
    [JSON.stringify({ text: hello.text }), json, one],
    [JSON.stringify({ inputs: hello.text }), json, one],
    [JSON.stringify({ inputs: hello.text }), {}, one],
    [JSON.stringify([hello.text]), json, [one]],
    [JSON.stringify([hello.text, fox.text]), {}, two],
    [JSON.stringify({ sentences: [hello.text, fox.text] }), json, two],
    [JSON.stringify({ inputs: [hello.text, fox.text] }), json, two],
    [JSON.stringify({ instances: [hello.text, { text: fox.text }] }), json, { predictions: two }],
  ] as const) {
    test(`${JSON.stringify(more)} ${body}`, async () => {
      assertClose((await ask(body, more)).answer, wanted, 1e-5);
    });
  }

  test('a form carries it as data or body', async () => {
    const parameters = [{ name: 'data', value: Buffer.from(hello.text), contentType: undefined }];
    assertClose((await ask('', { parameters })).answer, one, 1e-5);
  });

  test('what only looks like JSON is a text', async () => {
    for (const text of ['[CLS] a bracket', '{"a": 1}', '["a", 1]', '"quoted" words']) {
      const { answer } = await ask(text);
      assert.deepEqual((await ask(JSON.stringify(text), json)).answer, answer);
    }
  });
});

suite('rows share batches by their length', () => {
  test('each run has one length and at most batch_size rows', async () => {
    const short = Array.from({ length: 10 }, () => 'a b');
    const long = Array.from({ length: 3 }, () => 'a '.repeat(20));
    const { answer, shapes } = await ask(JSON.stringify([...short, ...long, ...short]), json);
    assert.deepEqual(
      shapes.toSorted((a, b) => Number(a[1]) - Number(b[1]) || Number(b[0]) - Number(a[0])),
      [
        [8, 16],
        [8, 16],
        [4, 16],
        [3, 32],
      ],
    );
    assert.ok(Array.isArray(answer));
    const [a, b] = [(await ask('a b')).answer, (await ask('a '.repeat(20))).answer];
    for (const [i, row] of answer.entries()) assertClose(row, i >= 10 && i < 13 ? b : a, 1e-5);
  });

  test('a text is cut at maxLength, which bounds the padding too', async () => {
    const { shapes } = await ask('a '.repeat(500), {}, { maxLength: 40 });
    assert.deepEqual(shapes, [[1, 40]]);
  });

  test('a configured length is what every row has', async () => {
    const fixed = inputs.map((input) => ({ ...input, dims: [24] }));
    for (const text of ['a', 'a '.repeat(500)]) {
      const { shapes } = await ask(text, {}, {}, { inputs: fixed });
      assert.deepEqual(shapes, [[1, 24]]);
    }
  });

  test('a model without a mask gets no padding', async () => {
    const shapes: (readonly number[])[] = [];
    const { answer } = await ask(
      '["a", "a b", "b a"]',
      json,
      {},
      {
        inputs: [{ name: 'ids', dtype: 'int32', dims: null }],
        run: (tensors) => {
          assert.ok(!(tensors instanceof Tensor) && tensors.ids !== undefined);
          assert.equal(tensors.ids.dtype, 'int32');
          shapes.push(tensors.ids.shape);
          return Outputs.of(Tensor.zeros('float32', [...tensors.ids.shape, 2]));
        },
      },
    );
    assert.deepEqual(shapes, [
      [1, 3],
      [2, 4],
    ]);
    assert.deepEqual(answer, [
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });
});

suite('what the model returns', () => {
  const returning = (make: (rows: number, tokens: number) => Outputs): LocalModel => ({
    run: (tensors: Inputs) => {
      const [rows = 0, tokens = 0] =
        tensors instanceof Tensor ? [] : (tensors.input_ids?.shape ?? []);
      return make(rows, tokens);
    },
  });
  const ones = (...shape: number[]): Tensor =>
    Tensor.zeros('float32', shape).set(new Array(shape.reduce((a, b) => a * b)).fill(1));

  test('the first of a tuple, or vectors that are pooled already', async () => {
    for (const make of [
      (rows: number, tokens: number) => Outputs.of([ones(rows, tokens, 4), ones(rows, 9)]),
      (rows: number) => Outputs.of(ones(rows, 4)),
      (rows: number, tokens: number) => Outputs.of(ones(rows, tokens, 4).to('float16')),
    ]) {
      assert.deepEqual((await ask('a', {}, {}, returning(make))).answer, [0.5, 0.5, 0.5, 0.5]);
    }
  });

  test('a vector of zeros stays one', async () => {
    const zeros = returning((rows) => Outputs.of(Tensor.zeros('float32', [rows, 2])));
    assert.deepEqual((await ask('a', {}, {}, zeros)).answer, [0, 0]);
  });

  test('another shape is an invalid output', async () => {
    const wrong = returning((rows) => Outputs.of(ones(rows)));
    await assert.rejects(ask('a', {}, {}, wrong), { code: 'INVALID_OUTPUT', message: /\[1\]/ });
  });

  test('what it fails with fails the request', async () => {
    const failing: LocalModel = {
      run: () => Promise.reject(Object.assign(new Error('no memory'), { code: 'OUT_OF_MEMORY' })),
    };
    await assert.rejects(ask('["a", "b"]', json, {}, failing), { code: 'OUT_OF_MEMORY' });
  });

  test('after a failure no more of the request is run', async () => {
    let runs = 0;
    const failing: LocalModel = {
      batchSize: 1,
      run: async (tensors) => {
        runs += 1;
        if (runs === 1) throw new Error('the first fails');
        return runInputs(model, tensors);
      },
    };
    const many = JSON.stringify(new Array(50).fill('a'));
    await assert.rejects(ask(many, json, {}, failing), { message: 'the first fails' });
    assert.ok(runs <= 3, `${runs} runs`);
  });
});

suite('a wrong request says what is wrong', () => {
  for (const [body, message] of [
    ['[]', /the list of texts is empty/],
    ['[1]', /\[0\]: a text is expected, a value of type number came/],
    ['["a", ["b"]]', /\[1\]: a text is expected, a list came/],
    ['{"inputs": ["a", null]}', /inputs\[1\]: a text is expected, null came/],
    ['{"inputs": 7}', /"inputs": a text or a list of texts is expected, a value of type number/],
    ['{"txet": "a"}', /the field text, .*instances; it has "txet"/],
    ['{}', /it has no field/],
    ['7', /a text or a list of texts is expected/],
    ['null', /a text or a list of texts is expected, null came/],
    ['{"inputs": ', /not JSON/],
    [JSON.stringify(new Array(5).fill('a')), /5 texts; handler\.maxTexts allows 4/],
    [JSON.stringify(['a', 'b'.repeat(101)]), /text 1 has 101 characters; .* allows 100/],
    [JSON.stringify(['\ufdfa'.repeat(10)]), /text 0 has 180 characters; .* allows 100/],
  ] as const) {
    test(body.slice(0, 40), async () => {
      await assert.rejects(ask(body, json, { maxTexts: 4, maxCharacters: 100 }), {
        code: 'INVALID_REQUEST',
        message,
      });
    });
  }

  test('bytes that are not UTF-8', async () => {
    const request = localRequest(Uint8Array.of(0x61, 0xff));
    const context = new LocalContext({ inputs, folder, rowShape: undefined }, request);
    const handler = await initialized(new TextEmbedding(), context);
    await assert.rejects(handler.preprocess(request, context), { code: 'INVALID_REQUEST' });
  });

  test('a text without any token', async () => {
    const plain = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8'));
    const { temporaryFolder } = await import('./text-folder.js');
    const bare = temporaryFolder({ 'tokenizer.json': { ...plain, post_processor: null } });
    await assert.rejects(ask(' ', {}, {}, { folder: bare }), {
      code: 'INVALID_REQUEST',
      message: /no tokens/,
    });
  });
});

test('a request that nobody waits for any more is given up between two texts', async () => {
  const request = localRequest(
    JSON.stringify(new Array(1000).fill('many words '.repeat(200))),
    json,
  );
  const context = new LocalContext({ inputs, folder, rowShape: undefined }, request);
  const handler = await initialized(new TextEmbedding(), context);
  const prepared = handler.preprocess(request, context);
  context.abort.abort();
  await assert.rejects(prepared, { name: 'AbortError' });
});

suite('a wrong configuration is refused when the model is loaded', () => {
  for (const [options, message] of [
    [{ pooling: 'sum' }, /^handler\.pooling must be one of mean, cls, max$/],
    [{ padTo: 0 }, /^handler\.padTo /],
    [{ maxLength: 2.5 }, /^handler\.maxLength /],
    [{ paddTo: 1 }, /^handler\.paddTo is not known here$/],
    [{ maxLength: 1 }, /^handler\.maxLength: 1 tokens leave no room/],
  ] as const) {
    test(JSON.stringify(options), async () => {
      await assert.rejects(ask('a', {}, options), { code: 'INVALID_CONFIGURATION', message });
    });
  }

  test('inputs that are none of a text model', async () => {
    const many = ['ids', 'a', 'b', 'c'].map(
      (name) => ({ name, dtype: 'int64', dims: null }) as const,
    );
    await assert.rejects(ask('a', {}, {}, { inputs: many }), {
      code: 'INVALID_CONFIGURATION',
      message: /its inputs are ids, a, b, c/,
    });
  });
});
