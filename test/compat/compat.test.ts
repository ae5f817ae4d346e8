import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { root } from '../support/paths.js';
import { withoutPython } from '../support/python.js';
import { unexplained } from './expected.js';
import { knownDifferences } from './known-differences.js';
import { play } from './play.js';
import { readRecording, recordedFolder, recordingOf } from './recordings.js';
import { scenarios } from './scenarios.js';
import { startSconce } from './sconce.js';

describe('compared with the recorded answers of TorchServe', () => {
  for (const scenario of scenarios) {
    const skip = scenario.python === true && withoutPython;
    it(`answers alike: ${scenario.name}`, { skip }, async (t) => {
      const recorded = readRecording(recordingOf(scenario));
      const server = await startSconce(scenario);
      t.after(() => server.close());
      const answers = await play(scenario, server);
      for (const compatCase of scenario.cases) {
        const { name } = compatCase;
        await t.test(name, () => {
          const [theirs, ours] = [recorded.get(name), answers.get(name)];
          assert.ok(theirs !== undefined && ours !== undefined);
          assert.equal(unexplained(scenario, compatCase, theirs, ours).join('\n'), '');
        });
      }
    });
  }

  it('has a recording of every case and of nothing else', () => {
    for (const scenario of scenarios) {
      const names = scenario.cases.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, scenario.name);
      assert.deepEqual([...readRecording(recordingOf(scenario)).keys()], names);
    }
    const files = readdirSync(recordedFolder).map((file) => file.replace('.json', ''));
    assert.deepEqual(files.sort(), [...new Set(scenarios.map(recordingOf))].sort());
  });

  it('knows of no difference that docs/migrate.md does not explain, or that is none', () => {
    const text = readFileSync(join(root, 'docs/migrate.md'), 'utf8');
    const rows = new Set([...text.matchAll(/^\| ([^|]+?) \|/gm)].map(([, cell]) => cell));
    for (const [scenario, known] of Object.entries(knownDifferences)) {
      const played = scenarios.find(({ name }) => name === scenario);
      assert.ok(played !== undefined, `there is no scenario ${scenario}`);
      const recorded = readRecording(recordingOf(played));
      for (const [name, { row, answer }] of Object.entries(known)) {
        const theirs = recorded.get(name);
        assert.ok(theirs !== undefined, `${scenario}: there is no case ${name}`);
        assert.ok(rows.has(row), `${scenario}: ${name}: docs/migrate.md has no row ${row}`);
        assert.notDeepEqual(answer(theirs), theirs, `${scenario}: ${name}`);
      }
    }
  });
});
