import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SconceError } from '../../../src/errors.js';
import { PredictionError } from '../../../src/handlers/api/prediction-error.js';
import { fromFailure, handlerFailure, traceOf } from '../../../src/handlers/host/failure.js';

const crossed = (error: unknown): SconceError =>
  fromFailure(structuredClone(handlerFailure(error)));

const shown = ({ code, message, reason, status }: SconceError): unknown[] => [
  code,
  message,
  reason,
  status,
];

test('an error of ours is the same on the other side', () => {
  const error = new SconceError('MODEL_FAILED', 'no 100% luck').because('why');
  assert.deepEqual(shown(crossed(error)), shown(error));
});

test('a refusal of a handler keeps its status', () => {
  assert.deepEqual(shown(crossed(new PredictionError('too short', 422))), [
    'PREDICTION_ERROR',
    'too short',
    undefined,
    422,
  ]);
});

test('everything else is a failure of the handler, with what it says as the reason', () => {
  const cases: [thrown: unknown, reason: string][] = [
    [new Error('broke'), 'broke'],
    [new RangeError('index 3'), 'RangeError: index 3'],
    ['text', 'a handler threw "text"'],
    [undefined, 'a handler threw undefined'],
    [null, 'a handler threw null'],
    [Object.create(null), 'a handler threw an object'],
  ];
  for (const [thrown, reason] of cases) {
    assert.deepEqual(shown(crossed(thrown)), ['HANDLER_FAILED', 'Prediction failed', reason, 503]);
  }
});

test('a trace has the places of the handler, and nothing but what was thrown without any', () => {
  const error = new RangeError('index 3');
  const own = '    at Own.preprocess (file:///models/own/handler.mjs:3:5)';
  const ours = `    at runSteps (${new URL('../../../src/x.js', import.meta.url).href}:1:1)`;
  error.stack = ['RangeError: index 3', own, ours, '    at node:internal/x:1:1'].join('\n');
  assert.deepEqual(traceOf(error), ['RangeError: index 3', own]);
  assert.deepEqual(traceOf('text'), []);
  const failure = new SconceError('HANDLER_FAILED').because('why');
  assert.equal(traceOf(failure)[0], 'Prediction failed: why');
});
