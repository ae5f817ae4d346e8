import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { SconceError } from '../../src/errors.js';
import { createLogs, type LoggingOptions } from '../../src/logging/logs.js';

const writer = fileURLToPath(new URL('log-writer.js', import.meta.url));

const json: LoggingOptions = {
  level: 'info',
  logLocation: undefined,
  metricsLocation: undefined,
  accessLog: true,
};

let folder: string;
let inFiles: LoggingOptions & { logLocation: string };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sconce-logs-'));
  inFiles = { ...json, logLocation: join(folder, 'made/for/logs') };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs log-writer.ts to its end. */
function run(
  scenario: string,
  options: object,
): { status: number | null; out: string; err: string } {
  const child = spawnSync(process.execPath, [writer, scenario, JSON.stringify(options)], {
    encoding: 'utf8',
  });
  return { status: child.status, out: child.stdout, err: child.stderr };
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3} /;

/** The lines of a text without their times, which each must have. */
function linesOf(log: string): string[] {
  assert.match(log, /^(.+\n)*$/);
  const lines = log.split('\n').slice(0, -1);
  for (const line of lines) assert.match(line, time);
  return lines.map((line) => line.replace(time, ''));
}

function fileLines(path: string): string[] {
  return linesOf(readFileSync(path, 'utf8'));
}

const systemMetric = 'CPUUtilization.Percent:0.0|#Level:Host|#hostname:h,timestamp:1';
const modelMetric =
  'HandlerTime.ms:8.4|#ModelName:m,Level:Model|#hostname:h,requestID:a,timestamp:2';
const access = '/127.0.0.1:64003 "POST /predictions/resnet-18 HTTP/1.1" 200 118';

const serverLines = [
  '[INFO ] main sconce - stopping {"signal":"SIGTERM"}',
  '[ERROR] main sconce.models - failed {"requestId":"a8f7"}',
];
const modelLines = [
  '[INFO ] W-9000-resnet-18_1.0-stdout MODEL_LOG - loaded',
  '[WARN ] W-9000-resnet-18_1.0-stderr MODEL_LOG - slow',
];
const consoleLines = [
  ...serverLines,
  `[INFO ] main ACCESS_LOG - ${access}`,
  ...modelLines,
  `[INFO ] main TS_METRICS - ${systemMetric}`,
  `[INFO ] main MODEL_METRICS - ${modelMetric}`,
];

const jsonLines = [
  { level: 30, signal: 'SIGTERM', msg: 'stopping' },
  { level: 50, component: 'models', requestId: 'a8f7', msg: 'failed' },
  {
    level: 30,
    requestId: 'a8f7',
    remote: '127.0.0.1:64003',
    method: 'POST',
    url: '/predictions/resnet-18',
    httpVersion: '1.1',
    status: 200,
    milliseconds: 118,
    msg: 'request',
  },
  { level: 30, worker: 'W-9000-resnet-18_1.0', msg: 'loaded' },
  { level: 40, worker: 'W-9000-resnet-18_1.0', msg: 'slow' },
];

/** The objects of a JSON log without their times, which each must have. */
function objectsOf(log: string): unknown[] {
  return log
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const { time, ...object }: Record<string, unknown> = JSON.parse(line);
      assert.equal(new Date(String(time)).toISOString(), time);
      return object;
    });
}

function assertFilesOf(logs: string, metrics: string): void {
  assert.deepEqual(fileLines(join(logs, 'access_log.log')), [`- ${access}`]);
  assert.deepEqual(fileLines(join(logs, 'ts_log.log')), serverLines);
  assert.deepEqual(fileLines(join(logs, 'model_log.log')), modelLines);
  assert.deepEqual(fileLines(join(metrics, 'ts_metrics.log')), [`- ${systemMetric}`]);
  assert.deepEqual(fileLines(join(metrics, 'model_metrics.log')), [`- ${modelMetric}`]);
}

