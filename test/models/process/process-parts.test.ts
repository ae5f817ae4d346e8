import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Metrics } from '../../../src/metrics/metrics.js';
import { BackOff } from '../../../src/models/process/back-off.js';
import { processDevices } from '../../../src/models/process/gpu-ids.js';
import { WorkerMetrics } from '../../../src/models/process/worker-metrics.js';
import { workerRequest } from '../../../src/models/process/worker-request.js';
import type { WorkerMetric } from '../../../src/python/metric-line.js';
import { handlerRequest } from '../../support/request.js';

suite('a back-off', () => {
  test('waits as TorchServe does, until the window is over', () => {
    const backOff = new BackOff(60_000);
    let now = 1000;
    const waits: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const wait = backOff.next(now);
      waits.push(wait);
      now += wait ?? 0;
    }
    assert.deepEqual(
      waits.map((wait) => (wait === undefined ? wait : wait / 1000)),
      [1, 1, 2, 3, 5, 8, 13, 21, 34, undefined],
    );
    assert.equal(backOff.failingSince, 1000);
  });

  test('begins anew when the worker has run', () => {
    const backOff = new BackOff(60_000);
    for (let attempt = 0; attempt < 5; attempt += 1) backOff.next(0);
    backOff.reset();
    assert.equal(backOff.failingSince, undefined);
    assert.equal(backOff.next(1e6), 1000);
  });

  test('without a window gives up at once', () => {
    assert.equal(new BackOff(0).next(), undefined);
  });
});

suite('a request for a worker', () => {
  test('has its body as the parameter body, of a media type without parameters', () => {
    const request = handlerRequest('{}', { contentType: 'application/json; charset=utf-8' });
    assert.deepEqual(workerRequest(request).parameters, [
      { name: 'body', value: Buffer.from('{}'), contentType: 'application/json' },
    ]);
  });

  test('has the parts of a form as its parameters', () => {
    const parameters = [
      { name: 'data', value: Buffer.from('x'), contentType: 'text/plain; charset=x' },
      { name: 'k', value: Buffer.from('v'), contentType: undefined },
    ];
    assert.deepEqual(workerRequest(handlerRequest('ignored', { parameters })).parameters, [
      { name: 'data', value: Buffer.from('x'), contentType: 'text/plain' },
      { name: 'k', value: Buffer.from('v'), contentType: undefined },
    ]);
  });

  test('has headers in the letter case of the client, the last of a name', () => {
    const rawHeaders = ['X-Thing', '1', 'Content-Length', '2', 'X-Thing', '2', 'Expect', '100-'];
    const request = handlerRequest('{}', { rawHeaders, explain: true, urlPath: 'a/b' });
    assert.deepEqual(workerRequest(request).headers, [
      ['X-Thing', '2'],
      ['Content-Length', '2'],
      ['explain', 'True'],
      ['url_path', 'a/b'],
    ]);
  });

  test('without a length gets one, in small letters', () => {
    const rawHeaders = ['Transfer-Encoding', 'chunked'];
    assert.deepEqual(workerRequest(handlerRequest('abc', { rawHeaders })).headers, [
      ['content-length', '3'],
    ]);
    assert.deepEqual(workerRequest(handlerRequest('')).headers, [['content-length', '0']]);
  });
});

suite('the devices of Python workers', () => {
  for (const [setting, limits, devices, inTurn] of [
    ['cpu', {}, ['cpu'], false],
    ['auto', {}, ['cuda:0', 'cuda:1', 'cuda:2'], true],
    ['auto', { mostGpus: 2 }, ['cuda:0', 'cuda:1'], true],
    ['auto', { mostGpus: 0 }, ['cpu'], false],
    ['auto', { ids: [2, 0] }, ['cuda:2', 'cuda:0'], false],
    ['auto', { ids: [7] }, ['cuda:0', 'cuda:1', 'cuda:2'], true],
    ['cuda', {}, ['cuda:0'], false],
    ['cuda:7', {}, ['cuda:7'], false],
  ] as const) {
    test(`of 3 GPUs: ${setting} ${JSON.stringify(limits)} are ${devices.join(' ')}`, () => {
      const choice = processDevices(setting, limits, () => 3);
      assert.deepEqual(choice, { devices, inTurn });
    });
  }

  test('are the CPU where there is no GPU', () => {
    const choice = processDevices('auto', { ids: [0] }, () => 0);
    assert.deepEqual(choice, { devices: ['cpu'], inTurn: false });
  });
});

suite("metrics of a worker's lines", () => {
  const metric: WorkerMetric = {
    name: 'Seen',
    unit: 'Count',
    value: 2,
    kind: 'counter',
    dimensions: [
      ['ModelName', 'm'],
      ['Level', 'Model'],
    ],
    hostname: 'h',
    timestamp: 1,
    requestIds: 'a,b',
  };

  test('are counted as the handler’s own', async () => {
    const metrics = new Metrics({ mode: 'prometheus', autoDetect: true });
    const refusals: unknown[] = [];
    const worker = new WorkerMetrics(metrics.forVersion('m', '1.0').custom(), (error) =>
      refusals.push(error),
    );
    worker.take(metric);
    worker.take(metric);
    assert.match(await metrics.text(), /^Seen\{ModelName="m",Level="Model",.*\} 4\.0$/m);
    assert.deepEqual(refusals, []);
    metrics.close();
  });

  test('that cannot be are passed over, and told of once', () => {
    const metrics = new Metrics({ mode: 'prometheus', autoDetect: true });
    const refusals: unknown[] = [];
    const worker = new WorkerMetrics(metrics.forVersion('m', '1.0').custom(), (error) =>
      refusals.push(error),
    );
    for (let i = 0; i < 3; i += 1) worker.take({ ...metric, name: '9lives' });
    for (let i = 0; i < 3; i += 1) worker.take({ ...metric, value: -1 });
    assert.equal(refusals.length, 2);
    metrics.close();
  });
});
