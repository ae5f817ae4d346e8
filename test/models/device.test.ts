import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Machine, resolveDevice } from '../../src/models/device.js';

/** A machine with so many GPUs. */
const machine =
  (gpus: number, cudaBuild = true) =>
  (): Machine => ({ cudaBuild, cudaDeviceCount: () => gpus });

suite('the device auto', () => {
  test('is the first GPU, or the CPU where there is none', () => {
    assert.equal(resolveDevice('auto', {}, machine(2)), 'cuda:0');
    assert.equal(resolveDevice('auto', {}, machine(0)), 'cpu');
  });

  test('is the CPU when no GPU may be used', () => {
    assert.equal(resolveDevice('auto', { mostGpus: 0 }, machine(2)), 'cpu');
    assert.equal(resolveDevice('auto', { mostGpus: 0, ids: [1] }, machine(2)), 'cpu');
  });

  test('is one of the listed GPUs, if all of them may be used', () => {
    assert.equal(resolveDevice('auto', { ids: [1, 0] }, machine(2)), 'cuda:1');
    assert.equal(resolveDevice('auto', { ids: [1, 2] }, machine(2)), 'cuda:0');
    assert.equal(resolveDevice('auto', { ids: [1], mostGpus: 1 }, machine(2)), 'cuda:0');
  });
});

suite('a GPU by its number', () => {
  test('is that GPU', () => {
    assert.equal(resolveDevice('cuda', {}, machine(2)), 'cuda:0');
    assert.equal(resolveDevice('cuda:1', { mostGpus: 2 }, machine(2)), 'cuda:1');
    assert.equal(resolveDevice('cuda:1', { mostGpus: 9 }, machine(2)), 'cuda:1');
  });

  test('must be there', () => {
    assert.throws(() => resolveDevice('cuda:2', { mostGpus: 1 }, machine(2)), {
      code: 'INVALID_CONFIGURATION',
      message:
        'Invalid configuration: device cuda:2 is not there: this machine has 2 usable GPUs; use cpu or auto',
    });
    assert.throws(() => resolveDevice('cuda', {}, machine(0, false)), {
      message: /^Invalid configuration: device cuda is not there: the addon was built without CUDA/,
    });
  });

  test('must be one of those that may be used', () => {
    for (const [device, mostGpus] of [
      ['cuda:1', 1],
      ['cuda', 0],
    ] as const) {
      assert.throws(() => resolveDevice(device, { mostGpus }, machine(2)), {
        code: 'INVALID_CONFIGURATION',
        message: `Invalid configuration: device ${device} may not be used: number_of_gpu is ${mostGpus}; use cpu or auto`,
      });
    }
  });
});

test('the CPU needs nothing of the machine', () => {
  const unknown = () => assert.fail('it was asked');
  assert.equal(resolveDevice('cpu', { mostGpus: 0 }, unknown), 'cpu');
});
