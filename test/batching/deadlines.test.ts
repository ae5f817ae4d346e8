import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { AssemblerOptions } from '../../src/batching/assembler.js';
import type { ErrorCode } from '../../src/errors.js';
import { Bench, type Client } from './bench.js';
import { VirtualClock } from './virtual-clock.js';

function codes({ errors }: Client): ErrorCode[] {
  return errors.map(({ code }) => code);
}

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

function benchWith(options: Partial<AssemblerOptions>): Bench {
  return new Bench({ ...options, clock });
}

describe('a request that is not answered within responseTimeout', () => {
  test('is told so, and its late answer goes to nobody', async () => {
    const bench = benchWith({ responseTimeout: 50 });
    const client = bench.ask(1);
    clock.turn();
    const id = bench.seal();
    clock.advance(50);
    assert.deepEqual(
      client.errors.map(({ message }) => message),
      ['Model "m" Version 1.0 did not answer within 50 ms.'],
    );
    bench.complete(id);
    assert.deepEqual(client.answers, []);
    await bench.assembler.close();
  });

  test('does not wait for one whose time ends later', () => {
    const bench = benchWith({ responseTimeout: 50_000 });
    const fresh = bench.ask(1);
    // Its body took long to read.
    const old = bench.reserve([2], { since: clock.now() - 49_999 });
    clock.advance(1);
    assert.deepEqual([codes(fresh), codes(old)], [[], ['RESPONSE_TIMEOUT']]);
  });

  test('is refused when its time was over before it had rows', () => {
    const bench = benchWith({ responseTimeout: 50 });
    assert.throws(() => bench.reserve([1], { since: clock.now() - 50 }), {
      code: 'RESPONSE_TIMEOUT',
    });
    assert.equal(bench.assembler.pending, 0);
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
  test('is told so, and its row is not run', () => {
    const bench = benchWith({ clientTimeout: 50 });
    const client = bench.ask(1);
    clock.advance(50);
    assert.deepEqual(
      client.errors.map(({ status, message }) => [status, message]),
      [[504, 'Model "m" Version 1.0 did not begin within clientTimeoutInMills (50 ms).']],
    );
    assert.equal(bench.complete(bench.seal()).rows, 0);
    assert.equal(bench.assembler.pending, 0);
  });

  test('is told so while another is with an instance, whose time has not ended', () => {
    const bench = benchWith({ clientTimeout: 50 });
    const running = bench.ask(1);
    clock.turn();
    const id = bench.seal();
    const waiting = bench.ask(1);
    clock.advance(50);
    assert.deepEqual([codes(running), codes(waiting)], [[], ['CLIENT_TIMEOUT']]);
    bench.complete(id);
    assert.deepEqual(running.answers, [[3]]);
  });

  test('is still bound by responseTimeout', () => {
    const bench = benchWith({ clientTimeout: 60, responseTimeout: 50 });
    const client = bench.ask(1);
    clock.advance(50);
    assert.deepEqual(codes(client), ['RESPONSE_TIMEOUT']);
  });

  test('is bound by responseTimeout alone when an instance has it', () => {
    const bench = benchWith({ clientTimeout: 50, responseTimeout: 100 });
    const client = bench.ask(1);
    clock.turn();
    bench.seal();
    clock.advance(99);
    assert.deepEqual(codes(client), []);
    clock.advance(1);
    assert.deepEqual(codes(client), ['RESPONSE_TIMEOUT']);
  });

  test('has what the batch waits for more rows on top', () => {
    const bench = benchWith({
      clientTimeout: 50,
      batchDelay: 100_000,
      responseTimeout: 200_000,
    });
    const client = bench.ask(1);
    clock.advance(100_000);
    assert.equal(bench.complete(bench.seal()).rows, 1);
    assert.deepEqual([codes(client), client.answers], [[], [[3]]]);
  });
});
