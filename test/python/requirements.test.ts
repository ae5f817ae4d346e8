import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findPython } from '../../src/python/environment.js';
import { installRequirements } from '../../src/python/requirements.js';
import { WorkerProcess } from '../../src/python/worker-process.js';
import { requirePython, withoutPython } from '../support/python.js';
import { answer, Folder, Recorder, textOf, workerOptions } from './worker-sandbox.js';

/** Writes a wheel of one module, which pip installs without asking anybody. */
const makeWheel = `
import zipfile
with zipfile.ZipFile("needed-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("needed.py", "answer = 42")
    wheel.writestr("needed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: needed\\nVersion: 1.0\\n")
    wheel.writestr("needed-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("needed-1.0.dist-info/RECORD", "needed.py,,\\nneeded-1.0.dist-info/METADATA,,\\nneeded-1.0.dist-info/WHEEL,,\\nneeded-1.0.dist-info/RECORD,,\\n")
`;

const handler = `
import needed
def handle(data, context):
    return None if data is None else [str(needed.answer)] * len(data)
`;

for (const useVenv of [false, true]) {
  const where = useVenv ? 'into an environment of its own' : 'into the folder of the model';
  test(`what a model needs is installed ${where}`, { skip: withoutPython }, async () => {
    using folder = new Folder();
    const known = await findPython(requirePython());
    execFileSync(known.executable, ['-c', makeWheel], { cwd: folder.path });
    folder.write('requirements.txt', './needed-1.0-py3-none-any.whl\n');
    folder.write('handler.py', handler);
    const lines: string[] = [];
    const python = await installRequirements({
      python: known,
      modelName: 'm',
      folder: folder.path,
      requirementsFile: 'requirements.txt',
      useVenv,
      timeout: 120,
      onLine: (line) => lines.push(line),
    });
    assert.ok(lines.some((line) => line.includes('Successfully installed needed-1.0')));
    assert.equal(existsSync(join(folder.path, 'needed.py')), !useVenv);
    const options = workerOptions(folder.path, { python });
    const worker = await WorkerProcess.start(options, new Recorder());
    try {
      assert.equal(textOf(await answer(worker, '')), '42');
    } finally {
      await worker.stop();
    }
  });
}

/** An interpreter in whose place these shell commands run. */
function installWith(folder: Folder, commands: string, timeout = 60) {
  const executable = folder.write('python', `#!/bin/sh\n${commands}\n`);
  chmodSync(executable, 0o755);
  const lines: string[] = [];
  const done = installRequirements({
    python: { executable, tsFolder: '', version: '' },
    modelName: 'm',
    folder: folder.path,
    requirementsFile: 'needs/list.txt',
    useVenv: false,
    timeout,
    onLine: (line) => lines.push(line),
  });
  return { done, lines };
}

test('pip is run in the folder of the model, and what it says is passed on', async () => {
  using folder = new Folder();
  const { done, lines } = installWith(folder, 'pwd; echo "$@"');
  await done;
  assert.deepEqual(lines, [
    folder.path,
    '-m pip install --disable-pip-version-check --no-input --progress-bar off -U ' +
      `-t ${folder.path} -r ${join(folder.path, 'needs/list.txt')}`,
  ]);
});

test('what pip fails with is in the error', async () => {
  using folder = new Folder();
  const { done } = installWith(folder, 'echo ERROR: no such package >&2; exit 1');
  await assert.rejects(done, {
    code: 'DEPENDENCIES_FAILED',
    message:
      'Custom pip package installation failed for model m: pip failed: ERROR: no such package',
  });
});

test('an installation that takes too long is ended', async () => {
  using folder = new Folder();
  const { done } = installWith(folder, 'echo waiting for the index >&2; sleep 1000', 1);
  await assert.rejects(done, { message: /pip did not end within 1 s: waiting for the index$/ });
});

test('an interpreter that is not there is told', async () => {
  using folder = new Folder();
  const { done } = installWith(folder, '');
  await done;
  chmodSync(join(folder.path, 'python'), 0o644);
  await assert.rejects(installRequirementsWithout(folder), /EACCES/);
});

function installRequirementsWithout(folder: Folder) {
  return installRequirements({
    python: { executable: join(folder.path, 'python'), tsFolder: '', version: '' },
    modelName: 'm',
    folder: folder.path,
    requirementsFile: 'requirements.txt',
    useVenv: true,
    timeout: 60,
    onLine: () => {},
  });
}
