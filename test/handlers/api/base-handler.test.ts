import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BaseHandler } from '../../../src/handlers/api/base-handler.js';
import type { ExplainInput, Inputs } from '../../../src/handlers/api/context.js';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import type { HandlerRequest } from '../../../src/handlers/handler.js';
import { initialized, LocalContext, type LocalModel, localRequest } from '../local-context.js';

const pair: LocalModel = {
  inputs: [
    { name: 'ids', dtype: 'int64', dims: [2] },
    { name: 'flag', dtype: 'bool', dims: [1] },
  ],
};

/** What the default steps make of a request, and what the model was given. */
async function serve(
  body: string | Uint8Array,
  model: LocalModel = {},
  more: Partial<HandlerRequest> = {},
) {
  const request = localRequest(body, more);
  let given: Inputs | undefined;
  const context = new LocalContext(
    {
      run: (inputs) => {
        given = inputs;
        return Outputs.of(inputs);
      },
      ...model,
    },
    request,
  );
  const handler = await initialized(new BaseHandler(), context);
  const inputs = (await handler.preprocess(request, context)) ?? undefined;
  const outputs = await handler.inference(inputs, context);
  const reply = await handler.postprocess(outputs, request, context);
  return { given, inputs, reply, headers: Object.fromEntries(context.headers) };
}

const refused = (message: RegExp) => ({ code: 'INVALID_REQUEST', message });

suite('the default steps of a handler', () => {
  test('fill the row in place for one row of one input', async () => {
    const { inputs, given, reply } = await serve('{"features": [1, 2, 3, 4]}');
    assert.equal(inputs, undefined);
    assert.deepEqual(given, { features: Tensor.from([[1, 2, 3, 4]]) });
    assert.equal(reply, '{\n  "features": [\n    1.0,\n    2.0,\n    3.0,\n    4.0\n  ]\n}');
  });

  test('read several rows and answer in the form of the request', async () => {
    const { inputs, reply } = await serve('{"instances": [[1, 2, 3, 4], [5, 6, 7, 8]]}');
    const features = Tensor.from([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    assert.deepEqual(inputs, { features });
    assert.deepEqual(Object.keys(JSON.parse(String(reply))), ['predictions']);
  });

  test('read several inputs of any dtype', async () => {
    const { inputs } = await serve('{"ids": [1, -2], "flag": [true]}', pair);
    assert.deepEqual(inputs, {
      ids: Tensor.from([[1, -2]], 'int64'),
      flag: Tensor.from([[1]], 'bool'),
    });
  });

  test('read shapes from the request where none is known', async () => {
    const model: LocalModel = {
      inputs: [{ name: 'x', dtype: 'float32', dims: null }],
      rowShape: undefined,
    };
    const { inputs } = await serve('[[1, 2], [3, 4]]', model);
    assert.deepEqual(inputs, {
      x: Tensor.from([
        [
          [1, 2],
          [3, 4],
        ],
      ]),
    });
  });

  test('read raw bytes and answer with them', async () => {
    const bytes = Buffer.concat([
      Tensor.from([1, 2, 3, 4], 'int64').bytes,
      Tensor.from([1, 0], 'bool').bytes,
    ]);
    const { inputs, reply, headers } = await serve(bytes, pair, {
      contentType: 'application/octet-stream',
      accept: 'application/octet-stream',
    });
    const ids = Tensor.from(
      [
        [1, 2],
        [3, 4],
      ],
      'int64',
    );
    assert.deepEqual(inputs, { ids, flag: Tensor.from([[1], [0]], 'bool') });
    assert.deepEqual(Buffer.from(reply instanceof Uint8Array ? reply : []), bytes);
    assert.deepEqual(headers, {
      'content-type': 'application/octet-stream',
      'x-sconce-outputs': 'int64[2,2];bool[2,1]',
    });
  });

  test('name a content type for a client that asks for one, and none else', async () => {
    const body = '[1, 2, 3, 4]';
    assert.deepEqual((await serve(body)).headers, {});
    const asked = await serve(body, {}, { accept: 'application/json' });
    assert.deepEqual(asked.headers, { 'content-type': 'application/json' });
  });

  test('name outputs as the configuration does', async () => {
    const run = (inputs: Inputs) => {
      const tensor = inputs instanceof Tensor ? inputs : Object.values(inputs)[0];
      const { location } = Outputs.of(tensor ?? []);
      return new Outputs({ ...location, names: ['scores'] });
    };
    const { reply } = await serve('[1, 2, 3, 4]', { run });
    assert.deepEqual(JSON.parse(String(reply)), { scores: [1, 2, 3, 4] });
  });

  test('refuse what is no input', async () => {
    await assert.rejects(serve('{"features": [1, 2]}'), refused(/features/));
    await assert.rejects(serve('not JSON'), refused(/JSON/));
    const bytes = { contentType: 'application/octet-stream' };
    await assert.rejects(serve(Buffer.alloc(5), {}, bytes), refused(/the body has 5 bytes; a row/));
    const odd = Buffer.concat([Buffer.alloc(16), Buffer.of(2)]);
    await assert.rejects(serve(odd, pair, bytes), refused(/byte 16 of the body is 2; a bool is/));
    const form = { parameters: [{ name: 'x', value: Buffer.from('1'), contentType: undefined }] };
    await assert.rejects(
      serve('', {}, form),
      refused(/a form carries the input in the field data/),
    );
  });

  test('describe the tensors', async () => {
    const context = new LocalContext({ ...pair, outputNames: ['out'] });
    assert.deepEqual((await initialized(new BaseHandler(), context)).describe(), {
      inputs: [
        { name: 'ids', dtype: 'int64', shape: [2] },
        { name: 'flag', dtype: 'bool', shape: [1] },
      ],
      outputs: ['out'],
    });
  });
});

suite('the default explanation', () => {
  async function explain(body: string, target?: string) {
    const parameters = [
      { name: 'data', value: Buffer.from(body), contentType: undefined },
      ...(target === undefined
        ? []
        : [{ name: 'target', value: Buffer.from(target), contentType: undefined }]),
    ];
    const request = localRequest('', { parameters, explain: true });
    const asked: ExplainInput[] = [];
    const context = new LocalContext(
      {
        explain: (input) => {
          asked.push(input);
          return Tensor.from([0.5, 1]);
        },
      },
      request,
    );
    const handler = await initialized(new BaseHandler(), context);
    return { reply: await handler.explain(request, context), asked };
  }

  test('is of the row that the request holds, for the target of its form or the first', async () => {
    const inputs = { features: Tensor.from([[1, 2, 3, 4]]) };
    const { reply, asked } = await explain('[1, 2, 3, 4]', ' 3 ');
    assert.deepEqual(asked, [{ inputs, target: 3 }]);
    assert.deepEqual(reply, Tensor.from([0.5, 1]));
    assert.deepEqual((await explain('[1, 2, 3, 4]')).asked, [{ inputs, target: 0 }]);
  });

  test('is refused for several rows, and for a target that is no position', async () => {
    const rows = '{"instances": [[1, 2, 3, 4], [1, 2, 3, 4]]}';
    await assert.rejects(explain(rows), refused(/of one row; the request has 2 \(float32\[2, 4\]/));
    for (const target of ['x', '-1', '1.5', '9'.repeat(30)]) {
      await assert.rejects(explain('[1, 2, 3, 4]', target), refused(/field "target" is "/));
    }
  });
});

suite('a handler', () => {
  test('has no context in its constructor', () => {
    class Early extends BaseHandler {
      readonly name = this.context.modelName;
    }
    assert.throws(() => new Early(), /Early: the context is not known in the constructor/);
  });
});
