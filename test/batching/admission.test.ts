import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench } from './bench.js';
import { VirtualClock } from './virtual-clock.js';

test('nobody is refused for the sake of a request that is too late already', async () => {
  const clock = new VirtualClock();
  const bench = new Bench({ clock });
  bench.assembler.expectCosts([{ dtype: 'float32', dims: [] }], [1, 4], [1000, 2000]);
  const running = bench.ask(1);
  clock.turn();
  const id = bench.seal();
  const late = bench.reserve([2], { wantedBy: clock.now() + 20 });
  late.reservation?.commit();
  clock.turn();
  // The batch takes longer than it ever has.
  clock.advance(30);
  late.reservation?.cancel();
  const patient = bench.ask(3);
  bench.complete(id);
  clock.turn();
  while (bench.instances.in('rung').length > 0) bench.complete(bench.seal());
  assert.deepEqual([running.answers, late.answers, patient.answers], [[[3]], [], [[7]]]);
  for (const client of [running, patient]) client.release();
  await bench.assembler.close();
});
