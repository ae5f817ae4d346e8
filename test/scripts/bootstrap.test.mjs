import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkNodeVersion } from '../../scripts/bootstrap.mjs';
import { dependenciesAreInstalled } from '../../scripts/lib/dependencies.mjs';
import { serveArguments } from '../../scripts/start.mjs';
import { temporaryFolder, writeTree } from './support.mjs';

test('Node before 20.19 is refused', () => {
  assert.throws(() => checkNodeVersion('20.18.3'), /needs Node 20\.19 or newer; this is 20\.18\.3/);
  for (const version of ['20.19.0', '22.1.0']) checkNodeVersion(version);
});

/** A project whose lock file is newer than what was installed. */
function project(t, installed, wanted) {
  const packages = (versions) =>
    JSON.stringify({
      packages: Object.fromEntries(
        Object.entries(versions).map(([name, entry]) => [`node_modules/${name}`, entry]),
      ),
    });
  const folder = writeTree(temporaryFolder(t), {
    'package-lock.json': packages(wanted),
    ...(installed && { 'node_modules/.package-lock.json': packages(installed) }),
  });
  if (installed) utimesSync(join(folder, 'node_modules/.package-lock.json'), 1, 1);
  return folder;
}

test('npm packages are missing when node_modules is', (t) => {
  assert.equal(dependenciesAreInstalled(project(t, null, { a: { version: '1.0.0' } })), false);
});

test('a lock file with a new date and the same versions reinstalls nothing', (t) => {
  const folder = project(
    t,
    { a: { version: '1.0.0' } },
    { a: { version: '1.0.0' }, other: { version: '1.0.0', optional: true } },
  );
  assert.equal(dependenciesAreInstalled(folder), true);
});

test('another version in the lock file reinstalls', (t) => {
  const folder = project(t, { a: { version: '1.0.0' } }, { a: { version: '1.0.1' } });
  assert.equal(dependenciesAreInstalled(folder), false);
});

test('npm start serves the example unless the user says which models', () => {
  const example = ['--models', 'alpha_model=examples/alpha_model'];
  assert.deepEqual(serveArguments([]), ['serve', ...example]);
  assert.deepEqual(serveArguments(['--port', '1']), ['serve', ...example, '--port', '1']);
  assert.deepEqual(serveArguments(['--models', 'a=b']), ['serve', '--models', 'a=b']);
  assert.deepEqual(serveArguments(['--model-store=x']), ['serve', '--model-store=x']);
});
