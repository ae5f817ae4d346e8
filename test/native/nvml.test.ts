import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { NativeGpuReading } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { TemporaryFolder } from '../support/temporary-folder.js';
import { libraryFolder, TestNvml, withoutTestNvml } from '../support/test-nvml.js';

const run = promisify(execFile);
const program = fileURLToPath(new URL('read-gpus-program.js', import.meta.url));
const mebibyte = 2 ** 20;

/** What a process of its own prints. */
async function printed(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  const options = { env: { ...process.env, ...env } };
  return (await run(process.execPath, [program, ...args], options)).stdout;
}

async function read(env: NodeJS.ProcessEnv): Promise<NativeGpuReading> {
  return JSON.parse(await printed(env));
}

const first = {
  index: 0,
  deviceId: null,
  name: 'Test GPU 80GB',
  memoryUsedBytes: 678 * mebibyte,
  memoryTotalBytes: 81559 * mebibyte,
  utilization: 34,
  memoryUtilization: 12,
};

/** Its driver measures no utilization. */
const second = {
  index: 1,
  deviceId: null,
  name: 'Test GPU in instances',
  memoryUsedBytes: 0,
  memoryTotalBytes: 23028 * mebibyte,
  utilization: null,
  memoryUtilization: null,
};

suite('the driver’s library', { skip: withoutTestNvml }, () => {
  test('tells of every GPU; what it does not measure is null', async () => {
    using nvml = new TestNvml();
    assert.deepEqual(await read(nvml.env), { gpus: [first, second] });
  });

  test('before driver 510 counts what the driver keeps for itself as used', async () => {
    using nvml = new TestNvml('BEFORE_510');
    const { gpus } = await read(nvml.env);
    assert.deepEqual(
      gpus.map(({ memoryUsedBytes }) => memoryUsedBytes / mebibyte),
      [1278, 500],
    );
  });

  test('leaves out a GPU that is lost, and names it', async () => {
    using nvml = new TestNvml();
    assert.deepEqual(await read({ ...nvml.env, TEST_NVML: 'lost' }), {
      gpus: [first],
      problem: 'GPU 1: GPU is lost',
    });
  });

  test('says why it cannot be initialized', async () => {
    using nvml = new TestNvml();
    assert.deepEqual(await read({ ...nvml.env, TEST_NVML: 'no-driver' }), {
      gpus: [],
      problem: 'Driver Not Loaded',
    });
  });

  test('that lacks a function is not used', async () => {
    using nvml = new TestNvml('WITHOUT_UTILIZATION');
    assert.deepEqual(await read(nvml.env), {
      gpus: [],
      problem: 'libnvidia-ml.so.1 has no function nvmlDeviceGetUtilizationRates',
    });
  });

  test('that is no library is not used', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(join(folder.path, 'libnvidia-ml.so.1'), 'not a library'.repeat(100));
    const { gpus, problem } = await read(libraryFolder(folder.path));
    assert.deepEqual(gpus, []);
    assert.match(problem ?? '', /libnvidia-ml\.so\.1: /);
  });

  test('does not hold up the end of the process when it hangs', async () => {
    using nvml = new TestNvml();
    assert.equal(await printed(nvml.gate().env, 'leave'), 'asked\n');
  });

  test('may answer when the thread of JavaScript that asked is gone', async () => {
    using nvml = new TestNvml();
    assert.equal(await printed(nvml.env, 'terminate'), 'terminated\n');
  });
});

test('without a driver there are no GPUs, and the reason is said', async (t) => {
  const alive = setInterval(() => {}, 1000);
  const { gpus, problem } = await addon().readGpus();
  clearInterval(alive);
  if (gpus.length > 0) {
    t.skip('this machine has GPUs');
    return;
  }
  assert.notEqual(problem, undefined);
});

test('readings at the same time do not disturb each other', async () => {
  const alive = setInterval(() => {}, 1000);
  const readings = await Promise.all(Array.from({ length: 16 }, () => addon().readGpus()));
  clearInterval(alive);
  const indices = readings.map(({ gpus }) => gpus.map(({ index }) => index));
  for (const each of indices) assert.deepEqual(each, indices[0]);
});

test('nothing was done on a GPU that was not used', () => {
  assert.deepEqual(addon().deviceStatistics(), []);
});
