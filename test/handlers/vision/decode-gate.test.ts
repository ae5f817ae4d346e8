import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { DecodeGate } from '../../../src/handlers/vision/decode-gate.js';

const never = new AbortController().signal;

/** Work that ends when it is told to. */
function work(): { begun: boolean; end(): void; run(): Promise<void> } {
  const { promise, resolve } = pending();
  const piece = { begun: false, end: resolve, run };
  async function run(): Promise<void> {
    piece.begun = true;
    await promise;
  }
  return piece;
}

function pending(): { promise: Promise<void>; resolve(): void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Lets everything that can go on go on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

suite('DecodeGate', () => {
  test('lets in what fits, in the order in which it came', async () => {
    const gate = new DecodeGate(10);
    const pieces = [work(), work(), work(), work()];
    const weights = [6, 4, 8, 1];
    const done = pieces.map((piece, i) => gate.run(weights[i] ?? 0, never, piece.run));
    await settled();
    assert.deepEqual(begun(pieces), [true, true, false, false]);
    pieces[0]?.end();
    await settled();
    assert.deepEqual(begun(pieces), [true, true, false, false], 'the third does not fit yet');
    pieces[1]?.end();
    await settled();
    assert.deepEqual(begun(pieces), [true, true, true, true]);
    for (const piece of pieces) piece.end();
    await Promise.all(done);
  });

  test('lets in what is heavier than the bound, alone', async () => {
    const gate = new DecodeGate(10);
    const [light, heavy, next] = [work(), work(), work()];
    const done = [
      gate.run(1, never, light.run),
      gate.run(100, never, heavy.run),
      gate.run(1, never, next.run),
    ];
    await settled();
    assert.deepEqual(begun([light, heavy, next]), [true, false, false]);
    light.end();
    await settled();
    assert.deepEqual(begun([light, heavy, next]), [true, true, false]);
    heavy.end();
    await settled();
    assert.ok(next.begun);
    next.end();
    await Promise.all(done);
  });

  test('forgets what nobody waits for, and lets the next in', async () => {
    const gate = new DecodeGate(10);
    const [first, second, third] = [work(), work(), work()];
    const gone = new AbortController();
    const one = gate.run(6, never, first.run);
    const two = gate.run(9, gone.signal, second.run);
    const three = gate.run(4, never, third.run);
    gone.abort(new Error('hung up'));
    await assert.rejects(two, /hung up/);
    assert.deepEqual(begun([first, second, third]), [true, false, true]);
    await assert.rejects(gate.run(1, gone.signal, work().run), /hung up/);
    first.end();
    third.end();
    await Promise.all([one, three]);
  });

  test('goes on after work that fails', async () => {
    const gate = new DecodeGate(1);
    const failing = gate.run(1, never, () => Promise.reject(new Error('corrupt')));
    const following = gate.run(1, never, async () => 'fine');
    await assert.rejects(failing, /corrupt/);
    assert.equal(await following, 'fine');
  });

  test('never exceeds its bound with more than one inside, and forgets nothing', async () => {
    const piece = fc.record({ weight: fc.integer({ min: 0, max: 15 }), turns: fc.nat(5) });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const gate = new DecodeGate(10);
        const inside: number[] = [];
        const done = pieces.map(({ weight, turns }) =>
          gate.run(weight, never, async () => {
            inside.push(weight);
            const sum = inside.reduce((a, b) => a + b, 0);
            const others = inside.filter((other) => other > 0).length;
            assert.ok(sum <= 10 || others === 1, inside.join());
            for (let turn = 0; turn < turns; turn += 1) await settled();
            inside.splice(inside.indexOf(weight), 1);
          }),
        );
        await Promise.all(done);
      }),
    );
  });
});

function begun(pieces: readonly { begun: boolean }[]): boolean[] {
  return pieces.map((piece) => piece.begun);
}
