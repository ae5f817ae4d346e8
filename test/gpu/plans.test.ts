import assert from 'node:assert/strict';
import { suite } from 'node:test';
import { Value } from 'typebox/value';
import type { ModelConfig } from '../../src/config/model-config.js';
import type { Settings } from '../../src/config/settings.js';
import { type ModelDescription, modelDescriptionSchema } from '../../src/http/model-description.js';
import type { NativePlan, Precision, TrialEvent } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { plainModule } from '../../src/plans/plan.js';
import { openTrials } from '../../src/plans/trials.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import { gpuDevice, gpuTest } from '../support/gpu.js';
import { HttpClient, json } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { source, startServer, type TestServer } from '../support/server.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const perceptron = [{ dtype: 'float32', dims: [4] }] as const;
const image = [{ dtype: 'float32', dims: [3, 8, 8] }] as const;
const frozen: NativePlan = { ...plainModule, freeze: true };

interface Tried {
  graphMemory?: number;
  instances?: number;
  rows?: readonly number[];
}

/** What comes of plans, one after the other. */
async function tried(
  model: string,
  inputs: readonly TensorSpec[],
  plans: readonly NativePlan[],
  { graphMemory = 2 ** 30, instances = 1, rows = [1, 8] }: Tried = {},
): Promise<TrialEvent[]> {
  const path = fixture(model);
  const planned = { name: model, version: '1.0', path, device: gpuDevice, graphMemory };
  const trials = openTrials({ ...planned, inputForms: [] }, inputs);
  try {
    const events: TrialEvent[] = [];
    for (const plan of plans) {
      events.push(await trials.try({ plan, rows, instances, intraOpThreads: 1, budget: 20 }));
    }
    return events;
  } finally {
    trials.close();
  }
}

function assertTimed({ error, microseconds }: TrialEvent, sizes = 2): void {
  assert.equal(error, undefined);
  assert.equal(microseconds.length, sizes);
  assert.ok(microseconds.every((time) => time > 0 && Number.isFinite(time)));
}

suite('a trial on a GPU', () => {
  gpuTest('times every way to prepare a module, and finds the same outputs', async () => {
    const plans = [plainModule, frozen, { ...frozen, optimize: true }];
    const layouts = plans.map((plan) => ({ ...plan, channelsLast: true }));
    for (const event of await tried('convolution', image, [...plans, ...layouts])) {
      assertTimed(event);
      assert.ok(event.deviation < 2e-3, `deviates by ${event.deviation}`);
    }
  });

  gpuTest('times reduced precisions, and measures what they deviate by', async () => {
    const most: Partial<Record<Precision, number>> = { tf32: 5e-3, bfloat16: 5e-2, float16: 5e-3 };
    for (const precision of ['tf32', 'bfloat16', 'float16'] as const) {
      if (precision !== 'float16' && !addon().bfloat16Supported(gpuDevice)) continue;
      const [event] = await tried('perceptron', perceptron, [{ ...frozen, precision }]);
      assert.ok(event);
      assertTimed(event);
      assert.ok(event.deviation <= (most[precision] ?? 0), `${precision}: ${event.deviation}`);
    }
  });

  gpuTest('with CUDA graphs has the outputs that it has without', async () => {
    for (const plan of [plainModule, frozen]) {
      const [eager, graphs] = await tried('perceptron', perceptron, [
        plan,
        { ...plan, graphs: true },
      ]);
      assert.ok(eager && graphs);
      assertTimed(eager);
      assertTimed(graphs);
      assert.ok(graphs.deviation <= eager.deviation + 1e-5, `deviates by ${graphs.deviation}`);
    }
  });

  gpuTest('runs two instances at the same time, with graphs of their own', async () => {
    const plans = [frozen, { ...frozen, graphs: true }];
    for (const event of await tried('perceptron', perceptron, plans, { instances: 2 })) {
      assertTimed(event);
    }
  });

  gpuTest('says why a model has no CUDA graphs, and leaves the device as it was', async () => {
    // It writes to what it remembers.
    const plans = [{ ...frozen, graphs: true }, frozen];
    const [stateful, eager] = await tried('remembers', perceptron, plans);
    assert.equal(stateful?.error?.code, 'MODEL_FAILED');
    assert.match(stateful?.error?.message ?? '', /^no CUDA graphs: ./);
    assert.ok(eager);
    assertTimed(eager);
    const [sound] = await tried('perceptron', perceptron, [{ ...frozen, graphs: true }]);
    assert.ok(sound);
    assertTimed(sound);
  });

  gpuTest('refuses graphs that take more memory than they may', async () => {
    const plan = { ...frozen, graphs: true };
    const [event] = await tried('perceptron', perceptron, [plan], { graphMemory: 0 });
    assert.equal(event?.error?.code, 'MODEL_FAILED');
  });
});

