import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gpuIndex, type Machine, resolveDevices } from '../../src/models/device.js';

/** A machine with so many GPUs. */
const machine =
  (gpus: number, cudaBuild = true) =>
  (): Machine => ({ cudaBuild, cudaDeviceCount: () => gpus });

suite('the device auto', () => {
  for (const [name, gpus, limits, devices, inTurn] of [
    ['is every GPU, in turn', 2, {}, ['cuda:0', 'cuda:1'], true],
    ['is the CPU where there is no GPU', 0, {}, ['cpu'], false],
    ['is the CPU when no GPU may be used', 2, { mostGpus: 0 }, ['cpu'], false],
    ['is the CPU when none of the list may be', 2, { mostGpus: 0, ids: [1] }, ['cpu'], false],
    ['is the first GPUs when not all may be used', 3, { mostGpus: 2 }, ['cuda:0', 'cuda:1'], true],
    ['is the GPUs of the list, in its order', 2, { ids: [1, 0] }, ['cuda:1', 'cuda:0'], false],
    ['is every GPU when one of the list is not there', 1, { ids: [0, 2] }, ['cuda:0'], true],
    [
      'is every GPU when one of the list may not be used',
      2,
      { ids: [1], mostGpus: 1 },
      ['cuda:0'],
      true,
    ],
  ] as const) {
    test(name, () => {
      assert.deepEqual(resolveDevices('auto', limits, machine(gpus)), { devices, inTurn });
    });
  }
});

suite('a GPU by its number', () => {
  test('is that GPU', () => {
    for (const [setting, limits, device] of [
      ['cuda', {}, 'cuda:0'],
      ['cuda:1', { mostGpus: 2 }, 'cuda:1'],
      ['cuda:1', { mostGpus: 9 }, 'cuda:1'],
    ] as const) {
      const wanted = { devices: [device], inTurn: false };
      assert.deepEqual(resolveDevices(setting, limits, machine(2)), wanted);
    }
  });

  test('must be there', () => {
    assert.throws(() => resolveDevices('cuda:2', { mostGpus: 1 }, machine(2)), {
      code: 'INVALID_CONFIGURATION',
      message:
        'Invalid configuration: device cuda:2 is not there: this machine has 2 usable GPUs; use cpu or auto',
    });
    assert.throws(() => resolveDevices('cuda', {}, machine(0, false)), {
      message: /^Invalid configuration: device cuda is not there: the addon was built without CUDA/,
    });
  });

  test('must be one of those that may be used', () => {
    for (const [device, mostGpus] of [
      ['cuda:1', 1],
      ['cuda', 0],
    ] as const) {
      assert.throws(() => resolveDevices(device, { mostGpus }, machine(2)), {
        code: 'INVALID_CONFIGURATION',
        message: `Invalid configuration: device ${device} may not be used: number_of_gpu is ${mostGpus}; use cpu or auto`,
      });
    }
  });
});

test('the CPU needs nothing of the machine', () => {
  const unknown = () => assert.fail('it was asked');
  const onCpu = { devices: ['cpu'], inTurn: false };
  assert.deepEqual(resolveDevices('cpu', { mostGpus: 0 }, unknown), onCpu);
});

test('the number of a GPU is in its name', () => {
  assert.deepEqual(['cpu', 'cuda:0', 'cuda:12'].map(gpuIndex), [null, 0, 12]);
});
