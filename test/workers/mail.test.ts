import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KnownMemories } from '../../src/handlers/host/known-memories.js';
import type { Gathered } from '../../src/handlers/host/messages.js';
import { Mail } from '../../src/workers/mail.js';
import { SharedMemories } from '../../src/workers/shared-memories.js';

interface Numbers extends Gathered {
  cancelled?: number[];
  written?: number[];
}

function mailbox() {
  const sent: Numbers[] = [];
  const port = { postMessage: (report: Numbers) => sent.push(report) };
  const memories = new SharedMemories(() => {});
  return { sent, mail: new Mail<Numbers>(port, memories, () => ({})) };
}

suite('mail between threads', () => {
  test('gathers what is said in one turn', async () => {
    const { sent, mail } = mailbox();
    mail.push('cancelled', 1);
    mail.push('cancelled', 2);
    mail.push('written', 3);
    assert.deepEqual(sent, []);
    await nextTurn();
    assert.deepEqual(sent, [{ cancelled: [1, 2], written: [3] }]);
    await nextTurn();
    assert.equal(sent.length, 1);
  });

  test('copies bytes, and leaves those in shared memory where they are', async () => {
    const { sent, mail } = mailbox();
    const known = new KnownMemories();
    const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 4).fill(7);
    const [own, place, copy] = [
      mail.bytes(new Uint8Array([1, 2, 3])),
      mail.bytes(shared),
      mail.bytes(shared, true),
    ];
    mail.push('written', 1);
    await nextTurn();
    const [report = {}] = sent;
    known.learn(report);
    shared.fill(9);
    assert.deepEqual([...known.bytes(own, report)], [1, 2, 3]);
    assert.deepEqual([...known.bytes(place, report)], [9, 9, 9, 9]);
    assert.deepEqual([...known.bytes(copy, report)], [7, 7, 7, 7]);
  });

  test('tells of a memory once, and when it is gone', async () => {
    const { sent, mail } = mailbox();
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    mail.bytes(shared);
    await nextTurn();
    mail.bytes(shared);
    mail.push('written', 1);
    await nextTurn();
    const [first, second] = sent;
    const id = first?.memories?.[0]?.id ?? 0;
    assert.equal(second?.memories, undefined);
    mail.forget(id);
    mail.forget(id);
    await nextTurn();
    assert.deepEqual(sent[2], { forget: [id] });
  });

  test('says nothing to a thread that is gone', async () => {
    const { sent, mail } = mailbox();
    mail.push('written', 1);
    mail.end();
    mail.push('written', 2);
    await nextTurn();
    assert.deepEqual(sent, []);
  });
});
