import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogs } from '../../src/logging/logs.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { isProcessAlive } from '../../src/process-alive.js';
import { alphaRows, assertClose } from '../support/expected.js';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { alphaModel, documentHandler, root } from '../support/paths.js';
import { requirePython, withoutPython } from '../support/python.js';
import { PythonModels } from '../support/python-model.js';
import { startServer, type TestServer } from '../support/server.js';

const unruly = readFileSync(join(root, 'test/support/unruly_handler.py'), 'utf8');

const alphaHandler = readFileSync(documentHandler, 'utf8');

/** A model whose weights alone are serialized: TorchServe's base_handler runs it. */
const eagerModel = `
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x * self.scale
`;

interface Answer {
  value: unknown;
  pid: number;
  rows: number;
  explain: string;
}

function answerOf(reply: HttpReply): Answer {
  assert.equal(reply.status, 200, reply.text);
  return Object(json(reply));
}

function errorOf(reply: HttpReply): [number, string, string] {
  const { code, type, message } = Object(json(reply));
  assert.equal(code, reply.status);
  return [code, type, message];
}

/** Looks a few times a millisecond; the test runner's own timeout is the limit. */
async function eventually(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await pause(5);
}

const jsonType = { headers: { 'content-type': 'application/json' } };

suite('Python handlers', { skip: withoutPython }, () => {
  const models = new PythonModels();
  let server: TestServer;
  let management: HttpClient;

  function ask(model: string, command: unknown): Promise<HttpReply> {
    return server.client.predict(model, command, jsonType);
  }

  async function describe(model: string, query = ''): Promise<Record<string, unknown>> {
    const [described] = Array(json(await management.get(`/models/${model}${query}`))).flat();
    return Object(described);
  }

  async function workersOf(model: string): Promise<{ pid: number; status: string }[]> {
    const { workers } = await describe(model);
    return Object(workers);
  }

  function ready(model: string): Promise<void> {
    return eventually(() => server.service.version(model).state === 'ready');
  }

  /** A file that a handler waits for. */
  let gates = 0;
  function gate() {
    gates += 1;
    const path = join(models.folder, `gate-${gates}`);
    return {
      path,
      open: (piece = '') => writeFileSync(path + piece, ''),
      reached: (piece = '') => eventually(() => existsSync(`${path}${piece}.here`)),
    };
  }

  before(async () => {
    const config = { maxRetryTimeoutInSec: 300 };
    server = await startServer(
      [
        await models.source('alpha', alphaHandler, {
          config: { batchSize: 8 },
          manifest: { serializedFile: 'model.pt' },
          files: { 'model.pt': readFileSync(join(alphaModel, 'model.pt')) },
        }),
        await models.source('unruly', unruly, { config }),
        await models.source('quick', unruly, { config: { ...config, responseTimeout: 1 } }),
      ],
      { python: requirePython(), unregisterModelTimeout: 60, defaultResponseTimeout: 60 },
    );
    management = new HttpClient(server.addresses.management);
  });

  after(async () => {
    management?.close();
    await server?.close();
    models[Symbol.dispose]();
  });

  test('serve as TorchServe documents them, in batches', async () => {
    const { requests, predictions } = alphaRows;
    const [row, prediction] = [requests[0], predictions[0]];
    const replies = await Promise.all(
      Array.from({ length: 64 }, () => server.client.predict('alpha', { features: row })),
    );
    for (const reply of replies) {
      assert.equal(reply.status, 200, reply.text);
      assertClose(json(reply), { prediction }, 1e-4);
      assert.equal(reply.headers['content-type'], undefined);
    }
    const text = await server.metrics.text();
    const [, sum] = /sconce_batch_rows_sum\{[^}]*"alpha"[^}]*\} (\d+)/.exec(text) ?? [];
    const [, count] = /sconce_batch_rows_count\{[^}]*"alpha"[^}]*\} (\d+)/.exec(text) ?? [];
    assert.equal(sum, '64');
    assert.ok(Number(count) < 64, `${count} batches`);
  });

  test('get a wrong body, and fail with what TorchServe says', async () => {
    const reply = await server.client.predict('alpha', { other: 1 });
    assert.deepEqual(errorOf(reply), [503, 'InternalServerException', 'Prediction failed']);
  });

  for (const [what, command, wanted] of [
    ['that raise', { raise: 'as asked' }, [503, 'Prediction failed']],
    ['that run out of memory', { memory: 1 }, [507, 'Out of resources']],
    ['that lose a reply', { lose: 1 }, [503, 'number of batch response mismatched']],
    ['that return no list', { odd: 1 }, [503, 'Invalid model predict output']],
    ['that return no data', { unspeakable: 1 }, [503, 'Unsupported model output data type.']],
    ['that refuse', { refuse: 'too salty', code: 422 }, [422, 'too salty']],
    ['that refuse with a code that is none', { refuse: 'no', code: 7 }, [500, 'no']],
  ] as const) {
    test(`${what} keep their process`, async () => {
      const before = answerOf(await ask('unruly', { value: 1 })).pid;
      const [code, type, message] = errorOf(await ask('unruly', command));
      assert.deepEqual([code, type, message], [wanted[0], 'InternalServerException', wanted[1]]);
      assert.equal(answerOf(await ask('unruly', { value: 1 })).pid, before);
    });
  }

  for (const [what, command, status, reason] of [
    ['exits', { exit: 3 }, 500, /ended with code 3/],
    ['is killed', { kill: 1 }, 507, /killed/],
    ['crashes', { crash: 1 }, 500, /SIGSEGV/],
  ] as const) {
    test(`whose process ${what} answer its batch, and serve again`, async () => {
      const before = answerOf(await ask('unruly', { value: 1 })).pid;
      const reply = await ask('unruly', command);
      assert.deepEqual(errorOf(reply), [status, 'InternalServerException', 'Worker died.']);
      assert.match(Object(json(reply)).reason, reason);
      // It waits for the worker that is started again.
      const again = answerOf(await ask('unruly', { value: 2 }));
      assert.equal(again.value, 2);
      assert.notEqual(again.pid, before);
      assert.equal(isProcessAlive(before), false);
    });
  }

  test('that hang are ended after responseTimeout', async () => {
    const reply = await ask('quick', { hang: 1 });
    assert.deepEqual(errorOf(reply), [500, 'InternalServerException', 'Worker died.']);
    assert.match(Object(json(reply)).reason, /responseTimeout \(1 s\)/);
    await ready('quick');
    assert.equal(answerOf(await ask('quick', { value: 3 })).value, 3);
  });

  test('killed from outside in the middle of a batch cost that batch only', async () => {
    await ready('unruly');
    const [{ pid } = { pid: 0 }] = await workersOf('unruly');
    const { path, reached } = gate();
    const lost = ask('unruly', { wait: path });
    await reached();
    const waiting = [1, 2, 3].map((value) => ask('unruly', { value }));
    process.kill(pid, 'SIGKILL');
    assert.equal((await lost).status, 507);
    const answers = await Promise.all(waiting);
    assert.deepEqual(
      answers.map((reply) => answerOf(reply).value),
      [1, 2, 3],
    );
  });

  test('have their status, headers and content type taken over', async () => {
    const reply = await ask('unruly', { status: 418 });
    assert.deepEqual(
      [reply.status, reply.statusText, reply.text, reply.headers.foo],
      [418, 'Teapot', 'custom', 'bar'],
    );
    assert.equal(reply.headers['content-type'], 'text/plain');
    assert.deepEqual([...(await ask('unruly', { bytes: [0, 255, 10] })).body], [0, 255, 10]);
  });

  test('see what is asked to be explained', async () => {
    assert.equal(answerOf(await ask('unruly', { value: 1 })).explain, 'False');
    const reply = await server.client.send('/explanations/unruly', { value: 1 }, jsonType);
    assert.equal(answerOf(reply).explain, 'True');
  });

  test('describe their model', async () => {
    const { customizedMetadata } = await describe('unruly', '?customized=true');
    const [{ pid } = { pid: 0 }] = await workersOf('unruly');
    assert.deepEqual(customizedMetadata, { pid, batch_size: 1 });
  });

  test('show their processes and what memory they take', async () => {
    const { workers } = await describe('alpha');
    const [worker] = Object(workers);
    assert.equal(worker.status, 'READY');
    assert.notEqual(worker.pid, process.pid);
    assert.ok(isProcessAlive(worker.pid));
    assert.ok(worker.memoryUsage > 10_000_000, `${worker.memoryUsage} bytes`);
  });

  test('stream', async () => {
    const reply = await ask('unruly', { stream: ['a', 'b'] });
    assert.equal(reply.status, 200);
    assert.equal(reply.text, 'abend');
    assert.equal(reply.headers['transfer-encoding'], 'chunked');
    assert.equal(reply.headers.ts_stream_next, 'true');
  });

  test('stream on when the client hangs up, and answer the next', async () => {
    const client = new HttpClient(server.addresses.inference);
    const { path, reached, open } = gate();
    const gone = client.predict('unruly', { stream: ['a', 'b'], pause: path }, jsonType);
    await reached('.a');
    client.close();
    await assert.rejects(gone);
    open('.a');
    await reached('.b');
    open('.b');
    assert.equal(answerOf(await ask('unruly', { value: 9 })).value, 9);
  });

  test('scaled up and down under load answer every request once', async () => {
    let isOver = false;
    const replies: Promise<HttpReply>[] = [];
    const load = Array.from({ length: 8 }, async () => {
      for (let value = 0; !isOver || value < 20; value += 1) {
        const reply = ask('unruly', { value });
        replies.push(reply);
        assert.equal(answerOf(await reply).value, value);
      }
    });
    const scale = (workers: number): Promise<HttpReply> =>
      management.send(
        `/models/unruly?min_worker=${workers}&max_worker=${workers}&synchronous=true`,
        undefined,
        { method: 'PUT' },
      );
    assert.equal((await scale(3)).status, 200);
    const before = await workersOf('unruly');
    assert.equal(new Set(before.map(({ pid }) => pid)).size, 3);
    assert.equal((await scale(1)).status, 200);
    isOver = true;
    await Promise.all(load);
    assert.ok(replies.length >= 160);
    for (const { pid } of before.slice(1)) assert.equal(isProcessAlive(pid), false);
    assert.equal(isProcessAlive(before[0]?.pid ?? 0), true);
  });

  test('unregistered under load answer what they had taken', async () => {
    const version = server.service.registerAtStart(
      await models.source('passing', unruly, { config: { batchSize: 2 } }),
    );
    await version.loaded;
    const { path: file, reached, open } = gate();
    const held = ask('passing', { wait: file, value: 0 });
    await reached();
    const waiting = [1, 2, 3].map((value) => ask('passing', { value }));
    await eventually(() => version.queued === 3);
    const [{ pid } = { pid: 0 }] = await workersOf('passing');
    const removed = management.send('/models/passing', undefined, { method: 'DELETE' });
    await eventually(() => version.state === 'closing');
    assert.equal((await ask('passing', { value: 4 })).status, 404);
    open();
    const answers = await Promise.all([held, ...waiting]);
    assert.deepEqual(
      answers.map((reply) => answerOf(reply).value),
      [0, 1, 2, 3],
    );
    assert.equal((await removed).status, 200);
    assert.equal(isProcessAlive(pid), false);
  });
});

