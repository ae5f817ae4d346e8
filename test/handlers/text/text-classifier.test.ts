import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ExplainInput } from '../../../src/handlers/api/context.js';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { replyJson } from '../../../src/handlers/api/reply-json.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import type { RequestParameter } from '../../../src/handlers/handler.js';
import { TextClassifier } from '../../../src/handlers/text/text-classifier.js';
import { wordImportances } from '../../../src/handlers/text/word-importances.js';
import { closeOpenModels, OpenModel } from '../../native/open-model.js';
import { assertClose } from '../../support/expected.js';
import { textModels } from '../../support/paths.js';
import { initialized, LocalContext, type LocalModel, localRequest } from '../local-context.js';
import { runInputs } from './native-model.js';
import { temporaryFolder } from './text-folder.js';

const bag = join(textModels, 'bag');
const sequence = join(textModels, 'sequence');

function readJson(folder: string): unknown {
  return JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
}

const bagCases = Value.Parse(
  Type.Array(
    Type.Object({
      text: Type.String(),
      answer: Type.Record(Type.String(), Type.Number()),
      targets: Type.Array(Type.Integer()),
      explanations: Type.Array(
        Type.Object({
          importances: Type.Array(Type.Array(Type.Number())),
          words: Type.Array(Type.String()),
        }),
      ),
    }),
  ),
  readJson(bag),
);
const sequenceCases = Value.Parse(
  Type.Array(Type.Object({ text: Type.String(), answer: Type.Array(Type.Number()) })),
  readJson(sequence),
);

const bagModel = await OpenModel.load(join(bag, 'model.pt'), {
  inputForms: ['joined', 'offsets'],
});
const sequenceModel = await OpenModel.load(join(sequence, 'model.pt'));
after(closeOpenModels);

const json = { contentType: 'application/json' };

/** TorchServe's: the ids of all texts joined, and where each text begins. */
const bagLocal: LocalModel = {
  folder: bag,
  rowShape: undefined,
  inputs: [{ name: 'text', dtype: 'int64', dims: [-1] }],
  batchSize: 4,
  run: (inputs) => runInputs(bagModel, inputs),
};

const sequenceLocal: LocalModel = {
  folder: sequence,
  rowShape: undefined,
  inputs: [
    { name: 'input_ids', dtype: 'int64', dims: [-1] },
    { name: 'attention_mask', dtype: 'int64', dims: [-1] },
  ],
  batchSize: 4,
  run: (inputs) => runInputs(sequenceModel, inputs),
};

type More = Parameters<typeof localRequest>[1];

async function classify(body: string, given: LocalModel, more: More = {}): Promise<unknown> {
  const request = localRequest(body, more);
  const context = new LocalContext(given, request);
  const handler = await initialized(new TextClassifier(), context);
  const prepared = await handler.preprocess(request, context);
  const outputs = await handler.inference(prepared, context);
  const reply = await handler.postprocess(outputs, request, context);
  return JSON.parse(replyJson(reply));
}

suite("a model of TorchServe's kind answers as TorchServe", () => {
  for (const known of bagCases) {
    test(known.text, async () => {
      assertClose(await classify(known.text, bagLocal), known.answer, 1e-6);
      const body = JSON.stringify({ text: known.text });
      assertClose(await classify(body, bagLocal, json), known.answer, 1e-6);
    });
  }

  test('texts of a list are answered one by one', async () => {
    const texts = bagCases.map(({ text }) => text);
    const wanted = bagCases.map(({ answer }) => answer);
    assertClose(await classify(JSON.stringify(texts), bagLocal, json), wanted, 1e-6);
    const instances = JSON.stringify({ instances: texts });
    assertClose(await classify(instances, bagLocal, json), { predictions: wanted }, 1e-6);
  });

  test('a text without words is refused, and a word of which nobody knows too', async () => {
    for (const text of ['', '<br/> !?', '日本語']) {
      await assert.rejects(classify(text, bagLocal), {
        code: 'INVALID_REQUEST',
        message: /no words/,
      });
    }
    const folder = copied(bag, { 'vocab.json': '{"the": 0}' });
    await assert.rejects(classify('the unheard', { ...bagLocal, folder }), {
      code: 'INVALID_REQUEST',
      message: /"unheard" is not in the vocabulary/,
    });
    const modelConfig = { handler: { unknownIndex: 0 } };
    assert.ok(await classify('the unheard', { ...bagLocal, folder, modelConfig }));
  });
});

