import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { Deferred } from '../../src/models/deferred.js';
import type {
  NativePlan,
  NativePlanSearch,
  NativePlanSearchOptions,
  NativeTrial,
  TrialEvent,
} from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { type Dtype, dtypeCode } from '../../src/native/dtype.js';
import { openPlanSearch } from '../../src/native/runtime.js';
import { alphaModel, fixture } from './open-model.js';

const plain: NativePlan = {
  freeze: false,
  optimize: false,
  channelsLast: false,
  precision: 'float32',
  graphs: false,
};
const frozen: NativePlan = { ...plain, freeze: true };
const optimized: NativePlan = { ...frozen, optimize: true };
const exactPlans = [plain, frozen, optimized, { ...frozen, channelsLast: true }];
const reduced: NativePlan = { ...frozen, precision: 'bfloat16' };

const linux = existsSync('/proc/self/task');
const open = new Set<Search>();

afterEach(async () => {
  await Promise.all([...open].map((search) => search.close()));
});

/** A search whose answers can be awaited. */
class Search {
  readonly events: TrialEvent[] = [];
  readonly closed: Promise<void>;
  readonly search: NativePlanSearch;
  readonly #asked: Deferred<TrialEvent>[] = [];

  constructor(
    path: string,
    inputs: [Dtype, number[]][],
    options: Partial<NativePlanSearchOptions> = {},
  ) {
    const closed = new Deferred<void>();
    this.closed = closed.promise;
    this.search = openPlanSearch(
      {
        path,
        device: 'cpu',
        inputs: inputs.map(([dtype, dims]) => ({ dtype: dtypeCode(dtype), dims })),
        ...options,
      },
      {
        trial: (event) => {
          this.events.push(event);
          this.#asked.shift()?.resolve(event);
        },
        closed: () => closed.resolve(),
      },
    );
    open.add(this);
  }

  try(plan: NativePlan, trial: Partial<NativeTrial> = {}): Promise<TrialEvent> {
    this.search.try({ plan, rows: [1, 4], instances: 1, intraOpThreads: 1, budget: 2, ...trial });
    const asked = new Deferred<TrialEvent>();
    this.#asked.push(asked);
    return asked.promise;
  }

  async close(): Promise<void> {
    open.delete(this);
    this.search.close();
    await this.closed;
  }
}

const alpha: [string, [Dtype, number[]][]] = [alphaModel, [['float32', [64]]]];

function assertTimed(event: TrialEvent, sizes: number): void {
  assert.equal(event.error, undefined);
  assert.equal(event.microseconds.length, sizes);
  for (const value of event.microseconds) assert.ok(value > 0 && Number.isFinite(value));
  assert.ok(event.prepareMilliseconds > 0);
}

