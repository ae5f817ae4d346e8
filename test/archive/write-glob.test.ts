import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { isPattern, pythonGlob } from '../../src/archive/write-glob.js';
import { python, withoutModule } from './write-python.js';
import { Workshop } from './write-workshop.js';

/** Names with what patterns and the shells and packages around them give a meaning. */
const names = [
  ...['a.txt', 'b.txt', 'é.txt', '😀.txt', '.dot', '-.txt', '].txt', '[.txt', '^.txt', '!.txt'],
  ...['{a,b}', '(p)', '@(a)', '+x', 'a\\b', 'a\nb', 's p', 'sub/c.txt', 'sub/.h/i', '.hid/a.txt'],
  ...['x[1]/in', 'x1/in'],
];

let shop: Workshop;
before(() => {
  shop = new Workshop();
  for (const name of names) shop.file(name, '');
  symlinkSync('sub', join(shop.path, 'link'));
  symlinkSync('nowhere', join(shop.path, 'dangling'));
});
after(() => shop[Symbol.asyncDispose]());

/** What matches below the folder. */
async function matches(pattern: string): Promise<string[]> {
  const found = await pythonGlob(`${shop.path}/${pattern}`);
  return found.map((path) => path.slice(shop.path.length + 1));
}

suite('a pattern', () => {
  for (const [pattern, expected] of [
    ['?.txt', ['!.txt', '-.txt', '[.txt', '].txt', '^.txt', 'a.txt', 'b.txt', 'é.txt', '😀.txt']],
    ['[ab].txt', ['a.txt', 'b.txt']],
    ['[a-b].txt', ['a.txt', 'b.txt']],
    ['[b-a].txt', []],
    ['[!a-zé😀].txt', ['!.txt', '-.txt', '[.txt', '].txt', '^.txt']],
    ['[^a].txt', ['^.txt', 'a.txt']],
    ['[]].txt', ['].txt']],
    ['[[].txt', ['[.txt']],
    ['[a-].txt', ['-.txt', 'a.txt']],
    ['x[1]/*', ['x1/in']],
    ['x[[]1]/*', ['x[1]/in']],
    ['{a,b}*', ['{a,b}']],
    ['@(*', ['@(a)']],
    ['a\\*', ['a\\b']],
    ['a?b', ['a\nb', 'a\\b']],
    ['.*', ['.dot', '.hid']],
    ['**/c.txt', ['link/c.txt', 'sub/c.txt']],
    ['*/', ['link/', 'sub/', 'x1/', 'x[1]/']],
    ['l*', ['link']],
    ['dang*', ['dangling']],
    ['*/../a.tx?', ['link/../a.txt', 'sub/../a.txt', 'x1/../a.txt', 'x[1]/../a.txt']],
    ['none*', []],
    ['a.txt/*', []],
  ] as const) {
    test(`${JSON.stringify(pattern)} matches ${JSON.stringify(expected)}`, async () => {
      assert.deepEqual(await matches(pattern), expected);
    });
  }

  test('is a path with a star, a question mark or closed brackets', () => {
    assert.deepEqual(['*', 'a?', '[]', 'a[b]c', '[', 'a]b[', '{a}', '\\'].map(isPattern), [
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test('of many stars is matched without trying their combinations', async () => {
    shop.file(`stars/${'a'.repeat(200)}`, '');
    assert.deepEqual(await matches(`stars/${'*a'.repeat(60)}b`), []);
    assert.deepEqual(await matches(`stars/${'*'.repeat(200)}`), [`stars/${'a'.repeat(200)}`]);
  });

  test('relative to the working folder is found there', async () => {
    assert.deepEqual(await pythonGlob('package.jso?'), ['package.json']);
    assert.deepEqual(await pythonGlob('./package.jso?'), ['./package.json']);
    assert.deepEqual(await pythonGlob('test/[a]rchive/write-glob*'), [
      'test/archive/write-glob.test.ts',
    ]);
  });

  test("matches what Python's glob does", { skip: withoutModule('glob') }, async () => {
    const part = fc.stringMatching(/^[ab.*?[\]!^\-\\{é😀sx1]{1,6}$/u);
    const patterns = fc.sample(
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
      { numRuns: 2000, seed: 1 },
    );
    const script =
      'import glob, json, sys\nprint(json.dumps([sorted(glob.glob(p)) for p in json.load(sys.stdin)]))';
    const full = patterns.map((pattern) => `${shop.path}/${pattern}`);
    const input = JSON.stringify(full);
    const expected: unknown = JSON.parse(
      execFileSync(python, ['-c', script], { input, encoding: 'utf8' }),
    );
    assert.ok(Array.isArray(expected));
    for (const [i, pattern] of full.entries()) {
      assert.deepEqual((await pythonGlob(pattern)).sort(byCodePoint), expected[i], pattern);
    }
  });
});

/** Python's order. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
