import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { SconceError } from '../../src/errors.js';
import {
  loadMetricsConfiguration,
  parseMetricsConfiguration,
} from '../../src/metrics/configuration.js';
import { defaultBuckets } from '../../src/metrics/specification.js';
import { defaultMetricsConfiguration } from '../../src/metrics/torchserve-table.js';
import { root } from '../support/paths.js';

const folder = mkdtempSync(join(tmpdir(), 'sconce-metrics-'));
after(() => rmSync(folder, { recursive: true }));

/** A metrics.yaml in the style of TorchServe's own, anchors included. */
const sample = `dimensions:
  - &model_name "ModelName"
  - &level "Level"
  - &hostname "Hostname"

ts_metrics:
  counter:
    - name: Requests2XX
      unit: Count
      dimensions: [*level, *hostname]
  gauge:
    - name: QueueTime
      unit: Milliseconds
      dimensions: [level, host]
  histogram:
    - name: ts_inference_latency_microseconds
      unit: Microseconds
      dimensions: ["model_name", "model_version", "hostname"]

model_metrics:
  # The host is added.
  gauge:
    - name: HandlerTime
      unit: ms
      dimensions: [*model_name, *level]
  histogram:
    - {name: Tokens, unit: count of tokens, dimensions: [*model_name], buckets: [1, 2.5, 10]}
  counter:
`;

function refusal(text: string): string {
  try {
    parseMetricsConfiguration(text, 'm.yaml');
  } catch (error) {
    assert.ok(error instanceof SconceError);
    assert.equal(error.code, 'INVALID_CONFIGURATION');
    return error.message;
  }
  return assert.fail(`nothing is wrong with ${text}`);
}

const counter = (entry: string) => `ts_metrics:\n  counter:\n    - ${entry}\n`;
const histogram = (entry: string) => `ts_metrics:\n  histogram:\n    - ${entry}\n`;