suite('a Python handler that cannot be served', { skip: withoutPython }, () => {
  test('names the exception that its load has ended with', async () => {
    using models = new PythonModels();
    await using server = await startServer(
      [
        await models.source('broken', 'import no_such_package', {
          config: { maxRetryTimeoutInSec: 0 },
        }),
        await models.source('leaving', 'import os\nos._exit(9)', {
          config: { maxRetryTimeoutInSec: 0 },
        }),
      ],
      { python: requirePython() },
    );
    await eventually(() => server.service.all.every(({ state }) => state === 'failed'));
    assert.match(
      server.service.version('broken').failure?.message ?? '',
      /No module named 'no_such_package'/,
    );
    assert.match(server.service.version('leaving').failure?.message ?? '', /ended with code 9/);
    const reply = await server.client.predict('broken', 'x');
    assert.equal(reply.status, 503);
    assert.match(reply.text, /failed to load; GET \/models\/broken/);
    // As TorchServe says when a worker is not revived in time.
    await eventually(async () => (await server.client.get('/ping')).status === 500);
  });

  test('is refused with workers, and waits without', async () => {
    using models = new PythonModels();
    models.add('lonely', unruly);
    await using server = await startServer([], {
      python: '/no/such/python',
      modelStore: models.folder,
    });
    const management = new HttpClient(server.addresses.management);
    const refused = await management.send('/models?url=lonely&initial_workers=1&synchronous=false');
    const [code, type, message] = errorOf(refused);
    assert.deepEqual([code, type], [400, 'InvalidModelException']);
    assert.match(message, /"lonely": its handler "handler\.py" is Python.*\/no\/such\/python/);
    assert.match(message, /pip install torchserve torch/);
    assert.equal((await management.send('/models?url=lonely')).status, 200);
    const scaled = await management.send(
      '/models/lonely?min_worker=1&synchronous=true',
      undefined,
      {
        method: 'PUT',
      },
    );
    assert.equal(scaled.status, 500);
    assert.match(Object(json(scaled)).reason, /its handler "handler\.py" is Python/);
    management.close();
  });
});

