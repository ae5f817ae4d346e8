import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { ModelConfig } from '../../src/config/model-config.js';
import { type ErrorCode, SconceError } from '../../src/errors.js';
import type { ModelService } from '../../src/models/model-service.js';
import { until } from '../support/condition.js';
import { json } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { RecordingSink } from '../support/recording-sink.js';
import { handlerRequest } from '../support/request.js';
import { source, startServer, startService } from '../support/server.js';

/** Matrix products that keep slow.pt busy for far longer than a request takes. */
const long = 100_000;

function ask(service: ModelService, model: string, row: readonly number[]): RecordingSink {
  const sink = new RecordingSink();
  service.predict(model, undefined, handlerRequest(JSON.stringify(row)), sink);
  return sink;
}

function codeOf(answer: string | SconceError | undefined): ErrorCode | undefined {
  return answer instanceof SconceError ? answer.code : undefined;
}

/** The row of a reply. */
function rowOf(answer: string | SconceError | undefined): unknown {
  assert.equal(typeof answer, 'string', String(answer));
  return JSON.parse(String(answer));
}

suite('a model that cannot be loaded', () => {
  const broken: [string, RegExp][] = [
    ['empty', /not a TorchScript file: it does not begin as a zip archive; save the model with/],
    ['text', /not a TorchScript file: it does not begin as a zip archive; save the model with/],
    ['truncated', /failed reading zip archive/],
    ['corrupt', /expected/],
    ['pickle', /not a TorchScript file: it holds no code; save the model with torch\.jit\.script/],
  ];
  for (const [name, reason] of broken) {
    test(`broken/${name}.pt: names the model, the file, and what is wrong`, async () => {
      const path = fixture(`broken/${name}`);
      await using server = await startServer([source(name, { path }), source('double')]);
      const version = server.service.version(name);
      assert.equal(version.state, 'failed');
      assert.equal(version.failure?.code, 'MODEL_LOAD_FAILED');
      const message = version.failure?.message ?? '';
      assert.ok(
        message.startsWith(`Model "${name}" Version 1.0 cannot be loaded from ${path}: `),
        message,
      );
      assert.match(message, reason);
      assert.ok(!message.includes('\n'), 'the message has several lines');
      await assert.rejects(version.loaded, version.failure);
      // Its requests are answered, and the other model is served.
      const reply = await server.client.predict(name, [1]);
      assert.equal(reply.status, 503);
      assert.match(reply.text, /failed to load; GET \/models\/\S+ on the management port says why/);
      assert.deepEqual(json(await server.client.predict('double', [1])), [3]);
    });
  }

  const refusals: [string, string, ModelConfig, ErrorCode, RegExp][] = [
    [
      'whose warm-up fails',
      'linear',
      { inputs: [{ name: 'input', shape: [4] }] },
      'MODEL_LOAD_FAILED',
      /it rejects a batch of zeros of the inputs of my\.yaml: .*mat1 and mat2 shapes cannot be multiplied.*\(warmUp: false skips this check\)/,
    ],
    [
      'whose output has no rows',
      'reduces',
      { inputs: [{ name: 'x', shape: [4] }] },
      'MODEL_LOAD_FAILED',
      /expected 1 rows, the model returned the shape \[\]/,
    ],
    [
      'with too few inputs in its configuration',
      'pair',
      { inputs: [{ name: 'ids' }] },
      'INVALID_CONFIGURATION',
      /^Model "pair" \(my\.yaml\): inputs: forward takes 2 tensors \(ids, weights\), the configuration names 1$/,
    ],
    [
      'with a name for an argument that is no tensor',
      'options',
      { inputs: [{ name: 'x' }, { name: 'size' }] },
      'INVALID_CONFIGURATION',
      /inputs: "size" stands for the argument "scale" of type float; the tensor handler passes tensors only$/,
    ],
    [
      'with two inputs of one name',
      'pair',
      { inputs: [{ name: 'x' }, { name: 'x' }] },
      'INVALID_CONFIGURATION',
      /two fields have the same name/,
    ],
    [
      'with too many names for its outputs',
      'linear',
      { inputs: [{ name: 'x', shape: [3] }], outputs: [{ name: 'a' }, { name: 'b' }] },
      'INVALID_CONFIGURATION',
      /outputs: the model returns 1 output, the configuration names 2 \(a, b\)$/,
    ],
    [
      'with a shape that no memory holds',
      'dtypes',
      { inputs: [{ name: 'x', shape: [2_147_483_647, 2_147_483_647, 2_147_483_647] }] },
      'INVALID_CONFIGURATION',
      /the shape is too large to address/,
    ],
  ];
  for (const [what, model, config, code, message] of refusals) {
    test(`${what} says so`, async () => {
      const service = startService([source(model, { config, configPath: 'my.yaml' })]);
      const version = service.version(model);
      await assert.rejects(version.loaded, (error) => {
        assert.ok(error instanceof SconceError);
        assert.match(error.message, message);
        assert.equal(error.code, code);
        return true;
      });
      await service.close();
    });
  }

  test('with a flipped bit in its weights is refused, though LibTorch would load it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sconce-'));
    try {
      const content = readFileSync(fixture('linear'));
      const header = content.lastIndexOf('PK\u0003\u0004', content.indexOf('data/0'));
      const data =
        header + 30 + content.readUInt16LE(header + 26) + content.readUInt16LE(header + 28);
      content[data] = (content[data] ?? 0) ^ 1;
      const path = join(folder, 'linear.pt');
      writeFileSync(path, content);
      await using server = await startServer([source('linear', { path })]);
      assert.match(
        server.service.version('linear').failure?.message ?? '',
        /the file is damaged: the bytes of \S*data\/0 do not have their checksum$/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('that is not there names the path', async () => {
    const service = startService([source('gone', { path: '/no/such/file.pt' })]);
    await assert.rejects(
      service.version('gone').loaded,
      /cannot be loaded from \/no\/such\/file\.pt: cannot open the file: No such file or directory/,
    );
    await service.close();
  });

  test('warmUp: false serves a model whose declared shape fails', async () => {
    const config: ModelConfig = { inputs: [{ name: 'input', shape: [4] }], warmUp: false };
    await using server = await startServer([source('linear', { config })]);
    const reply = await server.client.predict('linear', [1, 2, 3, 4]);
    assert.equal(reply.status, 503);
    assert.match(
      reply.text,
      /mat1 and mat2.*given float32\[1, 4\].*which takes input: float32\[n, 4\]/,
    );
  });

  test('wrong names for outputs of open shapes are named to the client', async () => {
    const config: ModelConfig = { outputs: [{ name: 'a' }, { name: 'b' }] };
    await using server = await startServer([source('double', { config })]);
    const reply = await server.client.predict('double', [1]);
    assert.equal(reply.status, 503);
    assert.match(reply.text, /the model returns 1 output, the configuration names 2 \(a, b\)/);
  });
});

suite('requests that come while the model loads', () => {
  test('are answered when it is loaded', async () => {
    const service = startService([source('double')]);
    const sinks = [1, 2, 3].map((value) => ask(service, 'double', [value]));
    assert.equal(service.version('double').state, 'loading');
    assert.equal(service.version('double').pending, 3);
    const answers = await Promise.all(sinks.map((sink) => sink.answer));
    assert.deepEqual(answers.map(rowOf), [[3], [5], [7]]);
    await service.close();
    for (const sink of sinks) assert.equal(sink.answers.length, 1);
  });

  test('are answered with 504 when it loads for longer than an answer may take', async () => {
    const service = startService([source('double', { config: { responseTimeout: 1e-6 } })]);
    const sink = ask(service, 'double', [1]);
    assert.equal(codeOf(await sink.answer), 'RESPONSE_TIMEOUT');
    await service.close();
    assert.equal(sink.answers.length, 1);
  });

  test('are refused when it fails, as are those that come later', async () => {
    const service = startService([source('text', { path: fixture('broken/text') })]);
    const sink = ask(service, 'text', [1]);
    assert.equal(codeOf(await sink.answer), 'MODEL_NOT_LOADED');
    assert.equal(codeOf(await ask(service, 'text', [1]).answer), 'MODEL_NOT_LOADED');
    await service.close();
    assert.equal(sink.answers.length, 1);
  });

  test('are refused beyond jobQueueSize', async () => {
    const service = startService([source('double', { config: { jobQueueSize: 2 } })]);
    const sinks = [1, 2, 3].map((value) => ask(service, 'double', [value]));
    const answers = await Promise.all(sinks.map((sink) => sink.answer));
    assert.deepEqual(answers.slice(0, 2).map(rowOf), [[3], [5]]);
    assert.equal(codeOf(answers[2]), 'NO_CAPACITY');
    await service.close();
  });

  test('can be cancelled', async () => {
    const service = startService([source('double')]);
    const sink = new RecordingSink();
    service.predict('double', undefined, handlerRequest('[1]'), sink).cancel();
    assert.deepEqual(rowOf(await ask(service, 'double', [2]).answer), [5]);
    await service.close();
    assert.deepEqual(sink.answers, []);
  });
});

suite('close()', () => {
  test('while loading resolves and answers who waits', async () => {
    const service = startService([source('double')]);
    const version = service.version('double');
    const sink = ask(service, 'double', [1]);
    await service.close();
    assert.equal(version.state, 'closed');
    assert.equal(sink.answers.length, 1);
    assert.equal(codeOf(sink.answers[0]), 'MODEL_CLOSED');
    await assert.rejects(version.loaded, /was unloaded/);
  });

  test('during warm-up resolves', async () => {
    const config: ModelConfig = { inputs: [{ name: 'x', shape: [2000] }], batchSize: 1000 };
    const service = startService([source('double', { config })]);
    const version = service.version('double');
    await until(() => version.description !== undefined);
    await service.close();
    assert.equal(version.state, 'closed');
  });

  test('of an idle model resolves', async () => {
    const service = startService([source('double')]);
    const version = service.version('double');
    await version.loaded;
    await service.close();
    assert.equal(version.state, 'closed');
  });

  test('of a model that failed resolves', async () => {
    const service = startService([source('text', { path: fixture('broken/text') })]);
    const version = service.version('text');
    await assert.rejects(version.loaded);
    await service.close();
    assert.equal(version.state, 'failed');
  });

  test('with requests in flight answers each exactly once and then resolves', async () => {
    const service = startService([source('slow', { config: { batchSize: 2 } })]);
    const version = service.version('slow');
    await version.loaded;
    const sinks = [long, 0, 0, 0, 0].map((products, i) => ask(service, 'slow', [products, i]));
    await until(() => version.pending === 5 && version.queued < 5);
    const closed = service.close();
    const late = ask(service, 'slow', [0, 9]);
    await closed;
    assert.deepEqual(
      sinks.map(({ answers }) => answers.map(rowOf)),
      [long, 0, 0, 0, 0].map((products, i) => [[products, i]]),
    );
    assert.deepEqual(late.answers.map(codeOf), ['SHUTTING_DOWN']);
    assert.equal(version.pending, 0);
  });

  test('with large bodies being parsed and written answers each exactly once', async () => {
    const service = startService([source('double')]);
    await service.version('double').loaded;
    const row = Array.from({ length: 100_000 }, (_, i) => i);
    const sinks = Array.from({ length: 4 }, () => ask(service, 'double', row));
    const small = ask(service, 'double', [1]);
    await service.close();
    await Promise.all(sinks.map((sink) => sink.answer));
    for (const { answers } of sinks) {
      assert.equal(answers.length, 1);
      const [answer] = answers;
      assert.equal(typeof answer, 'string', String(answer));
      assert.equal(JSON.parse(String(answer)).length, row.length);
    }
    assert.deepEqual(small.answers.map(rowOf), [[3]]);
  });

  test('bodies that are being parsed count against jobQueueSize', async () => {
    const service = startService([source('double', { config: { jobQueueSize: 2 } })]);
    await service.version('double').loaded;
    const row = Array.from({ length: 100_000 }, (_, i) => i);
    const sinks = Array.from({ length: 4 }, () => ask(service, 'double', row));
    assert.equal(service.version('double').pending, 2);
    assert.equal(codeOf(await sinks[2]?.answer), 'NO_CAPACITY');
    assert.equal(codeOf(await sinks[3]?.answer), 'NO_CAPACITY');
    assert.equal(typeof (await sinks[0]?.answer), 'string');
    await service.close();
  });

  test('may be called again', async () => {
    const service = startService([source('double')]);
    await service.version('double').loaded;
    await Promise.all([service.close(), service.close()]);
    await service.close();
  });
});