describe('a search for a plan', () => {
  const models: [string, [Dtype, number[]][], Partial<NativePlanSearchOptions>?][] = [
    ['linear.pt', [['float32', [3]]]],
    ['perceptron.pt', [['float32', [4]]]],
    ['convolution.pt', [['float32', [3, 8, 8]]]],
    [
      'pair.pt',
      [
        ['int64', [4]],
        ['float32', [4]],
      ],
    ],
    ['dictionary.pt', [['float32', [3]]]],
    ['nested.pt', [['float32', [3]]]],
    ['recurrent.pt', [['int64', [6]]]],
    [
      'attentive.pt',
      [
        ['int64', [6]],
        ['int64', [6]],
      ],
    ],
    ['text_bag.pt', [['int64', [5]]], { inputForms: ['joined', 'offsets'] }],
    ['slow.pt', [['float32', [3]]]],
    ['prints.pt', [['float32', [2]]]],
    ['remembers.pt', [['float32', [3]]]],
    ['counts.pt', [['float32', [3]]]],
    ['overwrites.pt', [['float32', [3]]]],
    ['dtypes.pt', [['bool', [3]]]],
    ['dtypes.pt', [['float64', [3]]]],
    ['dtypes.pt', [['float16', [3]]]],
    ['double.pt', [['uint8', []]]],
  ];
  for (const [file, inputs, options] of models) {
    test(`${file} ${inputs.map(([dtype]) => dtype)}: every exact way gives the outputs of the file`, async () => {
      const search = new Search(fixture(file), inputs, options);
      for (const plan of exactPlans) {
        const event = await search.try(plan);
        assertTimed(event, 2);
        assert.ok(event.deviation < 1e-5, `${JSON.stringify(plan)} deviates by ${event.deviation}`);
      }
    });
  }

  test('the plain module deviates by nothing, bfloat16 by little', async () => {
    const search = new Search(...alpha);
    assert.equal((await search.try(plain)).deviation, 0);
    const { deviation } = await search.try(reduced);
    assert.ok(deviation > 1e-4 && deviation < 0.1, `deviates by ${deviation}`);
    assert.equal((await search.try(plain)).deviation, 0, 'the file is as it was');
  });

  test('on the CPU CUDA graphs change nothing, and tf32 is refused', async () => {
    const search = new Search(...alpha);
    const { deviation } = await search.try(frozen);
    const graphs = await search.try({ ...frozen, graphs: true });
    assertTimed(graphs, 2);
    assert.equal(graphs.deviation, deviation);
    const { error } = await search.try({ ...frozen, precision: 'tf32' });
    assert.equal(error?.code, 'MODEL_LOAD_FAILED');
    assertTimed(await search.try(frozen), 2);
  });

  test('a number that only one way can hold is no deviation but NaN', async () => {
    const search = new Search(fixture('large.pt'), [['float32', [3]]]);
    assert.equal((await search.try({ ...frozen, precision: 'float16' })).deviation, Number.NaN);
    assert.ok((await search.try(reduced)).deviation < 0.1);
  });

  test('instances run at the same time, each with its threads', async () => {
    const search = new Search(...alpha);
    for (const [instances, intraOpThreads] of [
      [3, 1],
      [1, 2],
      [2, 2],
    ] as const) {
      const event = await search.try(frozen, { instances, intraOpThreads, rows: [8, 1, 2] });
      assertTimed(event, 3);
      assert.ok(event.deviation < 1e-5);
    }
  });

  test('trials are answered in the order of the calls, also of other numbers of rows', async () => {
    const search = new Search(...alpha);
    const sizes = [[1], [16, 2], [3], [16]];
    const events = await Promise.all(sizes.map((rows) => search.try(frozen, { rows })));
    assert.deepEqual(
      events.map(({ microseconds }) => microseconds.length),
      [1, 2, 1, 1],
    );
    assert.deepEqual(search.events, events);
    for (const event of events) assert.equal(event.model, search.search.id);
  });

  test('what does not run is the answer of its trial, and others go on', async () => {
    const search = new Search(fixture('reduces.pt'), [['float32', [3]]]);
    for (let i = 0; i < 2; i += 1) {
      const { error, microseconds, deviation } = await search.try(frozen, { instances: 2 });
      assert.equal(error?.code, 'INVALID_OUTPUT');
      assert.deepEqual([microseconds, deviation], [[], Number.NaN]);
    }
    const other = new Search(fixture('linear.pt'), [['float32', [7]]]);
    assert.equal((await other.try(plain)).error?.code, 'MODEL_FAILED');
    const many = new Search(alphaModel, [['float32', [2 ** 40]]]);
    assert.equal((await many.try(plain, { rows: [65536] })).error?.code, 'OUT_OF_MEMORY');
    const missing = new Search(fixture('missing.pt'), []);
    assert.equal((await missing.try(plain)).error?.code, 'MODEL_LOAD_FAILED');
    const device = new Search(alphaModel, [['float32', [64]]], { device: 'tpu' });
    assert.equal((await device.try(plain)).error?.code, 'MODEL_LOAD_FAILED');
  });

  test('the file is read once; a conversion that reads it again fails by itself', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sconce-'));
    const path = join(folder, 'model.pt');
    copyFileSync(alphaModel, path);
    const search = new Search(path, [['float32', [64]]]);
    assertTimed(await search.try(plain), 2);
    rmSync(folder, { recursive: true });
    assertTimed(await search.try(optimized, { rows: [1, 2, 8] }), 3);
    assert.equal((await search.try(reduced)).error?.code, 'MODEL_LOAD_FAILED');
    assertTimed(await search.try(frozen), 2);
  });

  test('options that make no sense are refused', () => {
    const { PlanSearch } = addon();
    const good = { path: alphaModel, device: 'cpu', inputs: [] };
    for (const options of [
      { ...good, path: 7 },
      { ...good, inputs: undefined },
      { ...good, inputs: [{ dtype: 99, dims: [] }] },
      { ...good, inputs: [{ dtype: 0, dims: [-1] }] },
      { ...good, inputForms: ['sideways'] },
    ]) {
      assert.throws(() => Reflect.construct(PlanSearch, [options]), { code: 'INTERNAL' });
    }
    const { search } = new Search(...alpha);
    const trial = { plan: plain, rows: [1], instances: 1, intraOpThreads: 1, budget: 1 };
    for (const bad of [
      { ...trial, rows: [] },
      { ...trial, rows: [0] },
      { ...trial, rows: [1.5] },
      { ...trial, instances: 0 },
      { ...trial, intraOpThreads: 5000 },
      { ...trial, budget: Number.NaN },
      { ...trial, budget: -1 },
      { ...trial, plan: { ...plain, precision: 'int4' } },
      { ...trial, plan: undefined },
    ]) {
      assert.throws(() => Reflect.apply(search.try, search, [bad]), { code: 'INTERNAL' });
    }
  });
});

