import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { splitModelEntries } from '../../src/config/model-entries.js';

suite('entries of models', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sconce-entries-'));
  for (const name of ['a,b.pt', 'a', 'x,y,z.pt', 'k=v,w.pt']) writeFileSync(join(folder, name), '');
  after(() => rmSync(folder, { recursive: true }));
  const split = (...given: string[]) => splitModelEntries(given, ['/no/such', folder]);

  test('are split at commas', () => {
    assert.deepEqual(split('m=m.pt,n=n.pt', ' p , q', 'all'), [
      'm=m.pt',
      'n=n.pt',
      'p',
      'q',
      'all',
    ]);
    assert.deepEqual(split(',', '', ',m,,n,'), ['m', 'n']);
    assert.deepEqual(split('http://h/a.mar?x=1,http://h/b.mar'), [
      'http://h/a.mar?x=1',
      'http://h/b.mar',
    ]);
  });

  test('are not split inside a path that exists', () => {
    assert.deepEqual(split('a,b.pt'), ['a,b.pt']);
    assert.deepEqual(split('name=a,b.pt'), ['name=a,b.pt']);
    assert.deepEqual(split(join(folder, 'a,b.pt')), [join(folder, 'a,b.pt')]);
    assert.deepEqual(split('m,name=x,y,z.pt,n'), ['m', 'name=x,y,z.pt', 'n']);
    assert.deepEqual(split('a,b.pt,a,c'), ['a,b.pt', 'a', 'c']);
    assert.deepEqual(split('n=k=v,w.pt'), ['n=k=v,w.pt']);
    assert.deepEqual(split('x,y'), ['x', 'y']);
  });

  test('with a folder on either side of a comma are split', () => {
    assert.deepEqual(split('a,'), ['a']);
    assert.deepEqual(split('a,.'), ['a', '.']);
  });
});
