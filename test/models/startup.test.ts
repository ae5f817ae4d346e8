import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { jsonLog } from '../../src/logging/log.js';
import type { ModelService } from '../../src/models/model-service.js';
import {
  checkModelStore,
  registerStartModels,
  type StartedModels,
} from '../../src/models/startup.js';
import { createLog } from '../support/log.js';
import { fixture } from '../support/paths.js';
import { startService, testSettings } from '../support/server.js';

let store = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'sconce-store-'));
});
afterEach(() => rmSync(store, { recursive: true }));

function addModel(...path: string[]): string {
  const file = join(store, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  copyFileSync(fixture('double'), file);
  return file;
}

async function start(
  entries: string[],
  modelStore: string | undefined = store,
): Promise<StartedModels & { service: ModelService }> {
  const settings = testSettings({
    loadModels: entries,
    ...(modelStore === undefined ? {} : { modelStore }),
  });
  const service = startService([], settings);
  return { service, ...(await registerStartModels(service, settings, createLog('silent'))) };
}

function names({ versions }: StartedModels): string[] {
  return versions.map(({ name }) => name);
}

suite('the models to start with', () => {
  test('are found in the store, in the working folder, or by an absolute path', async () => {
    const file = addModel('price.pt');
    const started = await start(['price.pt', `absolute=${file}`]);
    assert.deepEqual(names(started), ['price', 'absolute']);
    assert.deepEqual(started.failures, []);
    await started.service.close();
  });

  for (const all of ['all', 'ALL']) {
    test(`are everything in the store with ${all}`, async () => {
      addModel('b.pt');
      addModel('a', 'model.pt');
      writeFileSync(join(store, 'notes.txt'), '');
      const started = await start([all]);
      assert.deepEqual(names(started), ['a', 'b']);
      await started.service.close();
    });
  }

  test('are none when the store is empty', async () => {
    const started = await start(['all']);
    assert.deepEqual([names(started), started.failures], [[], []]);
    assert.equal(started.service.health.ready, true);
    await started.service.close();
  });

  test('are served although one of them is not there, which shows', async () => {
    addModel('price.pt');
    const started = await start(['gone=gone.mar', 'price.pt']);
    assert.deepEqual(names(started), ['price']);
    await Promise.all(started.versions.map(({ loaded }) => loaded));
    const { service, failures } = started;
    const [failure] = failures;
    assert.equal(failure?.message, 'Model not found at: gone.mar');
    assert.deepEqual(service.health, {
      healthy: true,
      ready: false,
      waitingFor: { gone: 'Model not found at: gone.mar' },
    });
    assert.throws(() => service.version('gone'), {
      code: 'MODEL_NOT_FOUND',
      reason: 'Model not found at: gone.mar',
    });
    await service.close();
  });

  test('are waited for until they are registered from the same place, or removed', async () => {
    const started = await start(['gone.mar', 'b=later.pt', 'c.mar']);
    const { service } = started;
    const waitingFor = (): string[] => Object.keys(service.health.waitingFor).sort();
    assert.deepEqual(waitingFor(), ['b', 'c', 'gone']);
    await service.unregister('gone');
    await assert.rejects(service.unregister('gone'), { code: 'MODEL_NOT_FOUND' });
    assert.deepEqual(waitingFor(), ['b', 'c']);
    addModel('later.pt');
    await service.register({ url: 'later.pt', name: 'other', initialWorkers: 1 }, true);
    assert.deepEqual(waitingFor(), ['c']);
    await service.register({ url: 'later.pt', name: 'c', initialWorkers: 1 }, true);
    await service.unregister('c');
    assert.equal(service.health.ready, true);
    await service.close();
  });

  test('are not waited for when all was asked for, unless they are named as well', async () => {
    addModel('price.pt');
    writeFileSync(join(store, 'bad.mar'), 'no archive');
    writeFileSync(join(store, 'worse.mar'), 'no archive');
    const started = await start(['all', 'worse.mar']);
    await Promise.all(started.versions.map(({ loaded }) => loaded));
    const { service, failures } = started;
    assert.deepEqual(names(started), ['price']);
    assert.equal(failures.length, 2);
    assert.deepEqual(Object.keys(service.health.waitingFor), ['worse']);
    assert.throws(() => service.version('bad'), {
      code: 'MODEL_NOT_FOUND',
      reason: 'bad.mar: is neither a zip archive (.mar) nor a tar.gz archive',
    });
    await service.unregister('worse');
    assert.equal(service.health.ready, true);
    await service.close();
  });

  test('say why they cannot be had', async () => {
    const lines: string[] = [];
    const settings = testSettings({
      loadModels: ['http://127.0.0.1:1/x.mar'],
      modelStore: store,
      allowedUrls: ['http://127.0.0.1:1/.*'],
    });
    const service = startService([], settings);
    const log = jsonLog('error', { write: (line) => void lines.push(line) });
    const { failures } = await registerStartModels(service, settings, log);
    const reason = failures[0]?.reason ?? '';
    assert.notEqual(reason, '');
    const words = `Failed to download archive from: http://127.0.0.1:1/x.mar: ${reason}`;
    assert.deepEqual(service.health.waitingFor, { x: words });
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).msg),
      [`Failed to load model: http://127.0.0.1:1/x.mar: ${words}`],
    );
    await service.close();
  });

  test('have each version once', async () => {
    addModel('price.pt');
    const started = await start(['price.pt', 'price=price.pt']);
    assert.deepEqual(names(started), ['price']);
    assert.deepEqual(
      started.failures.map(({ code }) => code),
      ['MODEL_VERSION_CONFLICT'],
    );
    await started.service.close();
  });
});

suite('the model store', () => {
  test('must be a folder', () => {
    assert.throws(() => checkModelStore(testSettings({ modelStore: '/no/store' })), {
      code: 'INVALID_CONFIGURATION',
      message: '--model-store directory not found: /no/store',
    });
  });

  test('must be given for all', () => {
    assert.throws(() => checkModelStore(testSettings({ loadModels: ['All'] })), {
      code: 'INVALID_CONFIGURATION',
      message: '--models all needs --model-store',
    });
  });
});
