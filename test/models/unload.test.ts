import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ModelService } from '../../src/models/model-service.js';
import { unpackFolder } from '../../src/models/unpack-folder.js';
import { ModelStore } from '../support/model-store.js';
import { alphaModel } from '../support/paths.js';
import { RecordingSink } from '../support/recording-sink.js';
import { handlerRequest } from '../support/request.js';
import { source, startService } from '../support/server.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const linux = existsSync('/proc/self/fd');

const entries = (folder: string): number => readdirSync(folder).length;

/**
 * MiB that are in use: outside the JavaScript heap, and in it. How much room V8 keeps for the heap is
 * its own affair, and grows in steps of tens of megabytes.
 */
function memory(): { outside: number; heap: number } {
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return { outside: (rss - heapTotal) / 2 ** 20, heap: heapUsed / 2 ** 20 };
}

async function ask(service: ModelService, model: string, row: readonly number[]): Promise<unknown> {
  const sink = new RecordingSink();
  service.predict(model, undefined, handlerRequest(JSON.stringify(row)), sink);
  return JSON.parse(String(await sink.answer));
}

/** Registers an archive of a model that takes rows so wide, asks it, and unregisters it. */
async function cycle(service: ModelService, url: string, width: number, name = 'm'): Promise<void> {
  const { version } = await service.register({ url, name, initialWorkers: 1 }, true);
  assert.equal(version.state, 'ready');
  const answer = await ask(service, name, Array(width).fill(1));
  assert.ok(Array.isArray(answer), String(answer));
  await service.unregister(name);
}

/** Requests one after another, in so many loops, until it is stopped; each answer is looked at. */
class Traffic {
  answered = 0;
  #stopped = false;
  readonly #loops: Promise<void>[];

  constructor(service: ModelService, model: string, loops: number) {
    this.#loops = Array.from({ length: loops }, (_, i) => this.#loop(service, model, i * 100_000));
  }

  async #loop(service: ModelService, model: string, first: number): Promise<void> {
    for (let value = first; !this.#stopped; value += 1) {
      assert.deepEqual(await ask(service, model, [value]), [2 * value + 1]);
      this.answered += 1;
      await new Promise(setImmediate);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }
}

suite('a model that is unregistered', () => {
  let store: ModelStore;
  let temporary: string;
  const { TMPDIR } = process.env;

  before(async () => {
    store = new ModelStore();
    await store.add('linear');
    await store.add('alpha', { serializedFile: join(alphaModel, 'model.pt') });
    temporary = mkdtempSync(join(tmpdir(), 'sconce-unload-'));
    process.env.TMPDIR = temporary;
  });

  after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(temporary, { recursive: true });
    store[Symbol.dispose]();
  });

  test('300 times leaves no memory, thread, descriptor or file behind', {
    skip: !linux,
  }, async () => {
    const service = startService([], { modelStore: store.folder });
    const some = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 3) {
        await Promise.all(['a', 'b', 'c'].map((name) => cycle(service, 'alpha.mar', 64, name)));
        // What streams hold outside the heap is given back a turn after their objects are found dead.
        if (i % 30 === 0) collectGarbage();
      }
      for (let i = 0; i < 3; i += 1) {
        collectGarbage();
        await new Promise(setImmediate);
      }
    };
    await some(60);
    const before = memory();
    const [threads, descriptors] = ['task', 'fd'].map((what) => entries(`/proc/self/${what}`));
    await some(240);
    // The weights of one are a third of a megabyte: 240 that stayed would be 80.
    const now = memory();
    const outside = now.outside - before.outside;
    assert.ok(outside < 25, `grew by ${outside} MiB outside the heap`);
    const heap = now.heap - before.heap;
    assert.ok(heap < 5, `the heap grew by ${heap} MiB`);
    assert.deepEqual(
      ['task', 'fd'].map((what) => entries(`/proc/self/${what}`)),
      [threads, descriptors],
    );
    assert.deepEqual(readdirSync(unpackFolder()), []);
    await service.close();
  });

  test('or registered costs no other model an answer', async () => {
    const service = startService([source('double')], { modelStore: store.folder });
    await service.version('double').loaded;
    const traffic = new Traffic(service, 'double', 8);
    for (let i = 0; i < 20; i += 1) {
      const answered = traffic.answered;
      await cycle(service, 'linear.mar', 3);
      assert.ok(traffic.answered > answered, 'nothing was answered meanwhile');
      assert.equal(service.health.ready, true);
    }
    await traffic.stop();
    await service.close();
  });

  test('answers what it had admitted', async () => {
    const service = startService([], { modelStore: store.folder });
    await service.register({ url: 'linear.mar', initialWorkers: 1 }, true);
    const expected = await ask(service, 'linear', [1, 2, 3]);
    const admitted = Array.from({ length: 50 }, () => ask(service, 'linear', [1, 2, 3]));
    const removed = service.unregister('linear');
    assert.throws(() => service.version('linear'), { code: 'MODEL_NOT_FOUND' });
    await removed;
    for (const answer of await Promise.all(admitted)) assert.deepEqual(answer, expected);
    assert.deepEqual(readdirSync(unpackFolder()), []);
    await service.close();
  });

  test('while it loads ends the registration, and its name is free', async () => {
    const service = startService([], { modelStore: store.folder });
    const registration = service.register({ url: 'linear.mar', initialWorkers: 1 }, true);
    const refused = assert.rejects(registration, { code: 'WORKERS_FAILED' });
    while (service.all.length === 0) await new Promise(setImmediate);
    await service.unregister('linear');
    await refused;
    await cycle(service, 'linear.mar', 3);
    assert.deepEqual(readdirSync(unpackFolder()), []);
    await service.close();
  });

  test('by its version leaves the default to the requests that name none', async () => {
    const service = startService([], { modelStore: store.folder });
    await store.add('linear', { version: '2.0', force: true });
    await service.register({ url: 'linear.mar', initialWorkers: 1 }, true);
    await store.add('linear', { version: '1.0', force: true });
    await service.register({ url: 'linear.mar', initialWorkers: 1 }, true);
    const expected = await ask(service, 'linear', [1, 2, 3]);
    const answers: Promise<unknown>[] = [];
    for (let i = 0; i < 30; i += 1) {
      answers.push(ask(service, 'linear', [1, 2, 3]));
      if (i === 10) service.setDefault('linear', '1.0');
      if (i === 20) answers.push(service.unregister('linear', '2.0').then(() => expected));
    }
    for (const answer of await Promise.all(answers)) assert.deepEqual(answer, expected);
    assert.deepEqual([...service.model('linear').versions.keys()], ['1.0']);
    await service.close();
  });
});
