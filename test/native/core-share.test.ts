import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { NativeCoreShare } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';

interface Model {
  weight: number;
  /** Threads of a batch. */
  cores: number;
  instances: number;
  /** Microseconds of its batches, one after the other, from the start again at the end. */
  batches: readonly number[];
}

interface Running {
  model: number;
  ticket: number;
  began: number;
  ends: number;
}

/** Instances of models that always have the next batch ready, on a clock of its own. */
class Simulation {
  now = 0;
  readonly #share: NativeCoreShare;
  readonly #members: number[];
  readonly #waiting = new Map<number, number>();
  readonly #next: number[];
  #running: Running[] = [];
  /** Core microseconds that each model has had. */
  readonly used: number[];
  /** Models in the order in which their batches began. */
  readonly order: number[] = [];

  constructor(
    readonly cores: number,
    readonly models: readonly Model[],
  ) {
    this.#share = new (addon().CoreShare)(cores);
    this.#members = models.map(({ weight }) => this.#share.join(weight));
    this.used = models.map(() => 0);
    this.#next = models.map(() => 0);
    models.forEach(({ instances }, model) => {
      for (let i = 0; i < instances; i += 1) this.#ask(model);
    });
  }

  /** Cores that nobody uses although a batch that needs no more of them waits. */
  get idle(): number {
    const busy = this.#running.reduce((sum, { model }) => sum + this.#width(model), 0);
    const free = this.cores - busy;
    const fits = [...this.#waiting.values()].some((model) => this.#width(model) <= free);
    return fits ? free : 0;
  }

  /** Lets begin what may, and the next batch end. */
  step(): void {
    this.#begin();
    const first = this.#running.reduce((a, b) => (b.ends < a.ends ? b : a));
    this.now = first.ends;
    this.#running = this.#running.filter((running) => running !== first);
    const elapsed = first.ends - first.began;
    this.#share.giveBack(first.ticket, elapsed);
    this.used[first.model] = (this.used[first.model] ?? 0) + elapsed * this.#width(first.model);
    this.#ask(first.model);
    this.#begin();
  }

  #begin(): void {
    for (const ticket of this.#share.grant()) {
      const model = this.#waiting.get(ticket);
      assert.ok(model !== undefined, 'a ticket that does not wait was granted');
      this.#waiting.delete(ticket);
      const { batches } = this.#model(model);
      const position = this.#next[model] ?? 0;
      this.#next[model] = position + 1;
      const took = batches[position % batches.length] ?? 1;
      this.order.push(model);
      this.#running.push({ model, ticket, began: this.now, ends: this.now + took });
    }
    const busy = this.#running.reduce((sum, { model }) => sum + this.#width(model), 0);
    assert.ok(busy <= this.cores, `${busy} of ${this.cores} cores are in use`);
  }

  #ask(model: number): void {
    const member = this.#members[model] ?? 0;
    this.#waiting.set(this.#share.ask(member, this.#model(model).cores), model);
  }

  #width(model: number): number {
    return Math.min(this.cores, this.#model(model).cores);
  }

  #model(model: number): Model {
    const found = this.models[model];
    assert.ok(found !== undefined);
    return found;
  }
}

const batches = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 5 });

