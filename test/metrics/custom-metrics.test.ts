import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseMetricsConfiguration } from '../../src/metrics/configuration.js';
import { Metrics, type MetricsOptions } from '../../src/metrics/metrics.js';

const configuration = parseMetricsConfiguration(
  `model_metrics:
  counter:
    - {name: Words, unit: count, dimensions: [ModelName, Level]}
    - {name: PerLanguage, unit: count, dimensions: [ModelName, Level, Language]}
    - {name: Renamed, unit: count, dimensions: [model, level]}
  gauge:
    - {name: Depth, unit: metres, dimensions: [ModelName, Level]}
  histogram:
    - {name: Tokens, unit: count, dimensions: [ModelName, Level], buckets: [10]}
`,
  'metrics.yaml',
);

function create(options: Partial<MetricsOptions> = {}, ids: readonly string[] = []) {
  const metrics = new Metrics({ mode: 'prometheus', hostname: 'vm', configuration, ...options });
  const version = metrics.forVersion('m', '1.0');
  metrics.close();
  const text = async () => (await metrics.text()).split('# HELP sconce_', 1).join();
  const samples = async () => (await text()).split('\n').filter((line) => /^\w/.test(line));
  return { metrics, version, custom: version.custom(() => ids), text, samples };
}

const own = 'ModelName="m",Level="Model",Hostname="vm",';

