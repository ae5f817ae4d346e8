import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { ModelService } from '../../src/models/model-service.js';
import { openTrusted } from '../../src/models/model-source.js';
import { ModelSnapshot } from '../../src/snapshots/model-snapshot.js';
import { ModelStore } from '../support/model-store.js';
import { fixture } from '../support/paths.js';
import { startService } from '../support/server.js';

/** A service over a store, and how to restore into another one. */
async function withService<T>(store: ModelStore, run: (service: ModelService) => Promise<T>) {
  const service = startService([], { modelStore: store.folder });
  try {
    return await run(service);
  } finally {
    await service.close();
  }
}

/** What a snapshot has to keep. */
function stateOf(service: ModelService): unknown[] {
  return service.all.map(({ name, version, minWorkers, maxWorkers, options, source }) => ({
    name,
    version,
    minWorkers,
    maxWorkers,
    isDefault: service.model(name).defaultVersion === version,
    batchSize: options.batchSize,
    maxBatchDelay: options.maxBatchDelay,
    responseTimeout: options.responseTimeout,
    startupTimeout: options.startupTimeout,
    handler: source.handler,
    runtime: source.runtime,
  }));
}

/** Takes a snapshot, and restores it through its text. */
async function restoredState(store: ModelStore, text: string): Promise<unknown[]> {
  return withService(store, async (service) => {
    const versions = await ModelSnapshot.parse(text).restore(service);
    await Promise.all(versions.map((version) => version.loaded));
    return stateOf(service);
  });
}

suite('a snapshot of models', () => {
  test('restores versions, defaults, workers, values and handlers', async () => {
    using store = new ModelStore();
    for (const version of ['1.0', '2.0', '10']) {
      await store.add('double', {
        version,
        modelName: 'double',
        exportPath: store.folder,
        force: true,
      });
      copyFileSync(join(store.folder, 'double.mar'), join(store.folder, `d${version}.mar`));
    }
    await store.add('linear', { handler: 'image_classifier' });
    copyFileSync(fixture('pair'), join(store.folder, 'pair.pt'));
    const [text, state] = await withService(store, async (service) => {
      await service.register({ url: 'd1.0.mar', initialWorkers: 1, batchSize: 3 }, true);
      await service.register({ url: 'd2.0.mar', initialWorkers: 2, maxBatchDelay: 7 }, true);
      await service.register({ url: 'd10.mar', responseTimeout: 9, startupTimeout: 8 }, true);
      await service.register({ url: 'linear.mar', handler: 'tensor', runtime: 'LSP' }, true);
      await service.register({ url: 'pair.pt', name: 'constructor', initialWorkers: 1 }, true);
      await service.scale('double', '2.0', { minWorkers: 1, maxWorkers: 5 }).done;
      await service.scale('constructor', undefined, { minWorkers: 0, maxWorkers: 0 }).done;
      service.setDefault('double', '2.0');
      return [ModelSnapshot.take('a.cfg', service).text, stateOf(service)];
    });
    assert.deepEqual(await restoredState(store, text), byRegistration(state));
    const content = JSON.parse(text);
    assert.deepEqual([content.name, content.modelCount], ['a.cfg', 5]);
    assert.deepEqual(content.models.double['2.0'], {
      defaultVersion: true,
      marName: 'd2.0.mar',
      minWorkers: 1,
      maxWorkers: 5,
      batchSize: 1,
      maxBatchDelay: 7,
      responseTimeout: 120,
      startupTimeout: 120,
      runtimeType: 'python',
      handler: 'tensor',
    });
  });

  test('restores a model from outside the store', async () => {
    using store = new ModelStore();
    const [text, state] = await withService(store, async (service) => {
      const path = fixture('double');
      service.registerAtStart(await openTrusted(path, { url: path }, service.sourceOptions()));
      return [ModelSnapshot.take('a.cfg', service).text, stateOf(service)];
    });
    assert.equal(JSON.parse(text).models.double['1.0'].path, fixture('double'));
    assert.deepEqual(await restoredState(store, text), state);
  });

  test("restores what TorchServe's names, in its own store", async () => {
    using store = new ModelStore();
    await store.add('double');
    const text = snapshotOf({ marName: 'double.mar' });
    assert.equal((await restoredState(store, text)).length, 1);
  });

  test('says which archive is not in the store any more', async () => {
    using store = new ModelStore();
    await assertRefused(
      store,
      snapshotOf({ marName: 'gone.mar' }),
      'model_snapshot: model double version 1.0 cannot be restored; put it back, or start without the snapshot: Model not found at: gone.mar',
    );
    rmSync(store.folder, { recursive: true });
    await assertRefused(
      store,
      snapshotOf({ path: '/no/such.pt' }),
      /Model not found at: \/no\/such\.pt$/,
    );
  });

  test('does not take another version for the one that it knows', async () => {
    using store = new ModelStore();
    await store.add('double', { version: '3.0' });
    await assertRefused(store, snapshotOf({}), /double\.mar is version 3\.0 now$/);
  });

  test('leads to no archive outside the store', async () => {
    using store = new ModelStore();
    await assertRefused(store, snapshotOf({ marName: '../../etc/passwd' }), /cannot be restored/);
  });

  for (const [what, text, message] of [
    ['no JSON', '{"models":', /^model_snapshot: Unexpected end of JSON input$/],
    ['nothing', '', /^model_snapshot: /],
    ['a list', '[]', /^model_snapshot: must be object$/],
    ['no models', '{"name":"a","modelCount":0,"created":1}', /models/],
    ['a wrong number', snapshotOf({ minWorkers: -1 }), /minWorkers must be >= 0$/],
    ['a wrong name', snapshotOf({ marName: 7 }), /marName must be string$/],
  ] as const) {
    test(`is none with ${what}`, () => {
      assert.throws(() => ModelSnapshot.parse(text), { code: 'INVALID_CONFIGURATION', message });
    });
  }
});

/** Restoring goes by name, and by version as objects order their keys. */
function byRegistration(state: unknown[]): unknown[] {
  const key = (entry: unknown) => JSON.stringify(entry);
  return [...state].sort((a, b) => (/"10"/.test(key(a)) ? -1 : /"10"/.test(key(b)) ? 1 : 0));
}

function snapshotOf(given: Record<string, unknown>): string {
  const entry = {
    defaultVersion: true,
    marName: 'double.mar',
    minWorkers: 1,
    maxWorkers: 1,
    batchSize: 1,
    maxBatchDelay: 100,
    responseTimeout: 120,
    ...given,
  };
  const models = { double: { '1.0': entry } };
  return JSON.stringify({ name: 'x.cfg', modelCount: 1, created: 1, models });
}

async function assertRefused(
  store: ModelStore,
  text: string,
  message: string | RegExp,
): Promise<void> {
  await withService(store, (service) =>
    assert.rejects(ModelSnapshot.parse(text).restore(service), {
      code: 'INVALID_CONFIGURATION',
      message,
    }),
  );
}
