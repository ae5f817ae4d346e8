import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { root } from '../support/paths.js';
import { knownDifference, unexplained } from './expected.js';
import { knownDifferences } from './known-differences.js';
import { play } from './play.js';
import { readRecording } from './recordings.js';
import { scenarios } from './scenarios.js';
import { startSconce } from './sconce.js';

describe('compared with the recorded answers of TorchServe', () => {
  for (const scenario of scenarios) {
    it(`answers alike: ${scenario.name}`, async (t) => {
      const recorded = readRecording(scenario.name);
      const server = await startSconce(scenario);
      t.after(() => server.close());
      const answers = await play(scenario, server);
      for (const compatCase of scenario.cases) {
        const { name } = compatCase;
        await t.test(name, () => {
          const [theirs, ours] = [recorded.get(name), answers.get(name)];
          assert.ok(theirs !== undefined && ours !== undefined);
          const known = knownDifference(scenario, compatCase);
          assert.equal(unexplained(known, theirs, ours).join('\n'), '');
        });
      }
    });
  }

  it('has a recording of every case and of nothing else', () => {
    for (const { name, cases } of scenarios) {
      const names = cases.map((compatCase) => compatCase.name);
      assert.equal(new Set(names).size, names.length, name);
      assert.deepEqual([...readRecording(name).keys()], names);
    }
  });

  it('knows of no difference that docs/migrate.md does not explain, or that is none', () => {
    const text = readFileSync(join(root, 'docs/migrate.md'), 'utf8');
    const rows = new Set([...text.matchAll(/^\| ([^|]+?) \|/gm)].map(([, cell]) => cell));
    for (const [scenario, known] of Object.entries(knownDifferences)) {
      const recorded = readRecording(scenario);
      for (const [name, { row, answer }] of Object.entries(known)) {
        const theirs = recorded.get(name);
        assert.ok(theirs !== undefined, `${scenario}: there is no case ${name}`);
        assert.ok(rows.has(row), `${scenario}: ${name}: docs/migrate.md has no row ${row}`);
        assert.notDeepEqual(answer(theirs), theirs, `${scenario}: ${name}`);
      }
    }
  });
});
