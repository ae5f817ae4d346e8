import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Logs } from '../../../src/logging/logs.js';
import { parseMetricsConfiguration } from '../../../src/metrics/configuration.js';
import { Metrics } from '../../../src/metrics/metrics.js';
import { until } from '../../support/condition.js';
import { json } from '../../support/http-client.js';
import { createLog } from '../../support/log.js';
import { startServer } from '../../support/server.js';
import { handled } from './handled.js';

/** Logs that keep what models print. */
function listening(): { lines: string[]; logs: Logs } {
  const lines: string[] = [];
  const logs: Logs = {
    log: createLog('silent'),
    accessWanted: false,
    access: () => {},
    model: (level, _worker, line) => lines.push(`${level} ${line}`),
    metricsWanted: false,
    systemMetric: () => {},
    modelMetric: () => {},
    dropped: 0,
    close: async () => {},
  };
  return { lines, logs };
}

const row = 'preprocess(request, context) { context.row().set([1, 2]); }';

suite('what a handler prints', () => {
  test('is logged line by line, errors as warnings', async () => {
    const { lines, logs } = listening();
    const code = `export class Own extends BaseHandler {
      initialize() { console.log('made'); }
      ${row}
      postprocess(outputs, request) {
        console.log('one\\ntwo', { a: 1 });
        console.error('wrong');
        process.stdout.write('without');
        process.stdout.write(' a break\\n');
        return 'done';
      }
    }`;
    await using server = await startServer([handled('double', code)], {}, { logs });
    assert.equal((await server.client.predict('double', {})).text, 'done');
    await until(() => lines.length === 5);
    assert.deepEqual(lines, [
      'info made',
      'info one',
      'info two { a: 1 }',
      'warn wrong',
      'info without a break',
    ]);
  });

  test('is dropped and counted when it comes faster than it can be logged', async () => {
    const { lines, logs } = listening();
    const code = `export class Own extends BaseHandler {
      ${row}
      postprocess() {
        for (let i = 0; i < 10_000; i += 1) console.log('line', i);
        return 'done';
      }
    }`;
    await using server = await startServer([handled('double', code)], {}, { logs });
    assert.equal((await server.client.predict('double', {})).text, 'done');
    await until(() => lines.some((line) => line.startsWith('warn')));
    const kept = lines.filter((line) => line.startsWith('info line ')).length;
    const [, dropped] = /^warn (\d+) more lines/.exec(lines.at(-1) ?? '') ?? [];
    assert.equal(kept + Number(dropped), 10_000);
  });

  test('and what it throws, with the place in its code', async () => {
    const { lines, logs } = listening();
    const code = `export class Own extends BaseHandler {
      preprocess() { throw new RangeError('as asked'); }
    }`;
    await using server = await startServer([handled('double', code)], {}, { logs });
    await server.client.predict('double', {});
    assert.match(lines[0] ?? '', /^warn \S+: RangeError: as asked$/);
    assert.match(lines[1] ?? '', /^warn \S+: +at Own\.preprocess \(file:.*handler\.mjs:3:\d+\)$/);
  });
});

suite('a handler’s metrics', () => {
  test('are counted with the others, and a wrong one is logged', async () => {
    const configuration = parseMetricsConfiguration(
      'model_metrics:\n  counter:\n    - {name: Words, unit: count, dimensions: [ModelName, Level]}\n',
      'metrics.yaml',
    );
    const metrics = new Metrics({ mode: 'prometheus', configuration, hostname: 'vm' });
    const { lines, logs } = listening();
    const code = `export class Own extends BaseHandler {
      ${row}
      postprocess(outputs, request, context) {
        context.metrics.addCounter('Words', 2);
        context.metrics.addCounter('Words', -1);
        return 'done';
      }
    }`;
    await using server = await startServer([handled('double', code)], {}, { metrics, logs });
    for (let i = 0; i < 3; i += 1) await server.client.predict('double', {});
    assert.match(await metrics.text(), /^Words\{ModelName="double",Level="Model",.*\} 6\.0$/m);
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? '', /^warn .*Words/);
  });
});

suite('a handler of the management API', () => {
  test('describes its model', async () => {
    const code = `export class Own extends BaseHandler {
      describe() { return { ...super.describe(), language: 'none' }; }
    }`;
    await using server = await startServer([handled('double', code)]);
    assert.deepEqual(await server.service.version('double').describe(), {
      inputs: [{ name: 'x', dtype: 'float32', shape: [2] }],
      language: 'none',
    });
    const reply = await server.client.predict('double', [1, 2]);
    assert.deepEqual(json(reply), [3, 5]);
  });

  test('shows why none of its threads runs', async () => {
    const code = `let made = 0;
    import { existsSync, writeFileSync } from 'node:fs';
    export class Own extends BaseHandler {
      initialize({ systemProperties }) {
        const mark = systemProperties.model_dir + '/made';
        if (existsSync(mark)) throw new Error('not again');
        writeFileSync(mark, '');
      }
      preprocess() { process.exit(1); }
    }`;
    await using server = await startServer([handled('double', code)], { handlerThreads: 1 });
    const version = server.service.version('double');
    assert.equal(version.failure, undefined);
    assert.equal((await server.client.predict('double', [1, 2])).status, 500);
    await until(() => version.failure?.reason?.startsWith('not again') === true);
  });
});
