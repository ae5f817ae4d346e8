import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Metrics } from '../../src/metrics/metrics.js';
import { SystemMetrics, systemMetricNames } from '../../src/metrics/system-metrics.js';
import {
  linuxReadings,
  portableReadings,
  type SystemReadings,
} from '../../src/metrics/system-readings.js';
import { TorchServeMetrics } from '../../src/metrics/torchserve-metrics.js';
import { defaultMetricsConfiguration } from '../../src/metrics/torchserve-table.js';
import { until } from '../support/condition.js';

const proc = mkdtempSync(join(tmpdir(), 'sconce-proc-'));
after(() => rmSync(proc, { recursive: true }));

function givenStat(first: string): void {
  writeFileSync(join(proc, 'stat'), `${first}\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1\n`);
}

function givenMemory(kibibytes: Record<string, number>): void {
  const lines = Object.entries(kibibytes).map(
    ([name, value]) => `${`${name}:`.padEnd(16)}${`${value}`.padStart(8)} kB\n`,
  );
  writeFileSync(join(proc, 'meminfo'), `${lines.join('')}HugePages_Total:       0\n`);
}

/** System metrics of given readings, with what a scrape shows of them. */
function create(readings: SystemReadings) {
  const metrics = new TorchServeMetrics({
    mode: 'prometheus',
    configuration: defaultMetricsConfiguration,
    hostname: 'vm',
    log: undefined,
  });
  const [cpu, used, available, share, disk, diskShare, diskAvailable] = systemMetricNames.map(
    (name) => metrics.system(name).bind(['Host']),
  );
  assert.ok(cpu && used && available && share && disk && diskShare && diskAvailable);
  const system = new SystemMetrics(
    {
      CPUUtilization: cpu,
      MemoryUsed: used,
      MemoryAvailable: available,
      MemoryUtilization: share,
      DiskUsage: disk,
      DiskUtilization: diskShare,
      DiskAvailable: diskAvailable,
    },
    readings,
  );
  const values = () =>
    Object.fromEntries(
      [...metrics.text().matchAll(/^(\w+)\{.*\} (.*)$/gm)].map(([, name = '', value = '']) => [
        name,
        value,
      ]),
    );
  return { system, values };
}

const fixed: SystemReadings = {
  cpu: async () => ({ busy: [1], idle: [2] }),
  memory: async () => ({ total: 2 ** 30, used: 3 * 2 ** 20, available: 2 ** 28 }),
  disk: async () => ({ used: 2 ** 30, available: 2 ** 31 }),
};

suite('system metrics', () => {
  test('are in the units of TorchServe, shares to one decimal', async () => {
    const { system, values } = create(fixed);
    await system.measure();
    assert.deepEqual(values(), {
      CPUUtilization: '33.3',
      MemoryUsed: '3.0',
      MemoryAvailable: '256.0',
      MemoryUtilization: '75.0',
      DiskUsage: '1.0',
      DiskUtilization: '33.3',
      DiskAvailable: '2.0',
    });
  });

  test('have the share of the cores since the last measurement, guests counted once', async () => {
    const { cpu } = linuxReadings(proc);
    const { system, values } = create({ ...fixed, cpu });
    const measured = async (line: string) => {
      givenStat(line);
      await system.measure();
      return values().CPUUtilization;
    };
    // user nice system idle iowait irq softirq steal guest guest_nice
    assert.equal(await measured('cpu  100 0 50 800 50 0 0 0 90 0'), '15.0');
    assert.equal(await measured('cpu  110 5 55 900 150 1 2 3 95 5'), '11.5');
    assert.equal(await measured('cpu  110 5 55 900 150 1 2 3 95 5'), '0.0');
    // Idle time that goes backwards is none.
    assert.equal(await measured('cpu  120 5 55 890 160 1 2 3 95 5'), '50.0');
  });

  test('have the memory that psutil has', async () => {
    const { memory } = linuxReadings(proc);
    const common = { MemTotal: 1000, MemFree: 300, Buffers: 50, Cached: 200, SReclaimable: 25 };
    givenMemory({ ...common, MemAvailable: 600 });
    assert.deepEqual(await memory(), {
      total: 1000 * 1024,
      used: 425 * 1024,
      available: 600 * 1024,
    });
    givenMemory({ ...common, Cached: 900, MemAvailable: 1001 });
    assert.deepEqual(await memory(), {
      total: 1000 * 1024,
      used: 700 * 1024,
      available: 300 * 1024,
    });
    givenMemory(common);
    assert.equal((await memory()).available, 300 * 1024);
  });

  test('have the disk that statfs has', async () => {
    const { disk } = linuxReadings(proc);
    for (;;) {
      const before = await statfs('/');
      const { used, available } = await disk();
      const { bsize, blocks, bfree, bavail } = await statfs('/');
      // Others write to the disk as well.
      if (before.bfree !== bfree || before.bavail !== bavail) continue;
      assert.equal(used, (blocks - bfree) * bsize);
      assert.equal(available, bavail * bsize);
      return;
    }
  });

  test('can be read on any system', async () => {
    const { system, values } = create(portableReadings);
    await system.measure();
    assert.deepEqual(Object.keys(values()), [...systemMetricNames]);
    const { CPUUtilization, MemoryUtilization } = values();
    for (const share of [CPUUtilization, MemoryUtilization]) {
      assert.ok(Number(share) >= 0 && Number(share) <= 100, share);
    }
  });

  test('leave out what cannot be read', async () => {
    const nowhere = linuxReadings(join(proc, 'nowhere'));
    const { system, values } = create({ ...nowhere, disk: fixed.disk });
    await system.measure();
    assert.deepEqual(Object.keys(values()), ['DiskUsage', 'DiskUtilization', 'DiskAvailable']);
  });

  test('measure one at a time, and nothing after they are closed', async () => {
    let readings = 0;
    let answer: (value: Awaited<ReturnType<SystemReadings['disk']>>) => void = () => undefined;
    const disk = () => {
      readings += 1;
      return new Promise<Awaited<ReturnType<SystemReadings['disk']>>>((resolve) => {
        answer = resolve;
      });
    };
    const { system, values } = create({ ...fixed, disk });
    const first = system.measure();
    await system.measure();
    assert.equal(readings, 1);
    system.close();
    answer({ used: 1, available: 1 });
    await first;
    assert.equal(values().DiskUsage, undefined);
  });

  test('measure at the start, and at every interval', async () => {
    let readings = 0;
    const { system } = create({
      ...fixed,
      disk: () => {
        readings += 1;
        return fixed.disk();
      },
    });
    system.start(0.001);
    try {
      // The timer alone would not keep this test alive.
      await until(() => readings >= 3);
    } finally {
      system.close();
    }
  });

  test('take an interval that is longer than a timer’s', async () => {
    const warnings: string[] = [];
    const warned = ({ name }: Error) => warnings.push(name);
    process.on('warning', warned);
    const { system } = create(fixed);
    system.start(1e9);
    await nextTurn();
    system.close();
    process.off('warning', warned);
    assert.deepEqual(warnings, []);
  });

  test('refuse an interval that is none', () => {
    const metrics = new Metrics();
    for (const intervalSeconds of [0, -1, Number.NaN]) {
      assert.throws(() => metrics.startSystemMetrics({ intervalSeconds }), {
        code: 'INVALID_CONFIGURATION',
        message: `Invalid configuration: the interval of the system metrics must be above 0 seconds, not ${intervalSeconds}`,
      });
    }
    metrics.close();
  });
});