describe('a search that is closed', () => {
  test('ends, whether it has begun or not', async () => {
    const search = new Search(...alpha);
    await search.close();
    assert.throws(
      () =>
        search.search.try({ plan: plain, rows: [1], instances: 1, intraOpThreads: 1, budget: 1 }),
      {
        code: 'MODEL_CLOSED',
      },
    );
    search.search.close();
  });

  test('gives no answer to the trial that runs, nor to those that wait', async () => {
    const search = new Search(...alpha);
    assertTimed(await search.try(plain), 2);
    for (let i = 0; i < 3; i += 1) {
      search.search.try({ plan: frozen, rows: [1], instances: 2, intraOpThreads: 1, budget: 3e6 });
    }
    await search.close();
    assert.equal(search.events.length, 1);
  });

  const runtime = new URL('../../src/native/runtime.js', import.meta.url).href;

  /** Runs a script that searches, in a process of its own; resolves with its exit code. */
  async function runAlone(file: string, script: string): Promise<number | null> {
    const options = {
      path: fixture(file),
      device: 'cpu',
      inputs: [{ dtype: dtypeCode('float32'), dims: [3] }],
    };
    const trial = { plan: frozen, rows: [1], instances: 2, intraOpThreads: 1, budget: 3e6 };
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { readdirSync, readFileSync } from 'node:fs';
        import { abandonBatches, openPlanSearch } from '${runtime}';
        const hasComputed = (name, nanoseconds) =>
          readdirSync('/proc/self/task').some((id) => {
            const read = (file) => readFileSync('/proc/self/task/' + id + '/' + file, 'utf8');
            return read('comm').trim() === name && Number.parseInt(read('schedstat')) > nanoseconds;
          });
        const search = openPlanSearch(${JSON.stringify(options)}, { trial() {}, closed() {} });
        search.try(${JSON.stringify(trial)});
        ${script}`,
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const [code] = await once(child, 'close');
    return code;
  }

  test('by the end of the process, in the middle of a trial', { skip: !linux }, async () => {
    const script = `setInterval(() => {
        if (hasComputed('sconce trial', 1e6)) process.exit(3);
      }, 5);`;
    assert.equal(await runAlone('linear.pt', script), 3);
  });

  test('with a model that never ends: close() returns, and the process ends without it', {
    skip: !linux,
  }, async () => {
    const script = `setInterval(() => {
        if (!hasComputed('sconce plans', 5e8)) return;
        search.close();
        abandonBatches();
        process.exit(4);
      }, 5);`;
    assert.equal(await runAlone('endless.pt', script), 4);
  });
});
