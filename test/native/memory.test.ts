import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { alphaModel, fixture, OpenModel } from './open-model.js';

const linux = existsSync('/proc/self/status');

function residentMegabytes(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}

/** Loads a model, runs it, and unloads it. */
async function cycle(
  path: string,
  width: number,
  freeze: boolean,
  optimize = false,
): Promise<OpenModel> {
  const model = await OpenModel.load(path, { freeze, optimize, instances: 2 });
  await model.warmUp([width], [1, 4]);
  const slab = model.addSlab([{ dtype: 'float32', dims: [width] }], 1);
  slab.put(Array(width).fill(1));
  const { errors } = await model.run(slab);
  assert.equal(errors, undefined);
  await model.close();
  return model;
}

describe('the memory of a model that was unloaded', { skip: !linux }, () => {
  for (const [plan, freeze, optimize] of [
    ['frozen', true, false],
    ['plain', false, false],
    ['optimised', true, true],
  ] as const) {
    // One copy of the weights is a third of a megabyte: 250 that stayed would be 80.
    // What the collector has not yet collected varies by less than 10.
    test(`300 times loaded ${plan}: nothing stays behind`, async () => {
      for (let i = 0; i < 50; i += 1) await cycle(alphaModel, 64, freeze, optimize);
      const before = residentMegabytes();
      for (let i = 0; i < 250; i += 1) await cycle(alphaModel, 64, freeze, optimize);
      const growth = residentMegabytes() - before;
      assert.ok(growth < 20, `grew by ${growth} MiB`);
    });
  }

  test('64 MiB of weights are back when it is closed, without a collection of garbage', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sconce-'));
    try {
      const path = join(folder, 'wide.pt');
      writeFileSync(path, gunzipSync(readFileSync(fixture('wide.pt.gz'))));
      const held = [await cycle(path, 4096, true)];
      const before = residentMegabytes();
      for (let i = 0; i < 5; i += 1) held.push(await cycle(path, 4096, i % 2 === 0));
      const growth = residentMegabytes() - before;
      assert.equal(held.length, 6);
      assert.ok(growth < 32, `grew by ${growth} MiB`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