suite('packages that a model needs', { skip: withoutPython }, () => {
  test('and that cannot be installed are told to whoever registers it', async () => {
    using models = new PythonModels();
    models.add('needy', unruly, {
      manifest: { requirementsFile: 'requirements.txt' },
      files: { 'requirements.txt': '--no-index\nno-such-package-anywhere\n' },
    });
    await using server = await startServer([], {
      python: requirePython(),
      modelStore: models.folder,
      installPyDepPerModel: true,
    });
    const management = new HttpClient(server.addresses.management);
    const refused = await management.send('/models?url=needy&initial_workers=1');
    const [code, type, message] = errorOf(refused);
    assert.deepEqual([code, type], [400, 'ModelException']);
    assert.match(
      message,
      /^Custom pip package installation failed for model needy: .*no-such-package/,
    );
    assert.equal((await management.get('/models/needy')).status, 404);
    management.close();
  });
});

suite('a model in Python', { skip: withoutPython }, () => {
  test('runs in a process with the handlers that TorchServe brings', async () => {
    using models = new PythonModels();
    const folder = models.add('eager', '', {
      handler: 'base_handler',
      manifest: { modelFile: 'net.py', serializedFile: 'weights.pt' },
      files: { 'net.py': eagerModel },
    });
    const saved = spawnSync(
      requirePython(),
      ['-c', 'import torch; torch.save({"scale": torch.tensor([3.0])}, "weights.pt")'],
      { cwd: folder },
    );
    assert.equal(saved.status, 0, String(saved.stderr));
    await using server = await startServer([], {
      python: requirePython(),
      modelStore: models.folder,
      serviceEnvelope: 'json',
    });
    const management = new HttpClient(server.addresses.management);
    const registered = await management.send('/models?url=eager&initial_workers=1');
    assert.equal(registered.status, 200, registered.text);
    const reply = await server.client.predict('eager', { instances: [[1, 2]] }, jsonType);
    assert.equal(reply.text, '{"predictions": [[3.0, 6.0]]}');
    management.close();
  });
});