suite('parseMetricsConfiguration', () => {
  test('reads counters, gauges and histograms of both sections, and adds the host to models', () => {
    assert.deepEqual(parseMetricsConfiguration(sample, 'm.yaml'), {
      system: [
        {
          kind: 'counter',
          name: 'Requests2XX',
          unit: 'Count',
          dimensions: ['Level', 'Hostname'],
        },
        { kind: 'gauge', name: 'QueueTime', unit: 'Milliseconds', dimensions: ['level', 'host'] },
        {
          kind: 'histogram',
          name: 'ts_inference_latency_microseconds',
          unit: 'Microseconds',
          dimensions: ['model_name', 'model_version', 'hostname'],
          buckets: defaultBuckets,
        },
      ],
      model: [
        {
          kind: 'gauge',
          name: 'HandlerTime',
          unit: 'ms',
          dimensions: ['ModelName', 'Level', 'Hostname'],
        },
        {
          kind: 'histogram',
          name: 'Tokens',
          unit: 'count of tokens',
          dimensions: ['ModelName', 'Hostname'],
          buckets: [1, 2.5, 10],
        },
      ],
    });
  });

  test('takes an empty document, and sections without content', () => {
    for (const text of ['', '# nothing', 'ts_metrics:\n', 'model_metrics:\n  gauge:\n']) {
      assert.deepEqual(parseMetricsConfiguration(text, 'm.yaml'), { system: [], model: [] });
    }
  });

  test('takes more metrics than YAML readers let an anchor be used by default', () => {
    const names = Array.from({ length: 500 }, (_, i) => `metric_${i}`);
    const text = `dimensions: [&h Hostname]\nts_metrics:\n  gauge:\n${names
      .map((name) => `    - {name: ${name}, unit: Count, dimensions: [*h]}\n`)
      .join('')}`;
    const { system } = parseMetricsConfiguration(text, 'm.yaml');
    assert.deepEqual(
      system.map(({ name }) => name),
      names,
    );
  });

  test('takes the example of the documents', () => {
    const document = readFileSync(join(root, 'docs/metrics.md'), 'utf8');
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(document) ?? [];
    const { system, model } = parseMetricsConfiguration(example, 'docs/metrics.md');
    assert.deepEqual(
      [...system, ...model].map(({ name }) => name),
      ['Requests2XX', 'QueueTime', 'PredictionTime'],
    );
  });

  const refused: [what: string, text: string, message: string][] = [
    ['a document that is no mapping', '5', 'm.yaml: the document must be object'],
    ['a section it does not know', 'metrics: 1', 'm.yaml:1: metrics is not known here'],
    [
      'a kind it does not know',
      'ts_metrics:\n  summary: []\n',
      'm.yaml:2: ts_metrics.summary is not known here',
    ],
    [
      'a metric without a unit',
      counter('{name: x, dimensions: [h]}'),
      'm.yaml:3: ts_metrics.counter.0 must have required properties unit',
    ],
    [
      'a metric with an empty name',
      counter('{name: , unit: Count, dimensions: [h]}'),
      'm.yaml:3: ts_metrics.counter.0.name must be string',
    ],
    [
      'a name that Prometheus does not take',
      counter('\n      name: a-b\n      unit: Count\n      dimensions: [h]'),
      'm.yaml:4: ts_metrics.counter.0.name must consist of letters, digits and "_", and not begin with a digit or "__"',
    ],
    [
      'a label that Prometheus keeps for itself',
      counter('{name: a, unit: Count, dimensions: [__name__]}'),
      'm.yaml:3: ts_metrics.counter.0.dimensions.0 must consist of letters, digits and "_", and not begin with a digit or "__"',
    ],
    [
      'a unit that would end a line',
      counter('{name: a, unit: "Count:1", dimensions: [h]}'),
      'm.yaml:3: ts_metrics.counter.0.unit must consist of letters, digits, "_" and spaces',
    ],
    [
      'a key it does not know',
      counter('{name: a, unit: Count, dimensions: [h], help: x}'),
      'm.yaml:3: ts_metrics.counter.0.help is not known here',
    ],
    [
      'buckets of a counter',
      counter('{name: a, unit: Count, dimensions: [h], buckets: [1]}'),
      'm.yaml:3: ts_metrics.counter.0.buckets is not known here',
    ],
    [
      'a metric of the server without labels',
      counter('{name: a, unit: Count, dimensions: []}'),
      'm.yaml:3: ts_metrics.counter.0.dimensions must name at least the label of the host, which is last',
    ],
    [
      'a metric of models that names the host',
      'model_metrics: {gauge: [{name: a, unit: Count, dimensions: [Hostname]}]}',
      'm.yaml:1: model_metrics.gauge.0.dimensions must not name Hostname: it is always added',
    ],
    [
      'a known metric with another number of labels',
      counter('{name: Requests2XX, unit: Count, dimensions: [h]}'),
      'm.yaml:3: ts_metrics.counter.0.dimensions must be Level, Hostname, or as many others in their place',
    ],
    [
      'a label that is named twice',
      counter('{name: a, unit: Count, dimensions: [h, i, h]}'),
      'm.yaml:3: ts_metrics.counter.0.dimensions must not name h twice',
    ],
    [
      'a metric that is declared twice',
      'ts_metrics:\n  counter:\n    - {name: a, unit: Count, dimensions: [h]}\nmodel_metrics:\n  gauge:\n    - {name: a, unit: Count, dimensions: [h]}\n',
      'm.yaml:6: model_metrics.gauge.0.name "a" is declared twice',
    ],
    [
      'a metric with a name of a histogram’s samples',
      'ts_metrics:\n  gauge:\n    - {name: a_sum, unit: Count, dimensions: [h]}\n  histogram:\n    - {name: a, unit: Count, dimensions: [h]}\n',
      'm.yaml:5: ts_metrics.histogram.0.name "a" has samples of the same name as the metric "a_sum"',
    ],
    [
      'a metric with a name of the server’s own',
      counter('{name: sconce_x, unit: Count, dimensions: [h]}'),
      'm.yaml:3: ts_metrics.counter.0.name "sconce_x" begins with sconce_, process_ or nodejs_, as the names of the server do',
    ],
    [
      'a histogram with a label for its buckets',
      histogram('{name: a, unit: Count, dimensions: [le, h]}'),
      'm.yaml:3: ts_metrics.histogram.0.dimensions must not name le: histograms have it for their buckets',
    ],
    [
      'buckets that do not ascend',
      histogram('{name: a, unit: Count, dimensions: [h], buckets: [1, 1]}'),
      'm.yaml:3: ts_metrics.histogram.0.buckets must be ascending',
    ],
    [
      'an infinite bucket',
      histogram('{name: a, unit: Count, dimensions: [h], buckets: [1, .inf]}'),
      'm.yaml:3: ts_metrics.histogram.0.buckets.1 must be number',
    ],
    [
      'an anchor that is not there',
      'ts_metrics: *a',
      'm.yaml: Unresolved alias (the anchor must be set before the alias): a',
    ],
  ];
  for (const [what, text, message] of refused) {
    test(`refuses ${what}`, () => assert.equal(refusal(text), message));
  }

  test('refuses text that is not YAML, with the place', () => {
    assert.match(refusal('a: [1\nb: 2'), /^m\.yaml: .* at line 2, column 1:/);
  });

  test('refuses aliases that would expand without end', () => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const inner = i === 0 ? 'x' : `*a${i - 1}`;
      return `a${i}: &a${i} [${Array.from({ length: 10 }, () => inner).join(', ')}]\n`;
    });
    assert.equal(
      refusal(levels.join('')),
      'm.yaml: Excessive alias count indicates a resource exhaustion attack',
    );
  });

  test('answers whatever it is given with a configuration or with what is wrong', () => {
    const value = fc.jsonValue({ maxDepth: 4 }).map((json) => JSON.stringify(json));
    const entry = fc.record(
      { name: fc.jsonValue(), unit: fc.jsonValue(), dimensions: fc.jsonValue() },
      { requiredKeys: [] },
    );
    const document = entry.map((each) => JSON.stringify({ ts_metrics: { histogram: [each] } }));
    fc.assert(
      fc.property(fc.oneof(fc.string(), value, document), (text) => {
        try {
          parseMetricsConfiguration(text, 'm.yaml');
        } catch (error) {
          assert.ok(error instanceof SconceError, `${error}`);
          assert.ok(error.message.startsWith('m.yaml:'), error.message);
        }
      }),
    );
  });
});

