import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { HangWatch } from '../../src/batching/hang-watch.js';
import { Slab } from '../../src/batching/slab.js';
import { layOut } from '../../src/batching/slab-layout.js';
import { instanceSide } from './fake-instances.js';

const layout = layOut([{ dtype: 'float32', dims: [] }], 1, 0);

/** Slabs that a test moves by hand, and what the watch has told of them. */
class Bench {
  readonly #slabs = new Map<number, { slab: Slab }>();
  readonly told: number[] = [];
  readonly watch: HangWatch;

  constructor(limit: number) {
    this.watch = new HangWatch(this.#slabs, limit, (stuck) => this.told.push(stuck));
  }

  ring(): Slab {
    const slab = new Slab(new Uint8Array(new SharedArrayBuffer(layout.bytes)), layout);
    this.#slabs.set(this.#slabs.size, { slab });
    slab.rung = true;
    this.watch.start();
    return slab;
  }

  run(slab: Slab): void {
    instanceSide.seal(slab.words);
  }

  end(slab: Slab): void {
    slab.returned = true;
    this.watch.returned(slab);
  }
}

/** In steps, as time passes: a tick runs each timer once, and not what that sets. */
function pass(t: TestContext, milliseconds: number): void {
  for (let passed = 0; passed < milliseconds; passed += 100) t.mock.timers.tick(100);
}

suite('a batch is stuck', () => {
  test('when it has run for longer than the limit, until it ends', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench(800);
    const slab = bench.ring();
    bench.run(slab);
    pass(t, 900);
    assert.deepEqual(bench.told, []);
    pass(t, 100);
    assert.deepEqual(bench.told, [1]);
    pass(t, 5000);
    assert.deepEqual(bench.told, [1]);
    bench.end(slab);
    assert.deepEqual(bench.told, [1, 0]);
  });

  test('not for the time that it waits for an instance', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench(800);
    const slab = bench.ring();
    pass(t, 5000);
    bench.run(slab);
    pass(t, 800);
    assert.deepEqual(bench.told, []);
    pass(t, 200);
    assert.deepEqual(bench.told, [1]);
  });

  test('not when its memory has another one each time', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench(800);
    const slab = bench.ring();
    for (let i = 0; i < 30; i += 1) {
      bench.run(slab);
      pass(t, 100);
      bench.end(slab);
      slab.recycle();
      slab.rung = true;
      bench.watch.start();
    }
    assert.deepEqual(bench.told, []);
  });

  test('each for itself', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new Bench(800);
    const [one, two] = [bench.ring(), bench.ring()];
    bench.run(one);
    pass(t, 500);
    bench.run(two);
    pass(t, 5000);
    assert.deepEqual(bench.told, [1, 2]);
    bench.end(one);
    bench.end(two);
    assert.deepEqual(bench.told, [1, 2, 1, 0]);
  });
});

test('nothing is looked at while no batch is out', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const bench = new Bench(800);
  const slab = bench.ring();
  bench.run(slab);
  bench.end(slab);
  pass(t, 100);
  const looked = t.mock.getter(slab, 'sealed', () => true);
  pass(t, 5000);
  assert.equal(looked.mock.callCount(), 0);
});
