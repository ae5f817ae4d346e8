import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { DevicePlacement, deviceAt } from '../../src/models/device-placement.js';

const gpus = (count: number): string[] => Array.from({ length: count }, (_, i) => `cuda:${i}`);

suite('the GPUs of models that name none', () => {
  test('are dealt out in turn: models of one instance do not all lie on the first', () => {
    const placement = new DevicePlacement();
    const choice = { devices: gpus(3), inTurn: true };
    const first = [1, 1, 1, 1].map((instances) => placement.place(choice, instances)[0]);
    assert.deepEqual(first, ['cuda:0', 'cuda:1', 'cuda:2', 'cuda:0']);
    assert.deepEqual(placement.place(choice, 2), ['cuda:1', 'cuda:2', 'cuda:0']);
  });

  test('have as many instances each, but for one, whatever models there are', () => {
    const models = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 20 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), models, (count, instances) => {
        const placement = new DevicePlacement();
        const on = new Map(gpus(count).map((device) => [device, 0]));
        for (const own of instances) {
          const devices = placement.place({ devices: gpus(count), inTurn: true }, own);
          assert.deepEqual([...devices].sort(), gpus(count).sort());
          for (let place = 0; place < own; place += 1) {
            const device = deviceAt(devices, place);
            on.set(device, (on.get(device) ?? 0) + 1);
          }
        }
        const shares = [...on.values()];
        assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `${shares}`);
      }),
    );
  });
});

test('devices that somebody has named keep their order, and no turn is lost', () => {
  const placement = new DevicePlacement();
  for (const devices of [['cpu'], ['cuda:1'], ['cuda:2', 'cuda:0']]) {
    assert.deepEqual(placement.place({ devices, inTurn: false }, 1), devices);
  }
  assert.equal(placement.place({ devices: gpus(2), inTurn: true }, 1)[0], 'cuda:0');
});
