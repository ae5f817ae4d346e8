import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AccessRecord } from '../../src/logging/access-record.js';
import { createLogs, type Logs } from '../../src/logging/logs.js';
import { RotatingFile } from '../../src/logging/rotating-file.js';

/** A process that logs: `node log-writer.js SCENARIO OPTIONS`. */
const [, , scenario = '', json = '{}'] = process.argv;
const options = JSON.parse(json);

const record: AccessRecord = {
  requestId: 'a8f7',
  remote: '127.0.0.1:64003',
  method: 'POST',
  url: '/predictions/resnet-18',
  httpVersion: '1.1',
  status: 200,
  milliseconds: 118,
};

function logOneOfEach(logs: Logs): void {
  logs.log.info({ signal: 'SIGTERM' }, 'stopping');
  logs.log.debug('not shown');
  logs.log.child({ component: 'models', requestId: 'a8f7' }).error('failed');
  logs.access(record);
  logs.model('info', 'W-9000-resnet-18_1.0', 'loaded');
  logs.model('warn', 'W-9000-resnet-18_1.0', 'slow');
  logs.systemMetric('CPUUtilization.Percent:0.0|#Level:Host|#hostname:h,timestamp:1');
  logs.modelMetric(
    'HandlerTime.ms:8.4|#ModelName:m,Level:Model|#hostname:h,requestID:a,timestamp:2',
  );
}

const scenarios: Record<string, () => Promise<void>> = {
  async 'one of each'() {
    const logs = await createLogs(options);
    logOneOfEach(logs);
    await logs.close();
  },
  async exit() {
    logOneOfEach(await createLogs(options));
    process.exit(3);
  },
  async throw() {
    logOneOfEach(await createLogs(options));
    setImmediate(() => {
      throw new Error('unexpected');
    });
  },
  async 'no folder'() {
    const logs = await createLogs(options);
    const { logLocation } = options;
    rmSync(logLocation, { recursive: true });
    writeFileSync(logLocation, '');
    for (let i = 0; i < 3; i += 1) logs.access(record);
    await logs.close();
    console.log(logs.dropped);
  },
  async 'no space'() {
    const file = await RotatingFile.open(dirname(options.path), 'full.log', {
      bytes: 1e9,
      files: 1,
    });
    let written = 0;
    try {
      for (; ; written += 1) await file.append(`${String(written).padStart(999)}\n`);
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      await file.append('short\n');
      await file.close();
      console.log(JSON.stringify({ written, message }));
    }
  },
  async 'nobody reads'() {
    const logs = await createLogs(options);
    await new Promise((resolve) => process.stdin.on('close', resolve).resume());
    logOneOfEach(logs);
    await logs.close();
  },
};

await scenarios[scenario]?.();