describe('the share of the cores', () => {
  test('busy models share one core by their weights, within a batch of each', () => {
    const model = fc.record({
      weight: fc.constantFrom(0.5, 1, 2, 3, 10),
      cores: fc.constant(1),
      instances: fc.integer({ min: 1, max: 3 }),
      batches,
    });
    fc.assert(
      fc.property(fc.array(model, { minLength: 2, maxLength: 6 }), (models) => {
        const simulation = new Simulation(1, models);
        for (let i = 0; i < 300; i += 1) simulation.step();
        const shares = models.map(({ weight }, i) => (simulation.used[i] ?? 0) / weight);
        const batch = models.map((each) => Math.max(...each.batches) / each.weight);
        for (const [i, a] of shares.entries()) {
          for (const [j, b] of shares.entries()) {
            // A batch is charged with what is usual when it begins, and with the rest at its end.
            const allowed = 2 * ((batch[i] ?? 0) + (batch[j] ?? 0));
            assert.ok(Math.abs(a - b) <= allowed, `${a} and ${b} differ by more than ${allowed}`);
          }
        }
      }),
    );
  });

  test('no core is idle while a batch waits that needs no more than are free', () => {
    const model = fc.record({
      weight: fc.constantFrom(1, 2, 5),
      cores: fc.constant(1),
      instances: fc.integer({ min: 1, max: 4 }),
      batches,
    });
    const machine = fc.integer({ min: 1, max: 8 });
    fc.assert(
      fc.property(machine, fc.array(model, { minLength: 1, maxLength: 6 }), (cores, models) => {
        const simulation = new Simulation(cores, models);
        for (let i = 0; i < 100; i += 1) {
          simulation.step();
          assert.equal(simulation.idle, 0);
        }
      }),
    );
  });

  test('a batch that needs all cores gets its turn among small ones', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), batches, batches, (cores, wide, narrow) => {
        const simulation = new Simulation(cores, [
          { weight: 1, cores, instances: 1, batches: wide },
          { weight: 1, cores: 1, instances: 2 * cores, batches: narrow },
        ]);
        for (let i = 0; i < 400; i += 1) simulation.step();
        const longest = Math.max(...wide) * cores;
        const [a = 0, b = 0] = simulation.used;
        assert.ok(a > 0, 'it never ran');
        // It waits with cores kept free for it, so it may have less than its half, but not little.
        assert.ok(a + 2 * longest + 20 * cores * Math.max(...narrow) >= b / 4, `${a} beside ${b}`);
      }),
    );
  });

  test('a model that had nothing to do begins where the others are', () => {
    const share = new (addon().CoreShare)(1);
    const busy = share.join(1);
    const idle = share.join(1);
    for (let i = 0; i < 1000; i += 1) {
      const ticket = share.ask(busy, 1);
      assert.deepEqual(share.grant(), [ticket]);
      share.giveBack(ticket, 100);
    }
    const order: string[] = [];
    const names = new Map([
      [share.ask(busy, 1), 'busy'],
      [share.ask(idle, 1), 'idle'],
    ]);
    for (let i = 0; i < 10; i += 1) {
      const [ticket] = share.grant();
      assert.ok(ticket !== undefined);
      const name = names.get(ticket) ?? '';
      order.push(name);
      names.set(share.ask(name === 'busy' ? busy : idle, 1), name);
      share.giveBack(ticket, 100);
    }
    assert.equal(order.filter((name) => name === 'idle').length, 5);
  });

  test('a flood of one model lets the next batch of another through at once', () => {
    const share = new (addon().CoreShare)(1);
    const flood = share.join(1);
    const other = share.join(1);
    for (let i = 0; i < 50; i += 1) share.ask(flood, 1);
    for (let i = 0; i < 10; i += 1) {
      const [ticket] = share.grant();
      assert.ok(ticket !== undefined);
      share.giveBack(ticket, 1000);
    }
    const [running] = share.grant();
    assert.ok(running !== undefined);
    const asked = share.ask(other, 1);
    share.giveBack(running, 1000);
    assert.deepEqual(share.grant(), [asked]);
  });

  test('a short batch that is behind goes beside long ones, for as long as it is behind', () => {
    const share = new (addon().CoreShare)(1);
    const long = share.join(1);
    const short = share.join(1);
    const run = (member: number, microseconds: number): void => {
      const ticket = share.ask(member, 1);
      assert.deepEqual(share.grant(), [ticket]);
      share.giveBack(ticket, microseconds);
    };
    for (let i = 0; i < 50; i += 1) run(short, 1000);
    run(long, 100_000);
    const holds = share.ask(long, 1);
    assert.deepEqual(share.grant(), [holds]);
    let beside = 0;
    for (;;) {
      const ticket = share.ask(short, 1);
      if (share.grant().length === 0) break;
      share.giveBack(ticket, 1000);
      beside += 1;
    }
    assert.ok(beside >= 99 && beside <= 102, `${beside} of a thousandth of a second each`);
    assert.deepEqual(share.grant(), [], 'a second one of the same model waits, too');
    share.giveBack(holds, 100_000);
    assert.equal(share.grant().length, 1);
  });

  test('what is withdrawn or has left holds nothing up', () => {
    const share = new (addon().CoreShare)(2);
    const a = share.join(1);
    const b = share.join(1);
    const wide = share.ask(a, 2);
    assert.deepEqual(share.grant(), [wide]);
    const gone = share.ask(a, 2);
    const stays = share.ask(b, 1);
    share.withdraw(gone);
    share.leave(a);
    assert.deepEqual(share.grant(), []);
    share.giveBack(wide, 10);
    assert.deepEqual(share.grant(), [stays]);
    assert.throws(() => share.ask(a, 1), { code: 'INTERNAL' });
    share.withdraw(stays);
    const both = share.ask(b, 9);
    assert.deepEqual(share.grant(), [both]);
  });

  test('the cores of a batch that does not end are lent to others, and counted once', () => {
    const share = new (addon().CoreShare)(1);
    const a = share.join(1);
    const b = share.join(1);
    const hung = share.ask(a, 1);
    assert.deepEqual(share.grant(), [hung]);
    const waits = share.ask(b, 1);
    share.lendOut(hung);
    share.lendOut(hung);
    assert.deepEqual(share.grant(), [waits]);
    share.giveBack(hung, 5_000_000);
    const third = share.ask(b, 1);
    assert.deepEqual(share.grant(), [], 'one core, and it is taken');
    share.giveBack(waits, 10);
    assert.deepEqual(share.grant(), [third]);
  });

  test('refuses what makes no sense', () => {
    assert.throws(() => new (addon().CoreShare)(0), { code: 'INTERNAL' });
    const share = new (addon().CoreShare)(1);
    for (const weight of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => share.join(weight), { code: 'INTERNAL' });
    }
    assert.throws(() => share.ask(7, 1), { code: 'INTERNAL' });
    assert.throws(() => share.giveBack(7, 1), { code: 'INTERNAL' });
    assert.throws(() => share.withdraw(7), { code: 'INTERNAL' });
    assert.throws(() => share.lendOut(7), { code: 'INTERNAL' });
    assert.throws(() => share.leave(7), { code: 'INTERNAL' });
  });
});
