import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseMetricLine } from '../../src/python/metric-line.js';

test('a line that the worker prints is a metric', () => {
  const line =
    'HandlerTime.Milliseconds:1.25|#ModelName:m,Level:Model|#type:GAUGE|#hostname:h,1669965519,a,b';
  assert.deepEqual(parseMetricLine(line), {
    name: 'HandlerTime',
    unit: 'Milliseconds',
    value: 1.25,
    kind: 'gauge',
    dimensions: [
      ['ModelName', 'm'],
      ['Level', 'Model'],
    ],
    hostname: 'h',
    timestamp: 1669965519,
    requestIds: 'a,b',
  });
});

test('type, requests and dimensions may be left out', () => {
  const metric = parseMetricLine('CPU Time.unit:1e-05|#|#hostname:h,1');
  assert.deepEqual(metric, {
    name: 'CPU Time',
    unit: 'unit',
    value: 1e-5,
    kind: undefined,
    dimensions: [],
    hostname: 'h',
    timestamp: 1,
    requestIds: '',
  });
});

test('a dimension that is no pair is left out', () => {
  const metric = parseMetricLine('A.B:1|#x,Time:12:30,Level:Model|#hostname:h,1');
  assert.deepEqual(metric?.dimensions, [['Level', 'Model']]);
});

for (const line of [
  '',
  'Failed to update metric with name:A and dimensions: with value: -1: Counter',
  'A.B:nan|#|#hostname:h,1',
  'A.B:1-2|#|#hostname:h,1',
  'A.B:1|#|#hostname:h,yesterday',
  'A.B:1|#|#type:SUMMARY|#hostname:h,1',
  'A.B:1|#|#hostname:h',
  'A-B.C:1|#|#hostname:h,1',
]) {
  test(`no metric: ${JSON.stringify(line)}`, () => {
    assert.equal(parseMetricLine(line), undefined);
  });
}

const word = fc.stringMatching(/^\w{1,8}$/);

test('what is written as a metric is read as that metric', () => {
  const metric = fc.record({
    name: word,
    unit: word,
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    kind: fc.constantFrom('counter', 'gauge', 'histogram'),
    dimensions: fc.array(fc.tuple(word, word), { maxLength: 4 }),
    hostname: word,
    timestamp: fc.nat(),
    requestIds: fc.array(word, { maxLength: 3 }).map((ids) => ids.join(',')),
  });
  fc.assert(
    fc.property(metric, (written) => {
      const { name, unit, value, kind, dimensions, hostname, timestamp, requestIds } = written;
      const pairs = dimensions.map((pair) => pair.join(':')).join(',');
      const requests = requestIds === '' ? '' : `,${requestIds}`;
      const line =
        `${name}.${unit}:${value}|#${pairs}|#type:${kind.toUpperCase()}|` +
        `#hostname:${hostname},${timestamp}${requests}`;
      const read = parseMetricLine(line);
      assert.deepEqual(read, { ...written, value: Number(String(value)) });
    }),
  );
});

test('any text is a metric or is not', () => {
  const piece = fc.constantFrom('A', '.', ':', '1', '|#', ',', '|#type:', '|#hostname:', ' ', 'é');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const metric = parseMetricLine(pieces.join(''));
      assert.ok(metric === undefined || Number.isFinite(metric.value));
    }),
  );
});
