import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WorkerConnection } from '../../src/python/connection.js';
import { Folder } from './worker-sandbox.js';

/** Both ends of a socket. */
async function pair(folder: Folder): Promise<{ connection: WorkerConnection; worker: Socket }> {
  const path = join(folder.path, 'socket');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const connection = await WorkerConnection.open(path, 1000);
  const [worker]: [Socket] = await accepted.then(([socket]) => [socket]);
  server.close();
  return { connection, worker };
}

const empty = Buffer.from([0, 0, 0, 200, 0, 0, 0, 2, 0x6f, 0x6b, 255, 255, 255, 255]);

test('messages come in order, also those of one piece', async () => {
  using folder = new Folder();
  const { connection, worker } = await pair(folder);
  worker.write(Buffer.concat([empty, empty, empty.subarray(0, 5)]));
  worker.end(empty.subarray(5));
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await connection.next(), { code: 200, message: 'ok', replies: [] });
  }
  assert.equal(await connection.next(), undefined);
  connection.close();
});

test('what nobody asks for is not read', async () => {
  using folder = new Folder();
  const { connection, worker } = await pair(folder);
  const bytes = 20_000_000;
  worker.write(Buffer.alloc(bytes, empty));
  await connection.next();
  // Enough for all of it, would it be read.
  for (let turn = 0; turn < 2000; turn++) await nextTurn();
  assert.ok(worker.writableLength > bytes / 2, `${worker.writableLength} bytes are left`);
  const closed = new Promise((resolve) => worker.once('close', resolve));
  worker.on('error', () => {});
  connection.close();
  await closed;
});

test('a socket that nobody listens on is told', async () => {
  using folder = new Folder();
  await assert.rejects(WorkerConnection.open(join(folder.path, 'none'), 1000), /ENOENT/);
});

test('sending to a worker that is gone is told to who reads', async () => {
  using folder = new Folder();
  const { connection, worker } = await pair(folder);
  worker.destroy();
  await once(worker, 'close');
  connection.send([Buffer.alloc(1_000_000)], 1);
  const outcome = await connection.next().catch((error: unknown) => error);
  assert.ok(outcome === undefined || outcome instanceof Error);
});
