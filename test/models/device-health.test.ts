import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeviceHealth } from '../../src/models/device-health.js';

suite('a device that has failed', () => {
  test('is told of once, with what CUDA says and what becomes of the server', () => {
    const messages: string[] = [];
    for (const policy of ['exit', 'continue'] as const) {
      const devices = new DeviceHealth(policy);
      devices.onFailure(({ device, error }) => messages.push(`${device}, ${error.code}`));
      devices.onFailure(({ error }) => messages.push(error.message));
      devices.failed('cuda:1', 'CUDA error: unspecified launch failure');
      devices.failed('cuda:1', 'CUDA error: another');
    }
    assert.deepEqual(messages, [
      'cuda:1, DEVICE_FAILED',
      'Device failure: cuda:1: CUDA error: unspecified launch failure. The server ends now, for its supervisor to start it again',
      'cuda:1, DEVICE_FAILED',
      'Device failure: cuda:1: CUDA error: unspecified launch failure. The device is not used again before the server is restarted',
    ]);
  });

  test('is left out where there are others, and a problem where there is none', () => {
    const devices = new DeviceHealth('continue');
    devices.failed('cuda:0', 'CUDA error: device-side assert triggered');
    assert.deepEqual(devices.working(['cuda:0', 'cuda:1']), ['cuda:1']);
    assert.equal(devices.problem(['cuda:0', 'cuda:1']), undefined);
    assert.equal(devices.problem(['cuda:0']), devices.failureOf('cuda:0'));
    assert.equal(devices.problem(['cuda:0', 'cuda:0'])?.code, 'DEVICE_FAILED');
    assert.equal(devices.problem(['cpu']), undefined);
  });
});

suite('the CPU', () => {
  test('cannot fail: what a model there has lost is its own', () => {
    const devices = new DeviceHealth('continue');
    const told: string[] = [];
    devices.onFailure(({ error }) => told.push(error.message));
    devices.failed('cpu', 'CUDA error: device-side assert triggered');
    assert.deepEqual(told, [
      'Device failure: cpu: CUDA error: device-side assert triggered. The model is not served any more',
    ]);
    assert.equal(devices.problem(['cpu']), undefined);
    assert.deepEqual(devices.working(['cpu']), ['cpu']);
  });
});
