import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SconceError } from '../../../src/errors.js';
import { until } from '../../support/condition.js';
import { RecordingSink } from '../../support/recording-sink.js';
import { handlerRequest } from '../../support/request.js';
import { startService } from '../../support/server.js';
import { handled, twoFloats } from './handled.js';

const wild = `export class Wild extends BaseHandler {
  preprocess(request, context) {
    const { order, value } = request.json();
    if (order === 'throw') throw new Error('as asked');
    if (order === 'exit') process.exit(1);
    if (order === 'wait') return new Promise(() => {});
    if (order === 'tensor') return Tensor.from([[value, 0]]);
    if (order === 'slow') {
      return new Promise((resolve) => setTimeout(resolve, 20)).then(() => context.reserve()).then(() => {
        context.row().set([value, 0]);
      });
    }
    context.row().set([value, 0]);
  }
  postprocess(outputs) { return outputs.tensor.value(0, 0); }
}`;

/** What may become of a request besides its own answer. */
const fates: Record<string, readonly string[]> = {
  throw: ['HANDLER_FAILED', 'WORKER_DIED', 'RESPONSE_TIMEOUT'],
  exit: ['WORKER_DIED', 'RESPONSE_TIMEOUT'],
  wait: ['RESPONSE_TIMEOUT', 'WORKER_DIED'],
};
const othersFates = ['WORKER_DIED', 'RESPONSE_TIMEOUT'];

test('whatever requests do to their threads, each is answered once, with its own answer or a reason', async () => {
  const config = { ...twoFloats, responseTimeout: 2, jobQueueSize: 10_000, batchSize: 8 };
  const service = startService([handled('double', wild, { config })], { handlerThreads: 3 });
  const version = service.version('double');
  await version.loaded;
  const orders = ['', '', '', '', 'tensor', 'slow', 'slow', 'throw', 'wait', 'exit'];
  const asked: { order: string; value: number; sink: RecordingSink; gone: boolean }[] = [];
  for (let value = 0; value < 300; value += 1) {
    // Deaths are rare enough that others are served between them.
    const order = (value % 60 === 59 ? 'exit' : orders[(value * 7) % (orders.length - 1)]) ?? '';
    const sink = new RecordingSink();
    const body = JSON.stringify({ order, value });
    const prediction = service.predict('double', undefined, handlerRequest(body), sink);
    const gone = value % 11 === 0;
    asked.push({ order, value, sink, gone });
    if (gone) setTimeout(() => prediction.cancel(), value % 17);
    if (value % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await until(() => version.pending === 0);
  await service.close();
  for (const { order, value, sink, gone } of asked) {
    const { answers } = sink;
    if (gone && answers.length === 0) continue;
    assert.equal(answers.length, 1, `${order} ${value}`);
    const [answer] = answers;
    if (answer instanceof SconceError) {
      assert.ok((fates[order] ?? othersFates).includes(answer.code), `${order}: ${answer.code}`);
    } else {
      assert.equal(answer, String(value * 2 + 1));
    }
  }
});