const shaped = (config: ModelConfig = {}) =>
  source('perceptron', {
    config: {
      batchSize: 8,
      inputs: [{ name: 'x', dtype: 'float32', shape: [4] }],
      ...config,
    },
  });

/** A server with the perceptron on the GPU. */
function served(config: ModelConfig = {}, given: Partial<Settings> = {}): Promise<TestServer> {
  return startServer([shaped(config)], { device: gpuDevice, ...given });
}

async function described({ addresses }: TestServer): Promise<ModelDescription> {
  const management = new HttpClient(addresses.management);
  const answer = json(await management.get('/models/perceptron'));
  management.close();
  const [description]: unknown[] = Array.isArray(answer) ? answer : [];
  assert.ok(Value.Check(modelDescriptionSchema, description), JSON.stringify(answer));
  return description;
}

const requests = Array.from({ length: 24 }, (_, i) => [i / 8, -i / 4, 1, i % 3]);

/** What a server answers to all of them, sent at the same time. */
async function answers({ client }: TestServer): Promise<number[]> {
  const replies = await Promise.all(requests.map((row) => client.predict('perceptron', row)));
  return replies.map(json).flat(2).map(Number);
}

/** What the CPU answers. */
async function expected(): Promise<number[]> {
  await using server = await startServer([shaped()]);
  return answers(server);
}

function assertClose(given: readonly number[], wanted: readonly number[], most: number): void {
  assert.equal(given.length, wanted.length);
  const largest = Math.max(...wanted.map(Math.abs));
  for (const [i, value] of given.entries()) {
    const difference = Math.abs(value - (wanted[i] ?? Number.NaN)) / largest;
    assert.ok(difference <= most, `${value} instead of ${wanted[i]}`);
  }
}

suite('a server with a model on a GPU', () => {
  gpuTest('finds a plan, serves by it, and finds it again', async () => {
    using cache = new TemporaryFolder();
    const given = { plan: 'auto', planCache: cache.path } as const;
    const wanted = await expected();
    const chosen = new Set<string>();
    for (const from of ['measured', 'cache']) {
      await using server = await served({}, given);
      const { plan, cudaGraphs } = (await described(server)).sconce;
      assert.equal(plan?.source, from, JSON.stringify(plan?.notes));
      assert.match(plan.gpu ?? '', /CUDA runtime \d+\.\d+/);
      assert.ok(plan.tried.some(({ graphs }) => graphs));
      assert.ok(plan.tried.every(({ instances }) => instances <= 2));
      assert.equal(cudaGraphs === undefined, !plan.chosen.graphs);
      chosen.add(JSON.stringify(plan.chosen));
      assertClose(await answers(server), wanted, 1e-3);
    }
    assert.equal(chosen.size, 1);
  });

  gpuTest('captures CUDA graphs when they are asked for, and shows them', async () => {
    await using server = await served({ cudaGraphs: 'always' });
    const { cudaGraphs } = (await described(server)).sconce;
    assert.deepEqual(cudaGraphs?.rows, [1, 2, 4, 8], JSON.stringify(cudaGraphs));
    assert.ok(cudaGraphs.bytes > 0);
    assertClose(await answers(server), await expected(), 1e-3);
  });

  gpuTest('keeps to the memory that they may take', async () => {
    await using server = await served({ cudaGraphs: 'always', cudaGraphMemory: 1 });
    const { cudaGraphs } = (await described(server)).sconce;
    assert.ok(cudaGraphs !== undefined && cudaGraphs.bytes <= 2 ** 20, JSON.stringify(cudaGraphs));
    assert.equal(cudaGraphs.rows.length + cudaGraphs.problems.length, 4);
    assertClose(await answers(server), await expected(), 1e-3);
  });

  gpuTest('has none when they are not wanted', async () => {
    using cache = new TemporaryFolder();
    const given = { plan: 'auto', planCache: cache.path, cudaGraphs: 'never' } as const;
    await using server = await served({}, given);
    const { plan, cudaGraphs } = (await described(server)).sconce;
    assert.ok(plan?.tried.every(({ graphs }) => !graphs));
    assert.equal(cudaGraphs, undefined);
  });

  gpuTest('computes in the precision that is asked for', async () => {
    const wanted = await expected();
    for (const precision of ['tf32', 'bfloat16', 'float16'] as const) {
      if (precision !== 'float16' && !addon().bfloat16Supported(gpuDevice)) continue;
      await using server = await served({ precision });
      assertClose(await answers(server), wanted, 0.05);
    }
  });
});
