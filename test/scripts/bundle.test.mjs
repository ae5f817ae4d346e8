import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { entries } from '../../scripts/bundle.mjs';
import { listFiles } from '../../scripts/lib/files.mjs';
import { root } from '../../scripts/lib/root.mjs';

const source = join(root, 'src');

/** Modules that a module names by a path from its own place, other than by importing them. */
function namedModules(path) {
  const text = readFileSync(path, 'utf8');
  const urls = text.matchAll(/new URL\(\s*'(\.[^']+\.js)',\s*import\.meta\.url/g);
  const handlers = text.matchAll(/module: '(\.[^']+\.js)'/g);
  return [...urls, ...handlers].map(([, name]) =>
    relative(source, join(dirname(path), name)).replace(/\.js$/, ''),
  );
}

test('every module that is loaded by its URL is in the bundle by its name', () => {
  const named = new Set(listFiles(source, ['.ts']).flatMap(namedModules));
  for (const name of ['workers/entry', 'handlers/vision/image-classifier']) {
    assert.ok(named.has(name), name);
  }
  assert.deepEqual(
    [...named].filter((name) => !entries.includes(name)),
    [],
  );
});
