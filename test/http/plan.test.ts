import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Value } from 'typebox/value';
import { planRecordSchema } from '../../src/plans/plan-record.js';
import { isObject } from '../support/expected.js';
import { HttpClient, json } from '../support/http-client.js';
import { source, startServer } from '../support/server.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const shaped = source('perceptron', {
  config: { batchSize: 4, inputs: [{ name: 'x', dtype: 'float32', shape: [4] }] },
});

interface Described {
  plan: unknown;
  workers: unknown[];
  minWorkers: unknown;
}

/** What the management API of a server that searches for plans says of a model. */
async function describe(planCache: string, model = shaped): Promise<Described & { reply: string }> {
  await using server = await startServer([model], { plan: 'auto', planCache });
  const management = new HttpClient(server.addresses.management);
  const described = json(await management.get(`/models/${model.name}`));
  const { text: reply } = await server.client.send(`/predictions/${model.name}`, [[1, 2, 3, 4]]);
  management.close();
  assert.ok(Array.isArray(described) && isObject(described[0]));
  const { sconce, workers, minWorkers } = described[0];
  assert.ok(isObject(sconce) && Array.isArray(workers));
  return { plan: sconce.plan, workers, minWorkers, reply };
}

suite('GET /models/{model} of a model whose plan was searched for', () => {
  test('shows what was tried and what was chosen, the next time from the cache', async () => {
    using cache = new TemporaryFolder();
    const first = await describe(cache.path);
    const { plan } = first;
    assert.ok(Value.Check(planRecordSchema, plan), JSON.stringify(plan));
    assert.equal(plan.source, 'measured');
    assert.ok(plan.tried.length >= 3);
    assert.ok(plan.tried.every(({ problem }) => problem === undefined));
    assert.deepEqual(plan.inputs, [{ dtype: 'float32', dims: [4] }]);
    assert.equal(first.workers.length, plan.chosen.instances);
    assert.equal(first.minWorkers, plan.chosen.instances);
    const second = await describe(cache.path);
    if (plan.disturbed !== true) {
      assert.deepEqual(second.plan, { ...plan, source: 'cache' });
      assert.equal(second.reply, first.reply);
    }
  });

  test('of one that says how many instances it has shows as many workers', async () => {
    using cache = new TemporaryFolder();
    const asked = source('perceptron', { config: { ...shaped.config, instances: 3 } });
    const { plan, workers, minWorkers } = await describe(cache.path, asked);
    assert.ok(Value.Check(planRecordSchema, plan));
    assert.ok(plan.tried.every(({ instances }) => instances === 3));
    assert.deepEqual([workers.length, minWorkers], [3, 3]);
  });

  test('is without a plan when its own configuration turns it off', async () => {
    using cache = new TemporaryFolder();
    const off = source('perceptron', { config: { ...shaped.config, plan: 'off' } });
    assert.equal((await describe(cache.path, off)).plan, undefined);
  });
});
