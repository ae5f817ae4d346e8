import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { valueDigest } from '../../src/plans/file-digest.js';
import { PlanCache, userCacheFolder } from '../../src/plans/plan-cache.js';
import type { PlanRecord } from '../../src/plans/plan-record.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const record: PlanRecord = {
  chosen: {
    freeze: true,
    optimize: true,
    channelsLast: false,
    precision: 'float32',
    graphs: false,
    instances: 2,
    intraOpThreads: 1,
    rows: 8,
  },
  speedup: { ratio: 1.4, over: 'plain' },
  source: 'measured',
  measuredAt: '2026-01-02T03:04:05.006Z',
  seconds: 1.5,
  inputs: [{ dtype: 'float32', dims: [64] }],
  tried: [],
  notes: [],
};

const key = valueDigest('a model');

suite('plans on disk', () => {
  test('are found again, as from the cache', async () => {
    using temporary = new TemporaryFolder();
    const cache = new PlanCache(join(temporary.path, 'new', 'plans'));
    assert.equal(await cache.read(key), undefined);
    await cache.write(key, record);
    assert.deepEqual(await cache.read(key), { ...record, source: 'cache' });
    assert.equal(await cache.read(valueDigest('another')), undefined);
    assert.deepEqual(readdirSync(cache.folder), [`${key}.json`]);
  });

  test('are passed over when they are damaged or foreign, and written anew', async () => {
    using temporary = new TemporaryFolder();
    const cache = new PlanCache(temporary.path);
    await cache.write(key, record);
    const path = join(temporary.path, `${key}.json`);
    const good = JSON.parse(readFileSync(path, 'utf8'));
    const contents = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      // One value that is not what it should be, or a file cut short.
      fc
        .tuple(fc.constantFrom('format', 'key', 'record'), fc.jsonValue())
        .map(([name, value]) => JSON.stringify({ ...good, [name]: value })),
      fc
        .tuple(fc.constantFrom(...Object.keys(record)), fc.constantFrom(null, -1, 'x', [0]))
        .filter(([name]) => !['speedup', 'notes', 'tried', 'inputs'].includes(name))
        .filter(([name, value]) => !(name === 'measuredAt' && value === 'x'))
        .map(([name, value]) =>
          JSON.stringify({ ...good, record: { ...good.record, [name]: value } }),
        ),
      fc.nat(JSON.stringify(good).length - 1).map((end) => JSON.stringify(good).slice(0, end)),
    );
    await fc.assert(
      fc.asyncProperty(contents, async (content) => {
        writeFileSync(path, content);
        assert.equal(await cache.read(key), undefined);
      }),
      { numRuns: 300 },
    );
    await cache.write(key, record);
    assert.deepEqual(await cache.read(key), { ...record, source: 'cache' });
  });

  test('of another key are not taken, whatever their name', async () => {
    using temporary = new TemporaryFolder();
    const cache = new PlanCache(temporary.path);
    await cache.write(key, record);
    const other = valueDigest('another');
    writeFileSync(
      join(temporary.path, `${other}.json`),
      readFileSync(join(temporary.path, `${key}.json`)),
    );
    assert.equal(await cache.read(other), undefined);
  });

  test('may be written by many at the same time', async () => {
    using temporary = new TemporaryFolder();
    const caches = Array.from({ length: 8 }, () => new PlanCache(temporary.path));
    await Promise.all(
      caches.flatMap((cache, i) =>
        Array.from({ length: 8 }, (_, j) =>
          cache.write(valueDigest(j), { ...record, seconds: i }).then(() => cache.read(key)),
        ),
      ),
    );
    const names = readdirSync(temporary.path);
    assert.equal(names.length, 8);
    for (let j = 0; j < 8; j += 1) {
      assert.equal((await caches[0]?.read(valueDigest(j)))?.source, 'cache');
    }
  });

  test('are bounded in number: those that were used longest ago go, and nothing else', async () => {
    using temporary = new TemporaryFolder();
    const cache = new PlanCache(temporary.path);
    const old = (name: string, seconds: number): void => {
      writeFileSync(join(temporary.path, name), '{}');
      utimesSync(join(temporary.path, name), seconds, seconds);
    };
    for (let i = 0; i < 300; i += 1) old(`${valueDigest(i)}.json`, 1000 + i);
    old('notes.json', 1);
    const part = `${key}.json.00000000-0000-0000-0000-000000000000.part`;
    old(part, 1);
    await cache.write(key, record);
    const left = new Set(readdirSync(temporary.path));
    assert.equal(left.size, 257);
    assert.ok(left.has('notes.json') && left.has(`${key}.json`) && !left.has(part));
    assert.ok(left.has(`${valueDigest(299)}.json`) && !left.has(`${valueDigest(0)}.json`));
  });

  test('that cannot be written are an error of whoever writes them', async () => {
    using temporary = new TemporaryFolder();
    const file = join(temporary.path, 'file');
    writeFileSync(file, '');
    const cache = new PlanCache(join(file, 'plans'));
    await assert.rejects(cache.write(key, record), { code: 'ENOTDIR' });
    assert.equal(await cache.read(key), undefined);
  });

  test('are refused at once by a file system in which nothing can be made', async (t) => {
    if (!existsSync('/proc/self')) return t.skip('no /proc here');
    await assert.rejects(new PlanCache('/proc/new/plans').write(key, record), { code: 'ENOENT' });
  });
});

test("the user's folder is where the system keeps such things", () => {
  const folder = (environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): string =>
    userCacheFolder(environment, platform, '/home/one');
  assert.equal(folder({}, 'linux'), '/home/one/.cache/sconce');
  assert.equal(folder({}, 'darwin'), '/home/one/Library/Caches/sconce');
  assert.equal(folder({ XDG_CACHE_HOME: '/cache' }, 'linux'), '/cache/sconce');
});
