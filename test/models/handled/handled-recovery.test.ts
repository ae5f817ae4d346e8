import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Metrics } from '../../../src/metrics/metrics.js';
import { ThreadedHandler } from '../../../src/workers/threaded-handler.js';
import { until } from '../../support/condition.js';
import { startServer, type TestServer } from '../../support/server.js';
import { handled, twoFloats } from './handled.js';

const folder = mkdtempSync(join(tmpdir(), 'sconce-recovery-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function answersAgain(server: TestServer, body: unknown): Promise<void> {
  while ((await server.client.predict('double', body)).status !== 200);
}

suite('a handler whose thread is held by code that nothing interrupts', () => {
  test('goes on in another thread, and is not closed while the first can write to its row', async () => {
    const go = join(folder, 'go');
    const gone = join(folder, 'gone');
    const wait = `while [ ! -e ${go} ]; do sleep 0.02; done; sleep 0.5; echo > ${gone}`;
    // Rows of 4 KiB and more are written in place.
    const code = `import { execSync } from 'node:child_process';
    export class Held extends BaseHandler {
      preprocess(request, context) {
        const row = context.row();
        if (request.text() === 'hold') execSync(${JSON.stringify(wait)});
        row.data.fill(1);
      }
      postprocess(outputs) { return outputs.tensor.value(0, 1023); }
    }`;
    const inputs = [
      { name: 'x', dtype: 'float32', shape: [1024] },
    ] satisfies typeof twoFloats.inputs;
    const config = { inputs, responseTimeout: 0.3 };
    const settings = { handlerThreads: 1 };
    await using server = await startServer([handled('double', code, { config })], settings);
    const held = server.client.predict('double', 'hold');
    await answersAgain(server, 'go on');
    assert.ok((await held).status >= 500);
    assert.ok(!existsSync(gone));
    const closed = server.service.unregister('double');
    for (let turn = 0; turn < 100; turn += 1) await nextTurn();
    writeFileSync(go, '');
    await closed;
    assert.ok(existsSync(gone));
  });
});

suite('a handler that cannot be initialized again', () => {
  test('makes the model stuck, with the reason, until it can', async () => {
    const mark = join(folder, 'mark');
    const code = `import { existsSync } from 'node:fs';
    export class Wavering extends BaseHandler {
      initialize() { if (existsSync(${JSON.stringify(mark)})) throw new Error('no database'); }
      preprocess(request, context) {
        if (request.text() === 'exit') process.exit(1);
        context.row().set([1, 2]);
      }
    }`;
    await using server = await startServer([handled('double', code)], { handlerThreads: 1 });
    const version = server.service.version('double');
    writeFileSync(mark, '');
    assert.equal((await server.client.predict('double', 'exit')).status, 500);
    await until(() => version.state === 'stuck');
    assert.equal(version.failure?.reason?.includes('no database'), true);
    assert.deepEqual(Object.keys(server.service.health.waitingFor), ['double']);
    const waiting = server.client.predict('double', '');
    rmSync(mark);
    assert.equal((await waiting).status, 200);
    assert.equal(version.state, 'ready');
    assert.equal(version.failure, undefined);
  });

  test('within startupTimeout is ended', async () => {
    const path = join(folder, 'handler.mjs');
    const lines = [
      "import { BaseHandler } from 'sconce';",
      'export class Slow extends BaseHandler {',
    ];
    writeFileSync(
      path,
      [...lines, 'initialize() { return new Promise(() => {}); }', '}'].join('\n'),
    );
    const handler = new ThreadedHandler(
      {
        code: { from: 'archive', folder, handler: 'handler.mjs' },
        modelName: 'slow',
        modelVersion: '1.0',
        manifest: {},
        systemProperties: {
          model_dir: folder,
          gpu_id: null,
          batch_size: 1,
          server_name: 'MMS',
          server_version: '',
          limit_max_image_pixels: true,
        },
        modelConfig: {},
        plan: { fields: [], text: '', fixed: undefined, outputNames: null },
        envelope: undefined,
      },
      {
        threads: 1,
        memory: 64,
        batchSize: 1,
        responseTimeout: 1000,
        startupTimeout: 100,
        metrics: () => new Metrics().forVersion('slow', '1.0').custom(),
        printed() {},
        failed() {},
        recovered() {},
      },
    );
    await assert.rejects(handler.start(), {
      code: 'WORKER_DIED',
      reason: 'it was not initialized within startupTimeout (0.1 s)',
    });
    await handler.close();
  });
});

test('a handler that calls the model without end is refused, and others are answered', async () => {
  const code = `export class Flooding extends BaseHandler {
    async preprocess(request, context) {
      const row = Tensor.from([[1, 2]]);
      const calls = Array.from({ length: 20_000 }, () => context.model.run({ x: row }));
      const settled = await Promise.allSettled(calls);
      const { reason } = settled.at(-1);
      throw new PredictionError(reason.reason, 400);
    }
  }`;
  const config = { ...twoFloats, jobQueueSize: 10_000 };
  await using server = await startServer([handled('double', code, { config })]);
  const { status, text } = await server.client.predict('double', '');
  assert.equal(status, 400);
  assert.match(text, /4096 calls of the model wait for their answers; await some of them/);
});
