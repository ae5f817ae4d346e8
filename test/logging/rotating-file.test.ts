import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { RotatingFile } from '../../src/logging/rotating-file.js';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function dayOf(date: Date): string {
  return `${String(date.getDate()).padStart(2, '0')}-${months[date.getMonth()]}`;
}

suite('RotatingFile', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sconce-logs-'));
    path = join(folder, 'access_log.log');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const open = (bytes = 1000, files = 5): Promise<RotatingFile> =>
    RotatingFile.open(folder, 'access_log.log', { bytes, files });

  /** Names without the list of what was put aside. */
  const names = (): string[] =>
    readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort();

  const unzipped = (name: string): string =>
    gunzipSync(readFileSync(join(folder, name))).toString();

  test('appends to what is there', async () => {
    writeFileSync(path, 'old\n');
    const file = await open();
    await file.append('new\n');
    await file.append('é\n');
    await file.close();
    await file.close();
    assert.equal(readFileSync(path, 'utf8'), 'old\nnew\né\n');
    assert.deepEqual(readdirSync(folder), ['access_log.log']);
  });

  test('writes at once when the process exits', async () => {
    const file = await open();
    await file.append('a\n');
    file.appendNow('b\n');
    assert.equal(readFileSync(path, 'utf8'), 'a\nb\n');
    await file.close();
  });

  test('puts a full file aside, compressed and named for the day', async () => {
    const file = await open(10);
    const before = dayOf(new Date());
    await file.append('123456789\n');
    await file.append('a\n');
    await file.append('987654321\n');
    await file.close();
    const today = before === dayOf(new Date()) ? before : names().join();
    assert.deepEqual(names(), [
      `access_log.${today}.2.log.gz`,
      `access_log.${today}.log.gz`,
      'access_log.log',
    ]);
    assert.equal(unzipped(`access_log.${today}.log.gz`), '123456789\n');
    assert.equal(unzipped(`access_log.${today}.2.log.gz`), 'a\n987654321\n');
    assert.equal(readFileSync(path, 'utf8'), '');
  });

  test('keeps as many as it is told, also those of an earlier run', async () => {
    for (let run = 0; run < 3; run += 1) {
      const file = await open(3, 3);
      for (let i = 0; i < 2; i += 1) await file.append(`${run}${i}\n`);
      await file.close();
    }
    const archives = names().filter((name) => name.endsWith('.gz'));
    assert.deepEqual(archives.map(unzipped).sort(), ['11\n', '20\n', '21\n']);
  });

  test('puts the file of an earlier day aside under that day when it opens', async () => {
    const earlier = new Date(Date.now() - 3 * 24 * 3600 * 1000);
    writeFileSync(path, 'earlier\n');
    utimesSync(path, earlier, earlier);
    const file = await open();
    await file.append('now\n');
    await file.close();
    const archive = `access_log.${dayOf(earlier)}.log.gz`;
    assert.deepEqual(names(), [archive, 'access_log.log']);
    assert.equal(unzipped(archive), 'earlier\n');
    assert.equal(readFileSync(path, 'utf8'), 'now\n');
  });

  test('makes a file that was deleted again, with its folder', async () => {
    const file = await open();
    await file.append('a\n');
    rmSync(path);
    await file.append('b\n');
    assert.equal(readFileSync(path, 'utf8'), 'b\n');
    rmSync(folder, { recursive: true });
    await file.append('c\n');
    await file.close();
    assert.equal(readFileSync(path, 'utf8'), 'c\n');
  });

  test('leaves a file that was moved away', async () => {
    const file = await open();
    await file.append('a\n');
    renameSync(path, join(folder, 'moved'));
    appendFileSync(path, 'foreign\n');
    await file.append('b\n');
    await file.close();
    assert.equal(readFileSync(join(folder, 'moved'), 'utf8'), 'a\n');
    assert.equal(readFileSync(path, 'utf8'), 'foreign\nb\n');
  });

  test('rejects while it cannot write, and goes on when it can', async () => {
    const file = await open();
    rmSync(path);
    mkdirSync(path);
    for (let i = 0; i < 2; i += 1) {
      await assert.rejects(file.append('lost\n'), {
        message: `Can't write on: ${path} (it is not a file)`,
      });
    }
    rmSync(path, { recursive: true });
    await file.append('a\n');
    await file.close();
    assert.equal(readFileSync(path, 'utf8'), 'a\n');
  });

  test('leaves nothing half compressed when it cannot put a file aside', async () => {
    const file = await open(10);
    mkdirSync(join(folder, '.access_log.log.history'));
    // The list of what was put aside cannot be written: what was compressed is all there is.
    await assert.rejects(file.append('123456789\n'), { code: 'EISDIR' });
    rmSync(join(folder, '.access_log.log.history'), { recursive: true });
    await file.append('a\n');
    await file.close();
    const [archive = ''] = names();
    assert.equal(unzipped(archive), '123456789\n');
    assert.equal(readFileSync(path, 'utf8'), 'a\n');
  });

  test('rejects when it cannot open', async () => {
    mkdirSync(path);
    await assert.rejects(open(), { message: `Can't write on: ${path} (it is not a file)` });
  });
});
