import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { firstCredit, ReplyStream } from '../../../src/handlers/host/reply-stream.js';
import { until } from '../../support/condition.js';

async function* numbers(ended: () => void, count = 1000): AsyncGenerator<string> {
  try {
    for (let i = 0; i < count; i += 1) yield String(i);
  } finally {
    ended();
  }
}

function open(chunks: AsyncGenerator<unknown>): { stream: ReplyStream; sent: string[] } {
  const sent: string[] = [];
  const stream = new ReplyStream(chunks, {
    begin: () => sent.push('begin'),
    chunk: (bytes) => sent.push(Buffer.from(bytes).toString()),
    end: () => sent.push('end'),
  });
  return { stream, sent };
}

suite('what a generator yields', () => {
  test('is sent as far as there is credit', async () => {
    let ended = false;
    const generator = numbers(() => {
      ended = true;
    });
    const { stream, sent } = open(generator);
    const run = stream.run();
    await until(() => sent.length === 1 + firstCredit);
    stream.credit(3);
    await until(() => sent.length === 4 + firstCredit);
    assert.ok(!ended);
    stream.cancel();
    await run;
    assert.ok(ended, 'the generator has ended');
    assert.ok(!sent.includes('end'));
  });

  test('may be nothing', async () => {
    const { stream, sent } = open(numbers(() => {}, 0));
    await stream.run();
    assert.deepEqual(sent, ['begin', 'end']);
  });

  test('is text or bytes', async () => {
    const wrong = (async function* () {
      yield 7;
    })();
    const { stream, sent } = open(wrong);
    await assert.rejects(stream.run(), { code: 'INVALID_OUTPUT', message: /yielded number/ });
    assert.deepEqual(sent, []);
  });
});
