import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findPython, pythonHandlerRefusal } from '../../src/python/environment.js';
import { requirePython, withoutPython } from '../support/python.js';
import { Folder } from './worker-sandbox.js';

/** A program that takes Python's place; what it prints is what the interpreter would answer. */
function program(folder: Folder, lines: string): string {
  const path = folder.write('python', `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

function answering(folder: Folder, changes: object): string {
  const answer = {
    executable: '/usr/bin/python3',
    ts: '/packages/ts',
    version: '0.12.0',
    python: '3.11.7',
    missing: [],
    ...changes,
  };
  return program(folder, `echo hello from sitecustomize; echo 'sconce:${JSON.stringify(answer)}'`);
}

test('an interpreter says where torchserve is', async () => {
  using folder = new Folder();
  assert.deepEqual(await findPython(answering(folder, {})), {
    executable: '/usr/bin/python3',
    tsFolder: '/packages/ts',
    version: '0.12.0',
  });
});

test('an interpreter is asked once', async () => {
  using folder = new Folder();
  const path = answering(folder, {});
  await findPython(path);
  program(folder, 'exit 3');
  await findPython(path);
});

test('a refusal is not kept: packages may be installed meanwhile', async () => {
  using folder = new Folder();
  const path = program(folder, 'exit 3');
  await assert.rejects(findPython(path), /it ended with code 3$/);
  answering(folder, {});
  await findPython(path);
});

for (const missing of [['torchserve'], ['torchserve', 'torch', 'pyyaml']]) {
  test(`it is said that ${missing.join(', ')} is missing, and how to install it`, async () => {
    using folder = new Folder();
    const path = answering(folder, { missing });
    await assert.rejects(findPython(path), {
      code: 'PYTHON_UNUSABLE',
      message:
        `python "${path}" cannot be used: Python 3.11.7 there has no ${missing.join(' and no ')}; ` +
        'install with: /usr/bin/python3 -m pip install torchserve torch pyyaml',
    });
  });
}

test('an interpreter without packages is told which', async () => {
  using folder = new Folder();
  const path = program(folder, 'unset PYTHONPATH; exec python3 -S "$@"');
  await assert.rejects(findPython(path), {
    message: /has no torchserve and no torch and no pyyaml; install with: \/\S+ -m pip install /,
  });
});

test('a program that is not there, or is no Python, is refused', async () => {
  using folder = new Folder();
  await assert.rejects(findPython(join(folder.path, 'nothing')), /ENOENT/);
  await assert.rejects(findPython('/bin/true'), /it ended with code 0/);
  await assert.rejects(
    findPython(program(folder, 'echo no such flag >&2; exit 2')),
    /no such flag/,
  );
});

test('what an interpreter answers is checked', async () => {
  using folder = new Folder();
  const path = program(folder, "echo 'sconce:[1'");
  await assert.rejects(findPython(path), { code: 'PYTHON_UNUSABLE' });
});

test('the refusal of a handler names the ways out', () => {
  const text = pythonHandlerRefusal('custom_handler.py', new Error('it is old'));
  for (const part of [
    'its handler "custom_handler.py" is Python',
    '(it is old)',
    'Set `python`',
    'pip install torchserve torch pyyaml',
    'docs/handlers.md',
    'handler=tensor',
  ]) {
    assert.ok(text.includes(part), `${part} is not in: ${text}`);
  }
});

test('the interpreter of the tests has what workers need', { skip: withoutPython }, async () => {
  const { tsFolder, version } = await findPython(requirePython());
  assert.match(tsFolder, /\/ts$/);
  assert.match(version, /^\d+\.\d+\.\d+/);
});
