import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { SconceError } from '../../src/errors.js';
import { json } from '../support/http-client.js';
import { source, startServer, startService } from '../support/server.js';

suite('a version', () => {
  test('is found by name; without one the first that was registered', async () => {
    const service = startService([
      source('double', { version: '3.0' }),
      source('double', { version: '1.0' }),
    ]);
    assert.equal(service.version('double').version, '3.0');
    assert.equal(service.version('double', '1.0').version, '1.0');
    assert.deepEqual([...service.model('double').versions.keys()], ['3.0', '1.0']);
    await service.close();
  });

  test('is registered once', async () => {
    const service = startService([source('double')]);
    assert.throws(
      () => service.registerAtStart(source('double')),
      (error) =>
        error instanceof SconceError &&
        error.code === 'MODEL_VERSION_CONFLICT' &&
        error.message === 'Model version 1.0 is already registered for model double',
    );
    await service.close();
  });

  test('answers beside another of the same model', async () => {
    await using server = await startServer([
      source('m', { version: 'one', path: source('double').path }),
      source('m', { version: 'two', path: source('dtypes').path }),
    ]);
    const replies = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => ({
        i,
        one: json(await server.client.predict('m/one', [i])),
        two: json(await server.client.predict('m/two', [i])),
        first: json(await server.client.predict('m', [i])),
      })),
    );
    for (const { i, one, two, first } of replies) {
      assert.deepEqual([one, two, first], [[2 * i + 1], [i], [2 * i + 1]]);
    }
  });

  test('takes from the settings what its own configuration does not say', async () => {
    const given = {
      batchSize: 7,
      jobQueueSize: 8,
      defaultResponseTimeout: 9,
      instances: 2,
      freeze: false,
    };
    const service = startService(
      [
        source('double'),
        source('dtypes', {
          config: { batchSize: 3, jobQueueSize: 4, responseTimeout: 5, instances: 1, freeze: true },
        }),
      ],
      given,
    );
    const optionsOf = (name: string): unknown[] => {
      const { options, workers } = service.version(name);
      const { batchSize, jobQueueSize, responseTimeout, freeze } = options;
      return [batchSize, jobQueueSize, responseTimeout, workers.length, freeze];
    };
    assert.deepEqual(optionsOf('double'), [7, 8, 9, 2, false]);
    assert.deepEqual(optionsOf('dtypes'), [3, 4, 5, 1, true]);
    await service.close();
  });
});

suite('a device that is not there', () => {
  test('is refused with what to use instead', async () => {
    const service = startService([]);
    for (const device of ['cuda:99']) {
      assert.throws(
        () => service.registerAtStart(source('double', { config: { device } })),
        (error) =>
          error instanceof SconceError &&
          error.code === 'INVALID_CONFIGURATION' &&
          /^Invalid configuration: device cuda:99 is not there: .*; use cpu or auto$/.test(
            error.message,
          ),
      );
    }
    await service.close();
  });
});

suite('many instances', () => {
  test('share the requests of a model and mix none up', async () => {
    await using server = await startServer([
      source('double', { config: { instances: 4, batchSize: 2 } }),
    ]);
    const replies = await Promise.all(
      Array.from({ length: 400 }, (_, i) => server.client.predict('double', [i])),
    );
    for (const [i, reply] of replies.entries()) assert.deepEqual(json(reply), [2 * i + 1]);
  });
});

suite('loading and closing again and again', { skip: process.platform !== 'linux' }, () => {
  function threads(): number {
    return readdirSync('/proc/self/task').length;
  }

  async function loadAndClose(): Promise<void> {
    const service = startService([
      source('double', { config: { instances: 2 } }),
      source('linear', { config: { inputs: [{ name: 'input', shape: [3] }] } }),
    ]);
    await Promise.all(['double', 'linear'].map((name) => service.version(name).loaded));
    await service.close();
  }

  test('leaves no threads', async () => {
    await loadAndClose();
    const before = threads();
    for (let i = 0; i < 30; i += 1) await loadAndClose();
    assert.ok(threads() <= before, `${threads()} threads after, ${before} before`);
  });

  test('gives the memory of its slabs back', async () => {
    await using server = await startServer([source('double')]);
    // The second request of a shape knows how much room the outputs take.
    for (const length of [1, 1, 2, 2, 3, 3]) {
      await server.client.predict('double', new Array(length).fill(1));
    }
    assert.match(await server.metrics.text(), /^sconce_slab_bytes [1-9]\d*$/m);
    await server.close();
    assert.match(await server.metrics.text(), /^sconce_slab_bytes 0$/m);
  });
});