suite('with a logLocation', () => {
  test("the lines are in TorchServe's files, and nowhere else", () => {
    assert.deepEqual(run('one of each', inFiles), { status: 0, out: '', err: '' });
    assertFilesOf(inFiles.logLocation, inFiles.logLocation);
    assert.equal(readdirSync(inFiles.logLocation).length, 5);
  });

  test('the lines of metrics may have a folder of their own', () => {
    const metricsLocation = join(folder, 'metrics');
    assert.equal(run('one of each', { ...inFiles, metricsLocation }).status, 0);
    assertFilesOf(inFiles.logLocation, metricsLocation);
    assert.deepEqual(readdirSync(metricsLocation).sort(), ['model_metrics.log', 'ts_metrics.log']);
  });

  test('the console has the same lines, each with its logger', () => {
    const { status, out, err } = run('one of each', { ...inFiles, console: true });
    assert.deepEqual([status, err], [0, '']);
    assert.deepEqual(linesOf(out), consoleLines);
    assertFilesOf(inFiles.logLocation, inFiles.logLocation);
  });

  test('a process that exits without closing has written everything', () => {
    const { status, out, err } = run('exit', { ...inFiles, console: true });
    assert.deepEqual([status, err], [3, '']);
    assert.deepEqual(linesOf(out), consoleLines);
    assertFilesOf(inFiles.logLocation, inFiles.logLocation);
  });

  test('a process that an error ends has written what waited', () => {
    const { status, err } = run('throw', inFiles);
    assert.equal(status, 1);
    assert.match(err, /Error: unexpected/);
    assert.deepEqual(fileLines(join(inFiles.logLocation, 'access_log.log')), [`- ${access}`]);
  });

  test('the log is written as long as its level asks; requests and metrics are always', async () => {
    const logs = await createLogs({ ...inFiles, level: 'silent', accessLog: false });
    assert.deepEqual([logs.accessWanted, logs.metricsWanted], [true, true]);
    logs.log.fatal('not shown');
    logs.systemMetric(systemMetric);
    await logs.close();
    assert.deepEqual(fileLines(join(inFiles.logLocation, 'ts_log.log')), []);
    assert.deepEqual(fileLines(join(inFiles.logLocation, 'ts_metrics.log')), [`- ${systemMetric}`]);
  });

  test('errors are on one line, with their stack', async () => {
    const logs = await createLogs(inFiles);
    const error = new TypeError('two\nlines');
    error.stack = 'TypeError: two\nlines\n    at nowhere';
    logs.log.fatal(error, 'stopping');
    logs.log.info({ level: 'forged', msg: 'forged' });
    await logs.close();
    assert.deepEqual(fileLines(join(inFiles.logLocation, 'ts_log.log')), [
      '[FATAL] main sconce - stopping {"err":{"type":"TypeError","message":"two\\nlines","stack":"TypeError: two\\nlines\\n    at nowhere"}}',
      '[INFO ] main sconce - forged',
    ]);
  });

  test('nothing that is logged makes a line of its own', async () => {
    const hostile = fc.string({
      unit: fc.oneof(
        fc.constantFrom('\n', '\r', '\u0085', '\u2028', '"', ' - ', '2023-07-17T16:55:58,685'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    });
    const values = fc.sample(hostile, 100);
    const logs = await createLogs(inFiles);
    for (const value of values) {
      logs.log.info({ component: value, [value]: value }, value);
      logs.model('info', value, value);
      logs.systemMetric(value);
      logs.modelMetric(value);
      logs.access({
        requestId: value,
        remote: value,
        method: value,
        url: value,
        httpVersion: value,
        status: 200,
        milliseconds: 1,
      });
    }
    await logs.close();
    for (const name of readdirSync(inFiles.logLocation)) {
      const log = readFileSync(join(inFiles.logLocation, name), 'utf8');
      assert.equal(linesOf(log).length, 100, name);
      assert.doesNotMatch(log.replaceAll('\n', ''), /[\p{Cc}\u2028\u2029]/u);
    }
  });

  test('files are put aside at the size that is asked for', async () => {
    const logs = await createLogs({ ...inFiles, rotation: { bytes: 1, files: 5 } });
    logs.modelMetric(modelMetric);
    await logs.close();
    const aside = readdirSync(inFiles.logLocation).filter((name) => name.endsWith('.gz'));
    assert.equal(aside.length, 1);
    assert.match(aside.join(), /^model_metrics\.\d\d-[A-Z][a-z]{2}\.log\.gz$/);
  });

  test('lines that are lost are counted, and told of once on standard error', () => {
    const { status, out, err } = run('no folder', inFiles);
    assert.deepEqual([status, out], [0, '3\n']);
    const path = join(inFiles.logLocation, 'access_log.log');
    assert.deepEqual(objectsOf(err), [
      {
        level: 40,
        msg: `${path}: 3 lines of the log are lost: ENOTDIR: not a directory, stat '${path}'`,
      },
    ]);
  });

  test('a batch that a full disk cuts off is taken back', () => {
    const options = JSON.stringify({ path: join(folder, 'full.log') });
    const child = spawnSync(
      'sh',
      ['-c', 'ulimit -f 16 && exec "$0" "$@"', process.execPath, writer, 'no space', options],
      { encoding: 'utf8' },
    );
    const { written, message } = JSON.parse(child.stdout);
    assert.equal(message, 'no space is left on the disk');
    const lines = readFileSync(join(folder, 'full.log'), 'utf8').split('\n');
    assert.deepEqual(lines.splice(written), ['short', '']);
    assert.ok(written > 0);
    assert.deepEqual(
      lines.map((line) => line.trim()),
      Array.from({ length: written }, (_, i) => String(i)),
    );
  });

  test('closing twice is closing once, and later lines are dropped', async () => {
    const logs = await createLogs(inFiles);
    await Promise.all([logs.close(), logs.close()]);
    logs.modelMetric(modelMetric);
    assert.equal(logs.dropped, 1);
  });
});

suite('on the console alone', () => {
  test("the lines are TorchServe's, and no file is written", () => {
    const { status, out, err } = run('one of each', { ...json, console: true });
    assert.deepEqual([status, err], [0, '']);
    assert.deepEqual(linesOf(out), consoleLines);
  });

  test('the process goes on when nobody reads them', async () => {
    const options = JSON.stringify({ ...json, console: true });
    const child = spawn(process.execPath, [writer, 'nobody reads', options]);
    const [exited, err] = [once(child, 'exit'), text(child.stderr)];
    const closed = once(child.stdout, 'close');
    child.stdout.destroy();
    await closed;
    child.stdin.end();
    const [status] = await exited;
    assert.equal(status, 0);
    assert.deepEqual(objectsOf(await err), [
      {
        level: 40,
        msg: 'standard output: 7 lines of the log are lost: EPIPE: broken pipe, write',
      },
    ]);
  });
});

suite('without a logLocation', () => {
  test('the log is JSON on standard error', () => {
    const { status, out, err } = run('one of each', json);
    assert.deepEqual([status, out], [0, '']);
    assert.deepEqual(objectsOf(err), jsonLines);
  });

  test('a process that exits without closing has written everything', () => {
    const { status, err } = run('exit', json);
    assert.equal(status, 3);
    assert.deepEqual(objectsOf(err), jsonLines);
  });

  test('requests are in it only when they are asked for, at a level that shows them', async () => {
    const { err } = run('one of each', { ...json, accessLog: false });
    assert.deepEqual(
      objectsOf(err),
      jsonLines.filter(({ msg }) => msg !== 'request'),
    );
    for (const [level, accessLog, wanted] of [
      ['info', true, true],
      ['debug', true, true],
      ['warn', true, false],
      ['silent', true, false],
      ['info', false, false],
    ] as const) {
      const logs = await createLogs({ ...json, level, accessLog });
      assert.deepEqual([logs.accessWanted, logs.metricsWanted], [wanted, false]);
      await logs.close();
    }
  });

  test('silent is nothing', () => {
    const silent = { ...json, level: 'silent' };
    assert.deepEqual(run('one of each', silent), { status: 0, out: '', err: '' });
  });

  test('the lines of metrics have files when metricsLocation is given', () => {
    const { err } = run('one of each', { ...json, metricsLocation: folder });
    assert.deepEqual(objectsOf(err), jsonLines);
    assert.deepEqual(readdirSync(folder).sort(), ['model_metrics.log', 'ts_metrics.log']);
    assert.deepEqual(fileLines(join(folder, 'ts_metrics.log')), [`- ${systemMetric}`]);
    assert.deepEqual(fileLines(join(folder, 'model_metrics.log')), [`- ${modelMetric}`]);
  });
});

suite('createLogs() refuses', () => {
  test('a logLocation that cannot be made', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await assert.rejects(
      createLogs({ ...json, logLocation: join(file, 'logs') }),
      new SconceError(
        'INVALID_CONFIGURATION',
        `logLocation: access_log.log cannot be written in ${file}/logs: ENOTDIR: not a directory, mkdir '${file}/logs'. Make the folder writable, or name another with --log-location or LOG_LOCATION.`,
      ),
    );
  });

  test('a metricsLocation that is a file, and leaves the logs closed', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await assert.rejects(
      createLogs({ ...inFiles, metricsLocation: file }),
      new SconceError(
        'INVALID_CONFIGURATION',
        `metricsLocation: ts_metrics.log cannot be written in ${file}: EEXIST: file already exists, mkdir '${file}'. Make the folder writable, or name another with METRICS_LOCATION.`,
      ),
    );
    assert.equal(process.listeners('exit').filter(({ name }) => name === 'flushNow').length, 0);
  });
});
