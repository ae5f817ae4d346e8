import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Autoscaler, decide, type Pace } from '../../src/models/autoscaler.js';
import type { ModelService } from '../../src/models/model-service.js';
import { until } from '../support/condition.js';
import { createLog } from '../support/log.js';
import { RecordingSink } from '../support/recording-sink.js';
import { handlerRequest } from '../support/request.js';
import { source, startService } from '../support/server.js';

const pace: Pace = { interval: 1, looksToGrow: 3, looksToShrink: 5 };

suite('what a look comes to', () => {
  /** A phase is some looks in a row that find the same. */
  const phase = fc.record({
    found: fc.constantFrom('waiting', 'idle', 'at work'),
    looks: fc.integer({ min: 1, max: 20 }),
  });
  const found = {
    waiting: { waiting: 1, running: 2 },
    idle: { waiting: 0, running: 1 },
    'at work': { waiting: 0, running: 2 },
  } as const;

  test('one more for so many looks in a row that find requests waiting, one less for so many that find an instance idle', () => {
    fc.assert(
      fc.property(fc.array(phase), (phases) => {
        const looks = phases.flatMap((part) =>
          Array.from({ length: part.looks }, () => part.found),
        );
        const observation = { busy: 0, idle: 0 };
        let inRow = 0;
        for (const [i, seen] of looks.entries()) {
          inRow = looks[i - 1] === seen ? inRow + 1 : 1;
          let expected = 0;
          if (seen === 'waiting' && inRow % pace.looksToGrow === 0) expected = 1;
          if (seen === 'idle' && inRow % pace.looksToShrink === 0) expected = -1;
          assert.equal(decide(observation, found[seen], 2, pace), expected);
        }
      }),
    );
  });
});

/** Keeps so many requests of slow.pt in flight until it is stopped. */
class Traffic {
  #stopped = false;
  readonly #loops: Promise<void>[];

  constructor(service: ModelService, inFlight: number) {
    this.#loops = Array.from({ length: inFlight }, (_, i) => this.#loop(service, i));
  }

  async #loop(service: ModelService, first: number): Promise<void> {
    for (let round = 0; !this.#stopped; round += 1) {
      const row = [100, first * 1000 + round];
      const sink = new RecordingSink();
      service.predict('slow', undefined, handlerRequest(JSON.stringify(row)), sink);
      assert.deepEqual(JSON.parse(String(await sink.answer)), row);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }
}

suite('a version that is to scale by itself', () => {
  const quick: Pace = { interval: 1, looksToGrow: 2, looksToShrink: 20 };
  const log = createLog('silent');

  function slow(given: object = {}) {
    return source('slow', {
      config: { batchSize: 1, autoscale: true, minWorkers: 1, maxWorkers: 3, ...given },
    });
  }

  test('grows to its most instances under load, and shrinks to its fewest without', async () => {
    const service = startService([slow()]);
    const autoscaler = new Autoscaler(() => service.all, log, quick);
    const version = service.version('slow');
    await version.loaded;
    const traffic = new Traffic(service, 12);
    await until(() => version.workers.length === 3);
    await until(() => version.workers.every((worker) => worker.loadMilliseconds !== undefined));
    await traffic.stop();
    await until(() => version.workers.length === 1);
    autoscaler.stop();
    await service.close();
  });

  test('takes the bounds that it is given meanwhile', async () => {
    const service = startService([slow()]);
    const autoscaler = new Autoscaler(() => service.all, log, quick);
    const version = service.version('slow');
    await version.loaded;
    const traffic = new Traffic(service, 12);
    await until(() => version.workers.length > 1);
    await service.scale('slow', undefined, { minWorkers: 1, maxWorkers: 1 }).done;
    assert.equal(version.workers.length, 1);
    await service.scale('slow', undefined, { minWorkers: 2, maxWorkers: 4 }).done;
    await until(() => version.workers.length === 4);
    await traffic.stop();
    await until(() => version.workers.length === 2);
    autoscaler.stop();
    await service.close();
  });

  test('can be scaled to nothing, unloaded and closed at any moment', async () => {
    const service = startService([slow()]);
    const autoscaler = new Autoscaler(() => service.all, log, quick);
    const version = service.version('slow');
    await version.loaded;
    const traffic = new Traffic(service, 12);
    await until(() => version.workers.length > 1);
    await traffic.stop();
    await service.scale('slow', undefined, { minWorkers: 0, maxWorkers: 0 }).done;
    assert.equal(version.state, 'unloaded');
    await service.scale('slow', undefined, { minWorkers: 1, maxWorkers: 3 }).done;
    const more = new Traffic(service, 12);
    await until(() => version.workers.length > 1);
    await more.stop();
    await service.unregister('slow');
    assert.equal(version.state, 'closed');
    autoscaler.stop();
    await service.close();
  });

  test('stays as it is when it does not want that', async () => {
    const service = startService([slow({ autoscale: false })]);
    let looks = 0;
    const autoscaler = new Autoscaler(
      () => {
        looks += 1;
        return service.all;
      },
      log,
      quick,
    );
    const version = service.version('slow');
    await version.loaded;
    const traffic = new Traffic(service, 12);
    const after = looks + 50;
    await until(() => looks > after);
    assert.equal(version.workers.length, 1);
    await traffic.stop();
    autoscaler.stop();
    await service.close();
  });
});
