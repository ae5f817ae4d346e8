import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { LineBuffer } from '../../src/logging/line-buffer.js';
import type { LineSink } from '../../src/logging/line-sink.js';
import { until } from '../support/condition.js';

/** A disk that can be slow, or broken. */
class Disk implements LineSink {
  readonly name = 'disk';
  readonly writes: string[] = [];
  broken = false;
  closed = false;
  #slow: Promise<void> | undefined;
  #wake = (): void => {};

  get text(): string {
    return this.writes.join('');
  }

  stall(): void {
    this.resume();
    this.#slow = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  resume(): void {
    this.#slow = undefined;
    this.#wake();
    this.#wake = () => {};
  }

  async append(lines: string): Promise<void> {
    assert.ok(!this.closed);
    await this.#slow;
    this.appendNow(lines);
  }

  appendNow(lines: string): void {
    if (this.broken) throw new Error('ENOSPC: no space left on device');
    this.writes.push(lines);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

suite('LineBuffer', () => {
  let disk: Disk;
  let reports: string[];
  let buffer: LineBuffer;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    disk = new Disk();
    reports = [];
    buffer = new LineBuffer(disk, (message) => reports.push(message));
  });

  afterEach(() => mock.timers.reset());

  test('writes in one piece what came within a second', async () => {
    buffer.write('a\n');
    mock.timers.tick(600);
    buffer.write('b\n');
    mock.timers.tick(399);
    assert.deepEqual(disk.writes, []);
    mock.timers.tick(1);
    await until(() => disk.writes.length === 1);
    buffer.write('c\n');
    mock.timers.tick(1000);
    await until(() => disk.writes.length === 2);
    assert.deepEqual(disk.writes, ['a\nb\n', 'c\n']);
  });

  test('writes a full batch at once', async () => {
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 63; i += 1) buffer.write(line);
    await nextTurn();
    await nextTurn();
    assert.deepEqual(disk.writes, []);
    buffer.write(line);
    await until(() => disk.writes.length === 1);
    assert.deepEqual(disk.writes, [line.repeat(64)]);
  });

  test('writes at the end of the turn what is in a hurry, also behind a slow write', async () => {
    disk.stall();
    buffer.write('a\n');
    buffer.flushSoon();
    assert.deepEqual(disk.writes, []);
    await nextTurn();
    buffer.write('b\n');
    buffer.flushSoon();
    buffer.write('c\n');
    disk.resume();
    await until(() => disk.writes.length === 2);
    assert.deepEqual(disk.writes, ['a\n', 'b\nc\n']);
  });

  test('writes everything before it has closed, in order', async () => {
    disk.stall();
    buffer.write('a\n');
    buffer.flushSoon();
    await nextTurn();
    buffer.write('b\n');
    const closed = buffer.close();
    assert.equal(buffer.close(), closed);
    disk.resume();
    await closed;
    assert.deepEqual([disk.text, disk.closed, buffer.dropped], ['a\nb\n', true, 0]);
    assert.deepEqual(reports, []);
  });

  test('drops and counts what comes after it has closed', async () => {
    await buffer.close();
    buffer.write('a\n');
    buffer.flushSoon();
    await nextTurn();
    assert.deepEqual([disk.text, buffer.dropped], ['', 1]);
  });

  test('writes at once when the process exits', () => {
    buffer.write('a\n');
    buffer.flushSoon();
    buffer.flushNow();
    assert.equal(disk.text, 'a\n');
    buffer.flushNow();
    disk.broken = true;
    buffer.write('b\n');
    buffer.flushNow();
    assert.deepEqual(disk.writes, ['a\n']);
  });

  test('holds 16 MiB while the disk is slow, then drops and counts', async () => {
    const line = `${'x'.repeat(2 ** 20 - 1)}\n`;
    disk.stall();
    buffer.write('first\n');
    buffer.flushSoon();
    await nextTurn();
    for (let i = 0; i < 19; i += 1) buffer.write(line);
    assert.equal(buffer.dropped, 3);
    assert.deepEqual(reports, [
      'disk: 1 lines of the log are lost: they come faster than they can be written',
    ]);
    disk.resume();
    await until(() => disk.writes.length === 17);
    buffer.write('last\n');
    await buffer.close();
    assert.equal(disk.text, `first\n${line.repeat(16)}last\n`);
    assert.deepEqual(reports.slice(1), [
      'disk: 3 lines of the log are lost: they come faster than they can be written',
    ]);
  });

  test('drops what could not be written, tries again after five seconds, and tells once', async () => {
    disk.broken = true;
    for (const line of ['a\n', 'b\n']) buffer.write(line);
    buffer.flushSoon();
    await until(() => buffer.dropped === 2);
    for (let i = 0; i < 3; i += 1) {
      buffer.write('c\n');
      mock.timers.tick(5000);
      await until(() => buffer.dropped === 3 + i);
    }
    disk.broken = false;
    buffer.write('d\n');
    buffer.flushSoon();
    mock.timers.tick(4999);
    await nextTurn();
    assert.equal(disk.text, '');
    mock.timers.tick(1);
    await until(() => disk.text === 'd\n');
    buffer.write('e\n');
    buffer.flushSoon();
    await until(() => disk.text === 'd\ne\n');
    await buffer.close();
    assert.deepEqual(reports, [
      'disk: 2 lines of the log are lost: ENOSPC: no space left on device',
      'disk: 5 lines of the log are lost: ENOSPC: no space left on device',
    ]);
  });

  test('loses one batch at a time to a disk that fails, and the rest when it closes', async () => {
    const line = `${'x'.repeat(64 * 1024)}\n`;
    disk.broken = true;
    for (let i = 0; i < 4; i += 1) buffer.write(line);
    await until(() => buffer.dropped === 1);
    await buffer.close();
    assert.deepEqual([disk.text, disk.closed, buffer.dropped], ['', true, 4]);
    assert.deepEqual(reports.slice(1), [
      'disk: 4 lines of the log are lost: ENOSPC: no space left on device',
    ]);
  });

  test('gives up after two seconds when it is closed on a disk that hangs', async () => {
    disk.stall();
    buffer.write('a\n');
    buffer.flushSoon();
    await nextTurn();
    buffer.write('b\n');
    const closed = buffer.close();
    mock.timers.tick(2000);
    await closed;
    assert.deepEqual([disk.closed, buffer.dropped], [true, 2]);
    assert.deepEqual(reports, ['disk: 2 lines of the log are lost: not written in 2000 ms']);
  });

  test('writes any lines once and in order', async () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: 0, max: 40_000 }) }),
      fc.constantFrom('flush', 'second', 'turn', 'stall', 'resume'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step), async (steps) => {
        const disk = new Disk();
        const buffer = new LineBuffer(disk, () => {});
        let expected = '';
        for (const step of steps) {
          if (typeof step === 'object') {
            const line = `${expected.length}${'.'.repeat(step.write)}\n`;
            expected += line;
            buffer.write(line);
          } else if (step === 'flush') buffer.flushSoon();
          else if (step === 'second') mock.timers.tick(1000);
          else if (step === 'turn') await nextTurn();
          else if (step === 'stall') disk.stall();
          else disk.resume();
        }
        disk.resume();
        await buffer.close();
        assert.equal(disk.text, expected);
      }),
    );
  });
});