suite('a model of token sequences answers as PyTorch', () => {
  test('for each text, whatever the padding', async () => {
    const texts = sequenceCases.map(({ text }) => text);
    const wanted = sequenceCases.map(({ answer }) =>
      Object.fromEntries(answer.map((probability, id) => [String(id), probability])),
    );
    assertClose(await classify(JSON.stringify(texts), sequenceLocal, json), wanted, 1e-5);
  });

  test('labels come from the configuration before the file, in the order of the classes', async () => {
    const [, , , known] = sequenceCases;
    assert.ok(known);
    const labelled = (names: string[]) =>
      Object.fromEntries(names.map((name, id) => [name, known.answer[id]]));
    const folder = copied(sequence, {
      'index_to_name.json': '{"0": "x", "1": "y", "2": ["n", "z"]}',
    });
    const given = { ...sequenceLocal, folder };
    assertClose(await classify(known.text, given), labelled(['x', 'y', 'z']), 1e-5);
    const modelConfig = { handler: { labels: ['p', 'q', 'r'] } };
    const configured = { ...given, modelConfig };
    assertClose(await classify(known.text, configured), labelled(['p', 'q', 'r']), 1e-5);
  });

  test('the answer keeps the order of the classes, whatever their labels', async () => {
    const modelConfig = { handler: { labels: ['9', '__proto__', '1'] } };
    const request = localRequest('a');
    const context = new LocalContext({ ...sequenceLocal, modelConfig }, request);
    const handler = await initialized(new TextClassifier(), context);
    const reply = handler.postprocess(Outputs.of(Tensor.from([[1, 1, 1]])), request, context);
    assert.match(
      replyJson(reply),
      /^\[\n {2}\{\n {4}"9": 0\.33\d+,\n {4}"__proto__": 0\.33\d+,\n {4}"1"/,
    );
  });

  test('a class without a label is an invalid output', async () => {
    const modelConfig = { handler: { labels: ['only'] } };
    await assert.rejects(classify('a', { ...sequenceLocal, modelConfig }), {
      code: 'INVALID_OUTPUT',
      message: /class 1 has no label in handler\.labels/,
    });
  });

  test('logits of a dictionary are taken, scores of each token are refused', async () => {
    const scores = { hidden: Tensor.zeros('float32', [1, 9]), logits: Tensor.from([[0, 0]]) };
    const dictionary: LocalModel = { ...sequenceLocal, run: () => Outputs.of(scores) };
    assert.deepEqual(await classify('a', dictionary), { 0: 0.5, 1: 0.5 });
    const tokens = Tensor.zeros('float32', [1, 4, 2]);
    await assert.rejects(classify('a', { ...sequenceLocal, run: () => Outputs.of(tokens) }), {
      code: 'INVALID_OUTPUT',
      message: /float32\[1, 4, 2\]; \[texts, classes\] is expected/,
    });
  });
});

suite('explanations', () => {
  async function explain(
    body: string,
    given: LocalModel,
    parameters?: RequestParameter[],
  ): Promise<unknown> {
    const request = localRequest(body, { explain: true, parameters });
    const context = new LocalContext(given, request);
    const handler = await initialized(new TextClassifier(), context);
    return JSON.parse(replyJson(await handler.explain(request, context)));
  }

  function field(name: string, value: string): RequestParameter {
    return { name, value: Buffer.from(value), contentType: undefined };
  }

  test('the model is asked for the target, with the ids of the text', async () => {
    const asked: ExplainInput[] = [];
    const given: LocalModel = {
      ...sequenceLocal,
      explain: (input) => {
        asked.push(input);
        return Tensor.from(new Array(16 * 2).fill(1), 'float32', [16, 2]);
      },
    };
    const answer = await explain('', given, [field('data', 'a b'), field('target', '2')]);
    assert.deepEqual(
      asked.map(({ target, steps }) => ({ target, steps })),
      [{ target: 2, steps: 50 }],
    );
    assert.deepEqual(answer, {
      importances: [0.5, 0.5, 0.5, 0.5],
      words: ['[CLS]', 'a', 'b', '[SEP]'],
    });
  });

  test('a target that is no position is refused', async () => {
    for (const target of ['x', '-1', '1.5', '99999999999']) {
      await assert.rejects(
        explain('', sequenceLocal, [field('data', 'a'), field('target', target)]),
        { code: 'INVALID_REQUEST', message: /the field "target" is / },
      );
    }
  });

  test("an embedding bag's have TorchServe's form: a softmax over the vector", async () => {
    const vector = [0.5, -1, 2];
    const { importances, words } = wordImportances(Tensor.from(vector), ['one', 'word'], true);
    const exponents = vector.map(Math.exp);
    const sum = exponents.reduce((a, b) => a + b);
    assertClose(importances.toArray(), [exponents.map((value) => value / sum)], 1e-6);
    assert.deepEqual(words, ['one', 'word']);
    const two = wordImportances(Tensor.from([vector, vector]), ['a', 'b'], true).importances;
    const row = exponents.map((value) => value / sum / Math.SQRT2);
    assertClose(two.toArray(), [row, row], 1e-6);
  });

  test("words are those of TorchServe's explanation", async () => {
    const given: LocalModel = { ...bagLocal, explain: () => Tensor.from(new Array(8).fill(0)) };
    for (const { text, explanations } of bagCases) {
      const answer = await explain(text, given);
      const [known] = explanations;
      if (known === undefined) continue;
      assertClose(answer, { importances: [new Array(8).fill(1 / 8)], words: known.words }, 1e-6);
    }
  });
});

/** A copy of a model's folder with some files replaced. */
function copied(from: string, files: Record<string, string>): string {
  const folder = temporaryFolder({});
  for (const name of ['tokenizer.json', 'vocab.json', 'index_to_name.json']) {
    const path = join(folder, name);
    if (name in files) writeFileSync(path, files[name] ?? '');
    else if (from === bag ? name !== 'tokenizer.json' : name === 'tokenizer.json') {
      copyFileSync(join(from, name), path);
    }
  }
  return folder;
}

suite('a folder that lacks what is needed is refused when the model is loaded', () => {
  for (const [files, message] of [
    [{}, /needs a tokenizer\.json or a vocab\.json/],
    [{ 'source_vocab.pt': 'x' }, /source_vocab\.pt is a Python object.*vocab\.json/],
    [{ 'vocab.json': '[]' }, /^vocab\.json: an object/],
    [{ 'vocab.json': '{' }, /^vocab\.json: /],
    [{ 'vocab.json': '{"a": -1}' }, /the id of "a" must be an integer from 0 on/],
    [
      { 'vocab.json': '{}', 'index_to_name.json': '{"0": 1}' },
      /the label of class "0" is a value of/,
    ],
    [{ 'vocab.json': '{}', 'index_to_name.json': '7' }, /^index_to_name\.json: an object/],
  ] as const) {
    test(JSON.stringify(files), async () => {
      const folder = temporaryFolder(files);
      await assert.rejects(classify('a', { ...bagLocal, folder }), {
        code: 'INVALID_CONFIGURATION',
        message,
      });
    });
  }
});
