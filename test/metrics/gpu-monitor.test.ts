import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GpuMonitor, type GpuState, longestReading } from '../../src/metrics/gpu-monitor.js';
import { Deferred } from '../../src/models/deferred.js';

function gpu(index: number, deviceId: number | null = null): GpuState {
  return {
    index,
    deviceId,
    memoryUsedBytes: 1,
    memoryTotalBytes: 2,
    utilization: null,
    memoryUtilization: null,
  };
}

type Reading = { gpus: GpuState[] };

/** A monitor whose driver and clock are the test's. */
function create() {
  const asked: Deferred<Reading>[] = [];
  const clock = { now: 0 };
  const monitor = new GpuMonitor(
    () => {
      const answer = new Deferred<Reading>();
      asked.push(answer);
      return answer.promise;
    },
    () => clock.now,
  );
  const ids = async (wait?: number) => (await monitor.read(wait)).map(({ id }) => id);
  return { monitor, asked, clock, ids };
}

suite('the numbers of GPUs', () => {
  test('are those of this process, and what it does not see is left out', async () => {
    const monitor = new GpuMonitor(async () => ({ gpus: [gpu(0), gpu(1, 1), gpu(2, 0)] }));
    const gpus = await monitor.read();
    assert.deepEqual(
      gpus.map(({ id, index }) => [id, index]),
      [
        [1, 1],
        [0, 2],
      ],
    );
  });

  test('are those of the driver where this process sees none', async () => {
    const monitor = new GpuMonitor(async () => ({ gpus: [gpu(0), gpu(3)] }));
    assert.deepEqual(
      (await monitor.read()).map(({ id }) => id),
      [0, 3],
    );
  });
});

suite('the driver', () => {
  test('is asked by one reading at a time, and again when it has answered', async () => {
    const { asked, ids } = create();
    const readings = [ids(), ids(), ids()];
    assert.equal(asked.length, 1);
    asked[0]?.resolve({ gpus: [gpu(0)] });
    assert.deepEqual(await Promise.all(readings), [[0], [0], [0]]);
    const next = ids();
    assert.equal(asked.length, 2);
    asked[1]?.resolve({ gpus: [gpu(1)] });
    assert.deepEqual(await next, [1]);
  });

  test('that is slow leaves what it told before, until it counts as gone', async () => {
    const { asked, clock, ids } = create();
    const first = ids();
    asked[0]?.resolve({ gpus: [gpu(0)] });
    assert.deepEqual(await first, [0]);
    assert.deepEqual(await ids(0), [0]);
    clock.now = longestReading - 1;
    assert.deepEqual(await ids(), [0]);
    clock.now = longestReading;
    assert.deepEqual(await ids(), []);
    assert.equal(asked.length, 2);
    asked[1]?.resolve({ gpus: [gpu(1)] });
    await nextTurn();
    const late = ids();
    asked[2]?.resolve({ gpus: [gpu(2)] });
    assert.deepEqual(await late, [2]);
  });

  test('that cannot be asked has no GPUs, and is asked again', async () => {
    let calls = 0;
    const failing: (() => Promise<Reading>)[] = [
      () => Promise.reject(new Error('no addon')),
      () => {
        throw new Error('no addon');
      },
      async () => ({ gpus: [gpu(0)] }),
    ];
    const monitor = new GpuMonitor(() => failing[calls++]?.() ?? assert.fail('asked too often'));
    assert.deepEqual(await monitor.read(), []);
    assert.deepEqual(await monitor.read(), []);
    assert.equal((await monitor.read()).length, 1);
  });
});
