import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { assert as checkThat, property, record, string } from 'fast-check';
import { resolveSettings, type SettingsRequest } from '../../src/config/resolve.js';
import { snapshotText } from '../../src/snapshots/snapshot-text.js';

const folder = mkdtempSync(join(tmpdir(), 'sconce-text-'));
after(() => rmSync(folder, { recursive: true }));

function resolve(given: Partial<SettingsRequest>) {
  return resolveSettings({
    flags: {},
    environment: {},
    workingFolder: folder,
    profile: 'sconce',
    ...given,
  });
}

/** What a server reads that is started from a snapshot of another one. */
function restored(given: Partial<SettingsRequest>, profile: 'sconce' | 'torchserve' = 'sconce') {
  const snapshot = join(folder, 'snapshot.cfg');
  writeFileSync(snapshot, snapshotText(resolve(given), '{}'));
  return resolve({ snapshot, profile }).settings;
}

suite('the text of a snapshot', () => {
  test('gives the settings again', () => {
    const flags = {
      batchSize: 7,
      precision: 'bfloat16',
      freeze: false,
      defaultResponseTimeout: 1.5,
      allowedUrls: ['https://a/.*\\.mar', 'file:///b\\d+'],
      models: { 'ä b': { '1.0': { minWorkers: 2, marName: 'x=y:z#.mar' } } },
      modelStore: 'C:\\models and more',
    };
    assert.deepEqual(restored({ flags }), { ...resolve({ flags }).settings, modelSnapshot: '{}' });
  });

  test('keeps every character of a text', () => {
    checkThat(
      property(
        record({
          keystorePass: string({ unit: 'binary', minLength: 1 }),
          corsAllowedHeaders: string({ unit: 'grapheme', minLength: 1 }),
        }),
        ({ keystorePass, corsAllowedHeaders }) => {
          // Texts are trimmed wherever they come from, but for passwords.
          const trimmed = corsAllowedHeaders.trim();
          const flags =
            trimmed === '' ? { keystorePass } : { keystorePass, corsAllowedHeaders: trimmed };
          const found = restored({ flags });
          assert.equal(found.keystorePass, keystorePass);
          assert.equal(found.corsAllowedHeaders, trimmed === '' ? undefined : trimmed);
        },
      ),
    );
  });

  test('means no environment variable by what looks like one', () => {
    const keystorePass = 'a$$HOME$$b$$none$$';
    assert.equal(restored({ flags: { keystorePass } }).keystorePass, keystorePass);
  });

  test('leaves out what nobody has set', () => {
    assert.equal(snapshotText(resolve({}), '{}'), 'model_snapshot={}\n');
  });

  test('keeps what was set to a default that another command does not have', () => {
    const flags = { disableTokenAuthorization: true };
    const given = { flags, profile: 'torchserve' } as const;
    assert.equal(restored(given, 'torchserve').disableTokenAuthorization, true);
    assert.equal(restored({ profile: 'torchserve' }, 'sconce').disableTokenAuthorization, false);
  });
});
