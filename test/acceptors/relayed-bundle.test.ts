import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AcceptorOrders, AnswerMessage, BundleMessage } from '../../src/acceptors/messages.js';
import { RelayedBundle } from '../../src/acceptors/relayed-bundle.js';
import { SconceError } from '../../src/errors.js';
import { Mail } from '../../src/workers/mail.js';
import { SharedMemories } from '../../src/workers/shared-memories.js';

const message: BundleMessage = {
  number: 7,
  plan: 1,
  since: 0,
  requests: 3,
  ids: 'a,b,c',
  rows: 3,
  key: 'x',
  inputs: [{ dtype: 'float32', dims: [1] }],
  memory: { memory: 1, offset: 0, length: 12 },
  offsets: [0],
};

/** What a thread is told when a bundle of its own fails so. */
function answerTo(error: SconceError): AnswerMessage[] {
  const sent: AcceptorOrders[] = [];
  const port = { postMessage: (orders: AcceptorOrders) => sent.push(orders) };
  const mail = new Mail<AcceptorOrders>(port, new SharedMemories(() => {}), () => ({}));
  let ended = 0;
  const bundle = new RelayedBundle(
    message,
    ['m', undefined],
    new Uint8Array(12),
    mail,
    () => true,
    () => {
      ended += 1;
    },
  );
  bundle.fail(error);
  mail.flush();
  mail.end();
  assert.equal(ended, 1);
  return sent.flatMap(({ answers = [] }) => answers);
}

suite('a bundle that fails', () => {
  for (const code of ['DEVICE_FAILED', 'RESPONSE_TIMEOUT', 'CLIENT_TIMEOUT'] as const) {
    test(`with ${code} is not tried again`, () => {
      const [answer, ...others] = answerTo(new SconceError(code));
      assert.deepEqual(others, []);
      assert.ok(answer?.kind === 'failed');
      assert.deepEqual([answer.number, answer.failure.code], [7, code]);
    });
  }

  test('with an error of one of its requests is taken apart', () => {
    assert.deepEqual(answerTo(new SconceError('MODEL_FAILED', 'a row')), [
      { kind: 'declined', number: 7, stale: false },
    ]);
  });
});
