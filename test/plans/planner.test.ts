import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { PlannedModel } from '../../src/plans/plan.js';
import { PlanCache } from '../../src/plans/plan-cache.js';
import {
  isPlanFor,
  type MachineLoad,
  Planner,
  type PlannerOptions,
  type PlanRequest,
  planOf,
} from '../../src/plans/planner.js';
import { TemporaryFolder } from '../support/temporary-folder.js';
import {
  type FakeAnswer,
  FakeTrials,
  machineOf,
  modelOnGpu,
  plannedModel,
  vectors,
  wishOf,
} from './fake-trials.js';

/** Nothing else runs: the search has had a core for itself. */
const calm: MachineLoad = {
  cpuMicroseconds: () => performance.now() * 1000,
  isBusy: () => false,
};

/** As if the search had got none of many seconds. */
function starved(): MachineLoad {
  let cpu = 0;
  return {
    cpuMicroseconds: () => {
      cpu -= 1e9;
      return cpu;
    },
    isBusy: () => true,
  };
}

/** Planners that share a folder, and what they told. */
class Bench implements Disposable {
  readonly #temporary = new TemporaryFolder();
  readonly file = join(this.#temporary.path, 'm.pt');
  readonly folder = join(this.#temporary.path, 'plans');
  readonly trials: FakeTrials[] = [];
  readonly told: string[] = [];

  constructor(private readonly answer: () => FakeAnswer = () => ({ microseconds: (n) => n })) {
    writeFileSync(this.file, 'a model');
  }

  planner(given: Partial<PlannerOptions> = {}): Planner {
    return new Planner({
      machine: () => machineOf(2),
      cache: new PlanCache(this.folder),
      openTrials: () => {
        const trials = new FakeTrials(this.answer);
        this.trials.push(trials);
        return trials;
      },
      version: '1.0',
      load: calm,
      ...given,
    });
  }

  request(given: Partial<PlanRequest> = {}): PlanRequest {
    return {
      model: { ...plannedModel, path: this.file },
      wish: wishOf(),
      declared: {},
      planTime: 20,
      waitTime: 20,
      signal: new AbortController().signal,
      log: { info: (line) => this.told.push(line), warn: (line) => this.told.push(line) },
      ...given,
    };
  }

  choose(planner: Planner, request = this.request()) {
    return planner.choose(request, request.wish.asked, vectors);
  }

  [Symbol.dispose](): void {
    this.#temporary[Symbol.dispose]();
  }
}

suite('a plan that was chosen', () => {
  test('is found again by the next server, without a trial', async () => {
    using bench = new Bench();
    const chosen = await bench.choose(bench.planner());
    assert.equal(chosen.source, 'measured');
    const recalled = await bench.planner().recall(bench.request());
    assert.deepEqual(recalled, { ...chosen, source: 'cache' });
    assert.equal(bench.trials.length, 1);
    assert.ok(bench.trials[0]?.closed);
    assert.deepEqual(bench.told, []);
  });

  test('is not, when anything that it depends on is different', async () => {
    using bench = new Bench();
    await bench.choose(bench.planner());
    const planner = bench.planner();
    const model = { ...plannedModel, path: bench.file };
    for (const given of [
      { model: { ...model, device: 'cuda:0' } },
      { model: { ...model, inputForms: ['joined'] as const } },
      { wish: wishOf({ tolerance: 0.1 }) },
      { wish: wishOf({ asked: { rows: 8 } }) },
      { wish: wishOf({ fixed: { instances: true } }) },
      { declared: { handler: 'another' } },
    ]) {
      assert.equal(await planner.recall(bench.request(given)), undefined);
    }
    for (const given of [
      { machine: () => machineOf(4) },
      { machine: () => ({ ...machineOf(2), cpu: 'another' }) },
      { machine: () => ({ ...machineOf(2), libtorch: '3.0' }) },
      { version: '2.0' },
    ]) {
      assert.equal(await bench.planner(given).recall(bench.request()), undefined);
    }
    writeFileSync(bench.file, 'another model');
    assert.equal(await planner.recall(bench.request()), undefined);
    writeFileSync(bench.file, 'a model');
    assert.notEqual(await planner.recall(bench.request()), undefined);
  });

  test('on a GPU is found again on another of the same kind, and on no other kind', async () => {
    using bench = new Bench();
    const gpu = { ...modelOnGpu, path: bench.file };
    const record = await bench.choose(bench.planner(), bench.request({ model: gpu }));
    assert.equal(record.gpu, 'a fast one');
    const planner = bench.planner();
    const recalled = (model: PlannedModel) => planner.recall(bench.request({ model }));
    assert.notEqual(await recalled(gpu), undefined);
    assert.notEqual(await recalled({ ...gpu, device: 'cuda:1' }), undefined);
    assert.equal(await recalled({ ...gpu, graphMemory: 1 }), undefined);
    const other = bench.planner({ machine: () => ({ ...machineOf(2), gpu: () => 'another' }) });
    assert.equal(await other.recall(bench.request({ model: gpu })), undefined);
  });

  test('on a GPU is not disturbed by what the processor does', async () => {
    using bench = new Bench();
    const model = { ...modelOnGpu, path: bench.file };
    const planner = bench.planner({ load: starved() });
    const { disturbed } = await bench.choose(planner, bench.request({ model }));
    assert.equal(disturbed, undefined);
  });

  test('is one for rows of one shape, and of no more than there may be', async () => {
    using bench = new Bench();
    const record = await bench.choose(bench.planner());
    assert.ok(isPlanFor(record, vectors));
    assert.ok(!isPlanFor(record, [{ dtype: 'float32', dims: [65] }]));
    assert.ok(!isPlanFor(record, [...vectors, ...vectors]));
    assert.equal(planOf(record, 4).rows, 4);
    assert.equal(planOf(record, 64).rows, 32);
  });

  test('while other programs took the processor is used for an hour, or until they do no more', async () => {
    using bench = new Bench();
    const load = starved();
    const record = await bench.choose(bench.planner({ load }));
    assert.equal(record.disturbed, true);
    assert.match(record.notes.at(-1) ?? '', /^other programs took the processor/);
    const calmOne = bench.planner();
    assert.equal((await calmOne.recall(bench.request()))?.disturbed, true);
    const [name = ''] = readdirSync(bench.folder);
    const path = join(bench.folder, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(record.measuredAt, new Date(0).toISOString()));
    assert.equal((await bench.planner({ load }).recall(bench.request()))?.disturbed, true);
    assert.equal(await calmOne.recall(bench.request()), undefined);
  });
});

suite('a search', () => {
  test('that fails changes nothing, and is searched again the next time', async () => {
    using bench = new Bench(() => ({ microseconds: () => 0, error: 'no such shape' }));
    const planner = bench.planner();
    const record = await bench.choose(planner);
    assert.deepEqual([record.source, record.chosen], ['none', wishOf().asked]);
    assert.deepEqual(record.notes, ['no plan was chosen: no such shape']);
    assert.deepEqual(bench.told, [
      'no plan was chosen, frozen, 1 instance × 1 thread is taken: no such shape',
    ]);
    assert.equal(await planner.recall(bench.request()), undefined);
  });

  test('whose trials cannot even begin changes nothing either', async () => {
    using bench = new Bench();
    const planner = bench.planner({
      openTrials: () => {
        throw new Error('the addon is not built');
      },
    });
    assert.equal((await bench.choose(planner)).source, 'none');
  });

  test('waits for that of another model', async () => {
    using bench = new Bench(() => ({ microseconds: () => 0, hangs: true }));
    const planner = bench.planner();
    const first = bench.choose(planner);
    const second = bench.choose(planner);
    const third = bench.choose(planner, bench.request({ waitTime: 0 }));
    assert.match((await third).notes.join(), /the searches of other models took too long$/);
    assert.equal(bench.trials.length, 1);
    bench.trials[0]?.close();
    assert.equal((await first).source, 'none');
    // The second one's turn has come.
    while (bench.trials.length < 2) await new Promise((resolve) => setImmediate(resolve));
    bench.trials[1]?.close();
    await second;
  });

  test('ends when nobody wants it any more, without a word', async () => {
    using bench = new Bench(() => ({ microseconds: () => 0, hangs: true }));
    const planner = bench.planner();
    const ending = new AbortController();
    const searching = bench.choose(planner, bench.request({ signal: ending.signal }));
    const waiting = bench.choose(planner, bench.request({ signal: ending.signal }));
    while (bench.trials.length < 1) await new Promise((resolve) => setImmediate(resolve));
    ending.abort();
    assert.equal((await searching).source, 'none');
    assert.equal((await waiting).source, 'none');
    assert.ok(bench.trials[0]?.closed);
    assert.deepEqual([bench.trials.length, bench.told], [1, []]);
  });

  test('serves although its plan cannot be kept, which is said once', async () => {
    using bench = new Bench();
    const folder = join(bench.file, 'plans');
    const planner = bench.planner({ cache: new PlanCache(folder) });
    assert.equal((await bench.choose(planner)).source, 'measured');
    assert.equal((await bench.choose(planner)).source, 'measured');
    assert.equal(bench.told.length, 1);
    assert.match(bench.told[0] ?? '', /^plans cannot be kept in .* ENOTDIR/);
  });
});