suite('a server with Python handlers', { skip: withoutPython }, () => {
  test('that stops under load answers what it had taken, and ends the processes', async () => {
    using models = new PythonModels();
    const server = await startServer([await models.source('unruly', unruly)], {
      python: requirePython(),
    });
    const version = server.service.version('unruly');
    const [{ id } = { id: 0 }] = version.workers;
    const { pid = 0 } = version.processOf(id) ?? {};
    const path = join(models.folder, 'gate');
    const held = server.client.predict('unruly', { wait: path, value: 0 }, jsonType);
    await eventually(() => existsSync(`${path}.here`));
    const waiting = [1, 2, 3].map((value) => server.client.predict('unruly', { value }, jsonType));
    await eventually(() => version.queued === 3);
    const closed = server.service.close();
    writeFileSync(path, '');
    const answers = await Promise.all([held, ...waiting]);
    assert.deepEqual(
      answers.map((reply) => answerOf(reply).value),
      [0, 1, 2, 3],
    );
    await closed;
    assert.equal(isProcessAlive(pid), false);
    await server.close();
  });

  test('logs what they print, and counts what they measure', async () => {
    using models = new PythonModels();
    const logLocation = join(models.folder, 'logs');
    const metricsLocation = undefined;
    const logs = await createLogs({
      level: 'info',
      accessLog: false,
      logLocation,
      metricsLocation,
    });
    const metrics = new Metrics({ mode: 'prometheus', autoDetect: true });
    const config = { intraOpThreads: 3 };
    const noisy = 'import os\nprint("threads", os.environ["OMP_NUM_THREADS"])\n';
    const server = await startServer(
      [await models.source('unruly', noisy + unruly, { config })],
      { python: requirePython() },
      { logs, metrics },
    );
    await server.client.predict('unruly', { say: 'good morning', count: 2 }, jsonType);
    const counted = /^Seen\{.*ModelName="unruly".*\} 2\.0$/m;
    await eventually(async () => counted.test(await metrics.text()));
    assert.match(await metrics.text(), /^PredictionTime\{.*ModelName="unruly".*\} \d/m);
    await server.close();
    await logs.close();
    metrics.close();
    const lines = readFileSync(join(logLocation, 'model_log.log'), 'utf8');
    assert.match(lines, /\[INFO \] W-9000-unruly_1\.0\S* MODEL_LOG - good morning$/m);
    assert.match(lines, /MODEL_LOG - threads 3$/m);
  });
});

suite('isolation: process', { skip: withoutPython }, () => {
  test('runs in TorchServe’s worker what would run here', async () => {
    using models = new PythonModels();
    const source = await models.source('alpha', '', {
      handler: 'base_handler',
      config: { isolation: 'process' },
      manifest: { serializedFile: 'model.pt', envelope: 'json' },
      files: { 'model.pt': readFileSync(join(alphaModel, 'model.pt')) },
    });
    await using server = await startServer([source], { python: requirePython() });
    const [row] = alphaRows.requests;
    const reply = await server.client.predict('alpha', { instances: [row] }, jsonType);
    assert.equal(reply.status, 200, reply.text);
    assertClose(json(reply), { predictions: [alphaRows.predictions[0]] }, 1e-4);
  });
});
