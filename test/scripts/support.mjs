import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const libraryEnding = process.platform === 'darwin' ? 'dylib' : 'so';

/** A folder that is removed when the test ends. */
export function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'sconce-scripts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeTree(folder, files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** The files that make a folder look like LibTorch to the discovery. */
export function libtorchFiles(version) {
  return {
    'include/torch/script.h': '',
    'include/torch/csrc/api/include/torch/torch.h': '',
    'include/c10/macros/Macros.h': '',
    [`lib/libc10.${libraryEnding}`]: '',
    [`lib/libtorch_cpu.${libraryEnding}`]: '',
    [`lib/libtorch.${libraryEnding}`]: '',
    'version.py': `__version__ = '${version}'\ncuda: Optional[str] = None\n`,
  };
}

/** A folder for PATH with scripts of our own, and the real programs that are named. */
export function programFolder(t, scripts, realPrograms = []) {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  for (const path of realPrograms) symlinkSync(path, join(folder, path.split('/').at(-1)));
  return folder;
}

/** Runs a script of scripts/ with exactly this environment. */
export function runScript(name, env, { root: folder = root, args = [], onStart = () => {} } = {}) {
  const child = spawn(process.execPath, [join(folder, 'scripts', name), ...args], { env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  onStart(child);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}
