import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../src/errors.js';
import { Bench, type Client, quiet } from './bench.js';

/** A moment that lies that many milliseconds back. */
const ago = (milliseconds: number): number => performance.now() - milliseconds;

function codes({ errors }: Client): ErrorCode[] {
  return errors.map(({ code }) => code);
}

/** A request that arrived a while ago and is written. */
function askSince(bench: Bench, since: number): Client {
  const client = bench.reserve([1], { since });
  client.reservation?.commit();
  return client;
}

describe('a request that is not answered within responseTimeout', () => {
  test('is told so, and its late answer goes to nobody', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench({ responseTimeout: 50 });
    const client = askSince(bench, ago(51));
    await quiet();
    const id = bench.seal();
    t.mock.timers.tick(1);
    assert.deepEqual(
      client.errors.map(({ message }) => message),
      ['Model "m" Version 1.0 did not answer within 50 ms.'],
    );
    bench.complete(id);
    assert.deepEqual(client.answers, []);
    await bench.assembler.close();
  });

  test('does not wait for one whose time ends later', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench({ responseTimeout: 50_000 });
    const fresh = bench.ask(1);
    // Its body took long to read.
    const old = askSince(bench, ago(50_001));
    t.mock.timers.tick(1);
    assert.deepEqual([codes(fresh), codes(old)], [[], ['RESPONSE_TIMEOUT']]);
  });

  test('may have longer than a timer can wait', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    const bench = new Bench({ responseTimeout: 1e12 });
    const client = bench.ask(1);
    await bench.runAll();
    process.off('warning', listen);
    assert.deepEqual([client.answers, warnings], [[[3]], []]);
  });
});

describe('a request that no instance has taken within clientTimeout', () => {
  test('is told so, and its row is not run', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench({ clientTimeout: 50 });
    const client = askSince(bench, ago(51));
    await quiet();
    t.mock.timers.tick(1);
    assert.deepEqual(
      client.errors.map(({ status, message }) => [status, message]),
      [[504, 'Model "m" Version 1.0 did not begin within clientTimeoutInMills (50 ms).']],
    );
    assert.equal(bench.complete(bench.seal()).rows, 0);
    assert.equal(bench.assembler.pending, 0);
  });

  test('is told so while another is with an instance, whose time has not ended', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench({ clientTimeout: 50 });
    const running = askSince(bench, ago(51));
    await quiet();
    const id = bench.seal();
    t.mock.timers.tick(1);
    const waiting = askSince(bench, ago(51));
    t.mock.timers.tick(1);
    assert.deepEqual([codes(running), codes(waiting)], [[], ['CLIENT_TIMEOUT']]);
    bench.complete(id);
    assert.deepEqual(running.answers, [[3]]);
  });

  test('is still bound by responseTimeout', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench({ clientTimeout: 60, responseTimeout: 50 });
    const client = askSince(bench, ago(51));
    t.mock.timers.tick(1);
    assert.deepEqual(codes(client), ['RESPONSE_TIMEOUT']);
  });

  test('is bound by responseTimeout alone when an instance has it', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench({ clientTimeout: 50, responseTimeout: 100 });
    const client = askSince(bench, ago(101));
    await quiet();
    bench.seal();
    t.mock.timers.tick(1);
    assert.deepEqual(codes(client), ['RESPONSE_TIMEOUT']);
  });

  test('has what the batch waits for more rows on top', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench({ clientTimeout: 50, batchDelay: 100_000 });
    const client = askSince(bench, ago(51));
    t.mock.timers.tick(100_000);
    assert.equal(bench.complete(bench.seal()).rows, 1);
    assert.deepEqual([codes(client), client.answers], [[], [[3]]]);
  });
});
