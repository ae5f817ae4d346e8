import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../scripts/lib/process.mjs';
import { testPythonPath } from '../../scripts/lib/test-python.mjs';
import { programFolder, root, runScript, temporaryFolder, writeTree } from './support.mjs';

/** Programs that a shell script needs. */
const shell = ['/bin/sh', '/bin/mkdir', '/bin/cp', '/bin/chmod', '/bin/cat'];

/**
 * A python3 without torch, whose environments have a python that does `own` for each `pip install`.
 * It writes its words to the file `said` in its environment.
 */
function fakePython(t, own = '') {
  const inside = `#!/bin/sh
echo "$*" >> "\${0%/bin/python}/said"
case "$*" in *"pip install"*) ${own} ;; esac
exit 0`;
  const python3 = `
case "$1 $2" in
  "-m venv")
    mkdir -p "$3/bin"
    printf '%s\\n' "#!$3/bin/python" > "$3/bin/tool"
    cat > "$3/bin/python" <<'END'
${inside}
END
    chmod +x "$3/bin/python" ;;
esac
exit 0`;
  return programFolder(t, { python3 }, shell);
}

function environment(t, own) {
  return { PATH: fakePython(t, own), SCONCE_CACHE: temporaryFolder(t) };
}

test('the interpreter is made once, and its path is printed last', async (t) => {
  const env = environment(t);
  const path = testPythonPath(env);
  const first = await runScript('test-python.mjs', env);
  assert.equal(first.code, 0, first.output);
  assert.equal(first.output.trimEnd().split('\n').at(-1), path);
  const said = readFileSync(join(dirname(dirname(path)), 'said'), 'utf8');
  assert.match(said, /pip install .*torch==\d/);
  assert.match(said, /pip install .*torchserve==0\.12\.0/);
  const second = await runScript('test-python.mjs', env);
  assert.equal(second.output, `${path}\n`);
});

test('scripts of the environment name the interpreter where it is', async (t) => {
  const env = environment(t);
  await runScript('test-python.mjs', env);
  const path = testPythonPath(env);
  assert.equal(readFileSync(join(dirname(path), 'tool'), 'utf8'), `#!${path}\n`);
});

test('with --print the path is only looked up', async (t) => {
  const env = environment(t);
  const path = testPythonPath(env);
  const missing = await runPrint(env);
  assert.deepEqual([missing.code, missing.output], [1, '']);
  assert.ok(!existsSync(path));
  writeTree(dirname(path), { python: '' });
  const found = await runPrint(env);
  assert.deepEqual([found.code, found.output], [0, `${path}\n`]);
});

test('a package that cannot be installed is told, and nothing is left', async (t) => {
  const env = environment(t, 'echo "ERROR: no such package" >&2; exit 1');
  const { code, output } = await runScript('test-python.mjs', env);
  assert.equal(code, 1);
  assert.match(output, /pip install failed: ERROR: no such package\n/);
  assert.doesNotMatch(output, /\n\s+at /);
  assert.deepEqual(readdirSync(env.SCONCE_CACHE), []);
});

test('torchvision may be missing', async (t) => {
  const env = environment(t, 'case "$*" in *torchvision*) echo "ERROR: none" >&2; exit 1 ;; esac');
  const { code, output } = await runScript('test-python.mjs', env);
  assert.equal(code, 0, output);
  assert.match(output, /torchvision is left out: .*ERROR: none\n/);
});

test('without python3 the message names it', async (t) => {
  const env = { PATH: programFolder(t, {}), SCONCE_CACHE: temporaryFolder(t) };
  const { code, output } = await runScript('test-python.mjs', env);
  assert.equal(code, 1);
  assert.match(output, /The Python of the tests needs python3, not found on PATH/);
});

test('the tests look where the script puts it', async (t) => {
  const { testPython } = await import('../../dist/test/support/python.js');
  const env = { SCONCE_CACHE: temporaryFolder(t) };
  assert.equal(testPython(env), undefined);
  const path = testPythonPath(env);
  writeTree(dirname(path), { python: '' });
  assert.equal(testPython(env), path);
  assert.equal(testPython({ ...env, SCONCE_TEST_PYTHON: '/mine' }), '/mine');
});

async function runPrint(env) {
  const script = join(root, 'scripts/test-python.mjs');
  const { code, stdout, stderr } = await run(process.execPath, [script, '--print'], { env });
  return { code, output: stdout + stderr };
}
