import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { looksLikeTorchScript } from '../../src/archive/write-torchscript.js';
import { writeZip } from '../../src/archive/write-zip.js';
import { fixture } from '../support/paths.js';
import { Workshop } from './write-workshop.js';

for (const name of ['linear', 'pair', 'dictionary']) {
  test(`${name}.pt is TorchScript`, async () => {
    assert.equal(await looksLikeTorchScript(fixture(name)), true);
  });
}

/** A zip whose members have these names. */
async function zipOf(shop: Workshop, ...names: string[]): Promise<string> {
  const path = `${shop.path}/weights.pt`;
  const file = { path: shop.file('x', ''), size: 0, mode: 0o100644, modified: new Date() };
  const members = names.map((name) => ({ name, ...file }));
  const manifest = { text: '', created: new Date() };
  await writeZip(path, members, manifest, { deflate: false, signal: undefined });
  return path;
}

test('a zip with code or constants in its folder is TorchScript', async () => {
  for (const name of ['model/code/__torch__.py', 'model/constants.pkl']) {
    await using shop = new Workshop();
    assert.equal(await looksLikeTorchScript(await zipOf(shop, 'model/data.pkl', name)), true);
  }
});

test('a state dictionary is not TorchScript', async () => {
  await using shop = new Workshop();
  const path = await zipOf(shop, 'archive/data.pkl', 'archive/data/0', 'constants.pkl', 'code/x');
  assert.equal(await looksLikeTorchScript(path), false);
});

test('what is no zip, or half of one, is not TorchScript', async () => {
  await using shop = new Workshop();
  const half = readFileSync(fixture('linear')).subarray(0, 1000);
  for (const path of [shop.file('t', 'text'), shop.file('h', half), shop.file('e', ''), '/none']) {
    assert.equal(await looksLikeTorchScript(path), false);
  }
});