suite('a handler’s metrics', () => {
  test('change what the configuration declares, by the kind that it has there', async () => {
    const { custom, samples } = create();
    custom.addCounter('Words', 2);
    custom.addCounter('Words', 3);
    custom.addMetric('Depth', 4, 'ms', { kind: 'gauge' });
    custom.addMetric('Depth', 1.5, 'ms', { kind: 'gauge' });
    custom.addTime('Tokens', 7);
    assert.deepEqual(await samples(), [
      `Words{${own}} 5.0`,
      `Depth{${own}} 1.5`,
      `Tokens_bucket{${own}le="10.0",} 1.0`,
      `Tokens_bucket{${own}le="+Inf",} 1.0`,
      `Tokens_count{${own}} 1.0`,
      `Tokens_sum{${own}} 7.0`,
    ]);
  });

  test('have their labels by name, or by position under names of the configuration’s own', async () => {
    const { custom, samples } = create();
    custom.addCounter('PerLanguage', 1, { dimensions: { Language: 'en' } });
    custom.addCounter('PerLanguage', 2, { dimensions: { Language: 'fr', Level: 'Word' } });
    custom.getMetric('Renamed').addOrUpdate(1, ['m', 'Model']);
    custom.addCounter('Renamed', 3);
    assert.deepEqual(await samples(), [
      'PerLanguage{ModelName="m",Level="Model",Language="en",Hostname="vm",} 1.0',
      'PerLanguage{ModelName="m",Level="Word",Language="fr",Hostname="vm",} 2.0',
      'Renamed{model="m",level="Model",Hostname="vm",} 4.0',
    ]);
  });

  test('go nowhere when they are not declared', async () => {
    const { custom, samples } = create();
    custom.addCounter('Unknown', 1);
    custom.addMetricToCache('Other', 'count', ['A']).addOrUpdate(1, ['a']);
    custom.getMetric('Other').addOrUpdate(1, ['a']);
    assert.deepEqual(await samples(), []);
  });

  test('are added when they are detected, each kind with its unit', async () => {
    const { custom, text } = create({
      autoDetect: true,
      configuration: { system: [], model: [] },
    });
    custom.addMetric('Plain', 1, 'furlongs');
    custom.addMetric('Bare', 1, '', { kind: 'gauge' });
    custom.addCounter('Seen', 2, { dimensions: { Zone: 'a' } });
    custom.addTime('Slow', 3);
    custom.addTime('Slower', 4, { unit: 's' });
    custom.addSize('Large', 5);
    custom.addSize('Small', 6, { unit: 'B', kind: 'counter' });
    custom.addSize('Middle', 7, { unit: 'kB' });
    custom.addSize('Huge', 8, { unit: 'GB' });
    custom.addPercent('Share', 9);
    custom.addError('Failed', 10, { dimensions: { Zone: 'b' } });
    const expected: [name: string, kind: string, unit: string, labels: string, value: string][] = [
      ['Plain', 'counter', 'furlongs', own, '1.0'],
      ['Bare', 'gauge', 'unit', own, '1.0'],
      ['Seen', 'counter', 'Count', `Zone="a",${own}`, '2.0'],
      ['Slow', 'gauge', 'Milliseconds', own, '3.0'],
      ['Slower', 'gauge', 'Seconds', own, '4.0'],
      ['Large', 'gauge', 'Megabytes', own, '5.0'],
      ['Small', 'counter', 'Bytes', own, '6.0'],
      ['Middle', 'gauge', 'Kilobytes', own, '7.0'],
      ['Huge', 'gauge', 'Gigabytes', own, '8.0'],
      ['Share', 'gauge', 'Percent', own, '9.0'],
      ['Failed', 'counter', 'unit', 'Zone="b",Level="Error",Hostname="vm",', '10.0'],
    ];
    assert.equal(
      await text(),
      expected
        .map(
          ([name, kind, unit, labels, value]) =>
            `# HELP ${name} Torchserve prometheus ${kind} metric with unit: ${unit}\n# TYPE ${name} ${kind}\n${name}{${labels}} ${value}\n`,
        )
        .join(''),
    );
  });

  test('can be made, found again and changed with values of their labels', async () => {
    const { custom, version, samples } = create({ autoDetect: true });
    const names = ['Colour', 'Size'];
    const made = custom.addMetricToCache('Boxes', 'count', names);
    names.push('Late');
    made.addOrUpdate(1, ['red', 'small']);
    assert.equal(version.custom().getMetric('Boxes'), made);
    custom.getMetric('Boxes', 'counter').addOrUpdate(2, ['red', 'small']);
    custom.getMetric('Depth', 'gauge').addOrUpdate(3, ['m', 'Model']);
    assert.deepEqual(await samples(), [
      `Depth{${own}} 3.0`,
      'Boxes{Colour="red",Size="small",Hostname="vm",} 3.0',
    ]);
  });

  test('are lines with the requests they belong to, in log mode', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 1000 });
    const model: string[] = [];
    const log = {
      system: () => assert.fail('not of the server'),
      model: (line: string) => model.push(line),
    };
    const { custom } = create({ mode: 'log', log }, ['id-0', 'id-1']);
    custom.addCounter('Words', 1);
    custom.addCounter('Words', 1, { index: 1 });
    custom.addCounter('Words', 1, { index: 2 });
    custom.getMetric('Words').addOrUpdate(1, ['m', 'Model']);
    custom.getMetric('Words').addOrUpdate(1, ['m', 'Model'], 'given');
    const line = (ids: string) =>
      `Words.count:1.0|#ModelName:m,Level:Model|#hostname:vm${ids},timestamp:1`;
    assert.deepEqual(model, [
      line(',requestID:id-0,id-1'),
      line(',requestID:id-1'),
      line(',requestID:id-0,id-1'),
      line(''),
      line(',requestID:given'),
    ]);
  });

  test('disappear with their version, but for counters', async () => {
    const { metrics, version, custom, samples } = create({ autoDetect: true });
    const other = metrics.forVersion('m', '2.0');
    custom.addCounter('Words', 1);
    custom.addPercent('Shared', 1);
    other.custom().addPercent('Shared', 2);
    custom.addPercent('Alone', 1, { dimensions: { Version: '1.0' } });
    version.retire();
    version.retire();
    custom.addPercent('Alone', 5, { dimensions: { Version: '1.0' } });
    custom.addPercent('Afterwards', 5);
    assert.deepEqual(await samples(), [`Words{${own}} 1.0`, `Shared{${own}} 2.0`]);
    other.retire();
    assert.deepEqual(await samples(), [`Words{${own}} 1.0`]);
  });

  const { custom } = create({ autoDetect: true });
  custom.addCounter('Known', 1);
  const refused: [what: string, call: () => void, message: string][] = [
    [
      'a counter that would decrease',
      () => custom.addCounter('Words', -1),
      'metric "Words" is a counter, which cannot change by -1',
    ],
    [
      'a declared counter that would decrease under another kind',
      () => custom.addPercent('Renamed', -0.5),
      'metric "Renamed" is a counter, which cannot change by -0.5',
    ],
    [
      'what is no number',
      () => custom.addPercent('Depth', Number.NaN),
      'metric "Depth" cannot be NaN: it must be a number',
    ],
    [
      'what is infinite',
      () => custom.addCounter('Words', Number.POSITIVE_INFINITY),
      'metric "Words" cannot be Infinity: it must be a number',
    ],
    [
      'a name that Prometheus does not take',
      () => custom.addCounter('a-b', 1),
      'metric "a-b" has a name that is none: it must consist of letters, digits and "_", and not begin with a digit or "__"',
    ],
    [
      'a name that would write a line of its own',
      () => custom.addCounter('a\nb', 1),
      'metric "a\\nb" has a name that is none: it must consist of letters, digits and "_", and not begin with a digit or "__"',
    ],
    [
      'a name of the server’s own',
      () => custom.addCounter('process_x', 1),
      'metric "process_x" begins with sconce_, process_ or nodejs_, as the names of the server do',
    ],
    [
      'a name of another metric’s samples',
      () => custom.addPercent('Tokens_sum', 1),
      'metric "Tokens_sum" has samples of the same name as the metric "Tokens"',
    ],
    [
      'a unit that would end a line',
      () => custom.addMetric('x', 1, 'a:b'),
      'metric "x" has the unit "a:b", which must consist of letters, digits and "_"',
    ],
    [
      'a label with a name that Prometheus does not take',
      () => custom.addCounter('x', 1, { dimensions: { 'a b': 'c' } }),
      'metric "x" has a label "a b", whose name must consist of letters, digits and "_", and not begin with a digit or "__"',
    ],
    [
      'a label that is there twice',
      () => custom.addMetricToCache('x', 'count', ['a', 'a']),
      'metric "x" has the label a twice',
    ],
    [
      'the label of the host',
      () => custom.addMetricToCache('x', 'count', ['Hostname']),
      'metric "x" must not have the label Hostname, which is always added',
    ],
    [
      'a value of a label that would end it',
      () => custom.addCounter('PerLanguage', 1, { dimensions: { Language: 'a,b' } }),
      'metric "PerLanguage" cannot have a label with the value "a,b": "," ":" "|" and control characters are not allowed',
    ],
    [
      'labels that the configuration does not have',
      () => custom.addCounter('Words', 1, { dimensions: { Language: 'en' } }),
      'metric "Words" has the labels ModelName, Level, but is given Language, ModelName, Level',
    ],
    [
      'fewer labels than the configuration has',
      () => custom.addError('Words', 1),
      'metric "Words" has the labels ModelName, Level, but is given Level',
    ],
    [
      'labels that it did not have before',
      () => custom.addCounter('Known', 1, { dimensions: { constructor: 'x' } }),
      'metric "Known" has the labels ModelName, Level, but is given constructor, ModelName, Level',
    ],
    [
      'another number of values than it has labels',
      () => custom.getMetric('Words').addOrUpdate(1, ['m']),
      'metric "Words" has the labels ModelName, Level, but is given 1 values',
    ],
    [
      'a metric of a kind that does not exist',
      () => custom.getMetric('Depth'),
      'metric "Depth" does not exist as a counter',
    ],
  ];
  for (const [what, call, message] of refused) {
    test(`refuse ${what}`, () => {
      assert.throws(call, { code: 'MODEL_FAILED', message: `Prediction failed: ${message}` });
    });
  }

  test('take a model’s name as it is', async () => {
    const { metrics, samples } = create();
    metrics.forVersion('a,b', '1.0').custom().addCounter('Words', 1);
    assert.deepEqual(await samples(), ['Words{ModelName="a,b",Level="Model",Hostname="vm",} 1.0']);
  });
});