suite('loadMetricsConfiguration', () => {
  test('is TorchServe’s own when no file is named', () => {
    assert.equal(loadMetricsConfiguration(undefined), defaultMetricsConfiguration);
    const { system, model } = defaultMetricsConfiguration;
    assert.deepEqual(
      [...system, ...model].map(({ name, kind, unit, dimensions }) =>
        [name, kind, unit, ...dimensions].join(' '),
      ),
      [
        'Requests2XX counter Count Level Hostname',
        'Requests4XX counter Count Level Hostname',
        'Requests5XX counter Count Level Hostname',
        'ts_inference_requests_total counter Count model_name model_version hostname',
        'ts_inference_latency_microseconds counter Microseconds model_name model_version hostname',
        'ts_queue_latency_microseconds counter Microseconds model_name model_version hostname',
        'QueueTime gauge Milliseconds Level Hostname',
        'WorkerThreadTime gauge Milliseconds Level Hostname',
        'WorkerLoadTime gauge Milliseconds WorkerName Level Hostname',
        'CPUUtilization gauge Percent Level Hostname',
        'MemoryUsed gauge Megabytes Level Hostname',
        'MemoryAvailable gauge Megabytes Level Hostname',
        'MemoryUtilization gauge Percent Level Hostname',
        'DiskUsage gauge Gigabytes Level Hostname',
        'DiskUtilization gauge Percent Level Hostname',
        'DiskAvailable gauge Gigabytes Level Hostname',
        'GPUMemoryUtilization gauge Percent Level DeviceId Hostname',
        'GPUMemoryUsed gauge Megabytes Level DeviceId Hostname',
        'GPUUtilization gauge Percent Level DeviceId Hostname',
        'HandlerTime gauge ms ModelName Level Hostname',
        'PredictionTime gauge ms ModelName Level Hostname',
      ],
    );
  });

  test('reads a file', () => {
    const path = join(folder, 'metrics.yaml');
    writeFileSync(path, sample);
    assert.deepEqual(loadMetricsConfiguration(path), parseMetricsConfiguration(sample, path));
  });

  test('names a file that cannot be read', () => {
    const path = join(folder, 'absent.yaml');
    assert.throws(() => loadMetricsConfiguration(path), {
      code: 'INVALID_CONFIGURATION',
      message: `${path}: cannot be read: ENOENT: no such file or directory, open '${path}'`,
    });
    assert.throws(() => loadMetricsConfiguration(folder), {
      code: 'INVALID_CONFIGURATION',
      message: `${folder}: cannot be read: EISDIR: illegal operation on a directory, read`,
    });
  });
});
