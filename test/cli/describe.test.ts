import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Value } from 'typebox/value';
import { modelDescriptionSchema } from '../../src/http/model-description.js';
import { CliProcess, freePorts, ready } from '../support/cli-process.js';
import { alphaModel, fixture } from '../support/paths.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  await using process = new CliProcess(['describe', ...args]);
  const { code } = await process.exit;
  return { code, out: process.stdout, err: process.stderr };
}

suite('sconce describe', () => {
  test('says what a model takes and returns, and searches for nothing', async () => {
    const { code, out, err } = await run(alphaModel, '--device', 'cpu');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^Model: +alpha_model 1\.0$/m);
    assert.match(out, /^Inputs: +features: float32\[n, 64\]$/m);
    assert.doesNotMatch(out, /plan of/);
  });

  test('with --plan shows every way that was tried, and remembers what was chosen', async () => {
    using cache = new TemporaryFolder();
    const flags = [alphaModel, '--plan', '--device', 'cpu', '--plan-cache', cache.path];
    const { code, out } = await run(...flags);
    assert.equal(code, 0);
    assert.match(out, /^plan of alpha_model 1\.0: .+ \(\d+ ways tried in \d+\.\d s\)$/m);
    assert.match(out, /^ +way +ms for 8 rows +rows\/s +deviation$/m);
    for (const way of ['plain', 'frozen', 'optimised']) {
      assert.match(out, new RegExp(`^[* ] +${way}, 1 instance × \\d+ threads? +\\d`, 'm'));
    }
    const again = await run(...flags, '--json');
    const [, described]: [unknown, unknown] = ['', JSON.parse(again.out)];
    assert.ok(Value.Check(modelDescriptionSchema, described));
    assert.notEqual(described.sconce.plan, undefined);
  });

  test('ends although a batch that was tried does not', async () => {
    using folder = new TemporaryFolder();
    const model = join(folder.path, 'endless.pt');
    copyFileSync(fixture('endless'), model);
    writeFileSync(join(folder.path, 'endless.yaml'), 'inputs: [{name: x, shape: [3]}]\n');
    const flags = ['--plan', '--plan-time', '0.1', '--plan-cache', folder.path, '--device', 'cpu'];
    const { code, out } = await run(model, ...flags);
    assert.equal(code, 0);
    assert.match(out, /^Note: no plan was chosen: a batch has not ended within/m);
  });

  test('asks a server for what it serves', async () => {
    await using server = new CliProcess([
      ...['serve', '--models', `alpha=${alphaModel}`, '--device', 'cpu'],
      ...freePorts,
    ]);
    const { management } = await ready(server);
    const flags = ['--management-address', management];
    const { code, out } = await run('alpha', '--plan', ...flags);
    assert.equal(code, 0);
    assert.match(out, /^Model: +alpha 1\.0$/m);
    assert.match(out, /^Plan: none was searched for/m);
    const missing = await run('beta', ...flags);
    assert.equal(missing.code, 1);
    assert.match(missing.err, /answered 404: .*beta/s);
  });

  test('says what is wrong with a model, in one message', async () => {
    for (const [model, why] of [
      [fixture('broken/text'), /cannot be loaded/],
      ['/no/such/model.pt', /no\/such\/model\.pt/],
    ] as const) {
      const { code, out, err } = await run(model, '--plan', '--device', 'cpu');
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, why);
      assert.doesNotMatch(err, /^ +at /m);
    }
  });
});
