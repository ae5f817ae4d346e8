import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseProperties } from '../../src/config/properties.js';
import { resolveSettings } from '../../src/config/resolve.js';
import { jsonLog } from '../../src/logging/log.js';
import { findSnapshots } from '../../src/snapshots/snapshot-folder.js';
import { SnapshotWriter } from '../../src/snapshots/snapshot-writer.js';
import { startService } from '../support/server.js';

/** A writer of a server without models, with the lines that it logs. */
class Desk implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sconce-desk-'));
  readonly logged: string[] = [];
  readonly service = startService([]);
  readonly writer: SnapshotWriter;

  constructor() {
    const resolved = resolveSettings({
      flags: { logLocation: this.folder },
      environment: {},
      workingFolder: this.folder,
      profile: 'sconce',
    });
    const log = jsonLog('info', { write: (line) => this.logged.push(line) });
    this.writer = new SnapshotWriter(resolved, this.service, log);
  }

  get names(): string[] {
    return readdirSync(join(this.folder, 'config')).sort();
  }

  /** Puts a file beside the snapshots. */
  put(name: string, text = ''): void {
    mkdirSync(join(this.folder, 'config'), { recursive: true });
    writeFileSync(join(this.folder, 'config', name), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.close();
    rmSync(this.folder, { recursive: true });
  }
}

suite('snapshots', () => {
  test('are named by time and kind, for their owner alone', async () => {
    await using desk = new Desk();
    const before = new Date();
    await desk.writer.write('startup');
    const [name = ''] = desk.names;
    assert.match(name, /^\d{17}-startup\.cfg$/);
    const time = name.replace(/^(....)(..)(..)(..)(..)(..)(...).*$/, '$1-$2-$3T$4:$5:$6.$7Z');
    const age = Date.parse(time) - before.getTime();
    assert.ok(age >= 0 && age < 60_000, name);
    const path = join(desk.folder, 'config', name);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const { values } = parseProperties(readFileSync(path), name, undefined);
    assert.deepEqual(
      [...values].map(([key]) => key),
      ['log_location', 'model_snapshot'],
    );
    const { created, ...content } = JSON.parse(values.get('model_snapshot')?.value ?? '{}');
    assert.deepEqual(content, { name, modelCount: 0, models: {} });
    assert.ok(created >= before.getTime());
  });

  test('sort in the order in which they were written', async () => {
    await using desk = new Desk();
    const kinds = ['startup', 'snapshot', 'snapshot', 'startup', 'snapshot'] as const;
    await Promise.all(kinds.map((kind) => desk.writer.write(kind)));
    await desk.writer.close();
    const written = desk.names.map((name) => /-(.*)\.cfg$/.exec(name)?.[1]);
    assert.deepEqual(written, [...kinds, 'shutdown']);
    assert.deepEqual(
      findSnapshots(desk.folder),
      desk.names.reverse().map((name) => join(desk.folder, 'config', name)),
    );
  });

  test('sort so after the clock was set back as well', async () => {
    await using desk = new Desk();
    desk.put('20991231235959999-snapshot.cfg');
    await desk.writer.write('shutdown');
    assert.deepEqual(desk.names, [
      '20991231235959999-snapshot.cfg',
      '20991231235960000-shutdown.cfg',
    ]);
  });

  test('are the newest twenty, and what a crash has left unfinished goes', async () => {
    await using desk = new Desk();
    const old = Array.from({ length: 25 }, (_, i) => `200001010000000${i + 10}-snapshot.cfg`);
    for (const name of [...old, 'notes.txt', '20000101000000099-startup.cfg.part']) desk.put(name);
    await desk.writer.write('snapshot');
    assert.deepEqual(desk.names.slice(0, 19), old.slice(6));
    assert.match(desk.names[19] ?? '', /^20[^0].*-snapshot\.cfg$/);
    assert.deepEqual(desk.names.slice(20), ['notes.txt']);
  });

  test('are shared by changes that come together', async () => {
    await using desk = new Desk();
    for (let i = 0; i < 5; i++) desk.writer.schedule();
    await new Promise(setImmediate);
    await desk.writer.close();
    assert.equal(desk.names.length, 2);
  });

  test('are written no more after the last one', async () => {
    await using desk = new Desk();
    desk.writer.schedule();
    await desk.writer.close();
    await desk.writer.write('snapshot');
    await desk.writer.close();
    assert.equal(desk.names.length, 1);
    assert.match(desk.names[0] ?? '', /-shutdown\.cfg$/);
  });

  test('that cannot be written are logged, and stop nothing', async () => {
    await using desk = new Desk();
    writeFileSync(join(desk.folder, 'config'), 'no folder');
    await desk.writer.write('startup');
    const [line = '{}'] = desk.logged;
    assert.equal(JSON.parse(line).msg, `no snapshot could be written to ${desk.folder}/config`);
    rmSync(join(desk.folder, 'config'));
    await desk.writer.write('snapshot');
    assert.equal(desk.names.length, 1);
  });

  test('are none in a folder that is not there', () => {
    assert.deepEqual(findSnapshots('/no/folder'), []);
  });
});
