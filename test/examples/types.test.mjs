import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { examplesFolder } from '../../scripts/examples/paths.mjs';
import { listFiles } from '../../scripts/lib/files.mjs';
import { root } from '../../scripts/lib/root.mjs';

test('the handlers of the examples are sound TypeScript', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'sconce-example-types-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = listFiles(examplesFolder, ['.ts']).map((path) => relative(examplesFolder, path));
  assert.ok(files.length >= 4);
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(examplesFolder, file), join(folder, file));
  }
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules/sconce'));
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const changed = { rootDir: '.', noEmit: true, incremental: false, tsBuildInfoFile: undefined };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, ...changed }, include: ['*/*.ts'] }),
  );
  const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
  assert.equal(tsc.stdout, '');
  assert.equal(tsc.status, 0);
});
