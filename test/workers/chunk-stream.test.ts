import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SconceError } from '../../src/errors.js';
import { ChunkStream } from '../../src/workers/chunk-stream.js';

function open(patience = 60_000): { stream: ChunkStream; told: string[] } {
  const told: string[] = [];
  const stream = new ChunkStream(
    {
      taken: () => told.push('taken'),
      cancelled: () => told.push('cancelled'),
      late: () => new SconceError('RESPONSE_TIMEOUT', 'm', '1.0', patience),
    },
    patience,
  );
  return { stream, told };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function read(stream: ChunkStream): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk).toString());
  return chunks;
}

suite('a stream of chunks', () => {
  test('gives them in their order, before and after they are awaited', async () => {
    const { stream, told } = open();
    stream.push(bytes('a'));
    const reading = read(stream);
    await null;
    stream.push(bytes('b'));
    stream.push(bytes('c'));
    stream.end();
    assert.deepEqual(await reading, ['a', 'b', 'c']);
    assert.ok(!told.includes('cancelled'));
  });

  test('gives what there is before its error', async () => {
    const { stream } = open();
    stream.push(bytes('a'));
    stream.end(new SconceError('HANDLER_FAILED'));
    assert.equal((await stream.next()).value?.byteLength, 1);
    await assert.rejects(stream.next(), { code: 'HANDLER_FAILED' });
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
  });

  test('tells its source once that nobody reads on, also while a chunk is awaited', async () => {
    const { stream, told } = open();
    const awaited = stream.next();
    await stream.return();
    await stream.return();
    stream.push(bytes('a'));
    assert.deepEqual(await awaited, { done: true, value: undefined });
    assert.deepEqual(told, ['cancelled']);
  });

  test('ends with an error when a chunk takes too long', async () => {
    const { stream, told } = open(5);
    await assert.rejects(stream.next(), { code: 'RESPONSE_TIMEOUT' });
    assert.deepEqual(told, ['cancelled']);
  });
});
