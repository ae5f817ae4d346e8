import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { suite, test } from 'node:test';
import {
  countsBetween,
  countsOf,
  deviceTables,
  ofDevice,
  sharesOf,
  withDevice,
} from '../../scripts/bench/lib/device-figures.mjs';
import { physicalId } from '../../scripts/bench/lib/gpu.mjs';
import { Results } from '../../scripts/bench/lib/results.mjs';

/** GET /metrics of a server with two GPUs, of which the second has done `factor` times as much. */
const metrics = (factor) =>
  [
    ['batches_total', 4],
    ['graph_batches_total', 1],
    ['busy_seconds_total', 2],
    ['copy_in_seconds_total', 0.5],
    ['compute_seconds_total', 2.5],
    ['copy_out_seconds_total', 0.25],
  ]
    .flatMap(([name, value]) => [
      `# TYPE sconce_device_${name} counter`,
      `sconce_device_${name}{device="cuda:0"} ${value}`,
      `sconce_device_${name}{device="cuda:1"} ${value * factor}`,
    ])
    .join('\n');

suite('counts of a device', () => {
  test('are read by its name, of which cuda is the first', () => {
    const first = countsOf(metrics(2), 'cuda');
    assert.deepEqual(first, {
      ...{ batches: 4, graphBatches: 1, busySeconds: 2 },
      ...{ copyInSeconds: 0.5, computeSeconds: 2.5, copyOutSeconds: 0.25 },
    });
    assert.equal(countsOf(metrics(2), 'cuda:1').batches, 8);
    assert.equal(countsOf(metrics(2), 'cuda:2'), undefined);
    assert.equal(countsOf('', 'cuda'), undefined);
  });

  test('of the addon are found in the same way', () => {
    const statistics = [
      { device: 'cuda:0', batches: 1 },
      { device: 'cuda:1', batches: 2 },
    ];
    assert.equal(ofDevice(statistics, 'cuda').batches, 1);
    assert.equal(ofDevice(statistics, 'cuda:1').batches, 2);
    assert.equal(ofDevice(statistics, 'cpu'), undefined);
  });

  test('become shares of the time that went by', () => {
    const counts = countsBetween(countsOf(metrics(1), 'cuda'), countsOf(metrics(3), 'cuda:1'));
    assert.deepEqual(sharesOf(counts, 4), {
      ...{ busyShare: 1, copyInShare: 0.25, computeShare: 1.25, copyOutShare: 0.125 },
      ...{ workShare: 1.625, graphShare: 0.25 },
    });
  });
});

suite('a step of load', () => {
  const step = {
    ...{ contender: 's', point: 'c=1', seconds: 0, invalid: () => undefined, describe: () => '' },
    measure: async () => ({ requests: 1 }),
  };

  async function serve(t, texts) {
    const server = createServer((_request, response) => response.end(texts.shift()));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    t.after(() => server.closeAllConnections());
    return { metricsUrl: `http://127.0.0.1:${server.address().port}` };
  }

  test('on the CPU is left as it is', async () => {
    assert.equal(withDevice(step, {}, 'cpu'), step);
  });

  test('on a GPU tells what it did meanwhile', async (t) => {
    const figures = await withDevice(
      step,
      await serve(t, [metrics(1), metrics(3)]),
      'cuda:1',
    ).measure();
    assert.equal(figures.requests, 1);
    assert.equal(figures.graphShare, 0.25);
    assert.ok(figures.workShare > 0);
  });

  test('counts from nothing where the device was not used before', async (t) => {
    const figures = await withDevice(step, await serve(t, ['', metrics(1)]), 'cuda').measure();
    assert.equal(figures.graphShare, 0.25);
  });

  test('has its own figures alone where the server tells nothing of the device', async (t) => {
    const measured = withDevice(step, await serve(t, ['', '']), 'cuda');
    assert.deepEqual(await measured.measure(), { requests: 1 });
  });
});

test('contenders whose work on the device was counted have a line', () => {
  const counts = countsOf(metrics(1), 'cuda');
  const measurement = { contender: 's', point: 'c=1', figures: sharesOf(counts, 4) };
  const results = new Results([{ measurements: [measurement] }]);
  const other = { contender: 'other', point: 'c=1' };
  const [{ text }] = deviceTables(results, [{ contender: 's', point: 'c=1' }, other]);
  const line = '| s, c=1 | 0.500 | 0.125 | 0.625 | 0.063 | 0.813 | 0.250 |';
  assert.deepEqual(text.split('\n').slice(2), [line]);
  assert.deepEqual(deviceTables(results, [other]), []);
});

test('nvidia-smi is asked of the device that the process sees', () => {
  assert.equal(physicalId('cuda', undefined), '0');
  assert.equal(physicalId('cuda:1', ''), '1');
  assert.equal(physicalId('cuda:1', '3, GPU-5a'), 'GPU-5a');
});
