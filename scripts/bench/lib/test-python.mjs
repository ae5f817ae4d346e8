import { existsSync } from 'node:fs';
import { findExecutable, run } from '../../lib/process.mjs';
import { testPythonPath } from '../../lib/test-python.mjs';

/**
 * The interpreter that SCONCE_PYTHON names, else that of the tests when it is there, else `python3`;
 * or the reason why it does not do.
 *
 * @param {string[]} packages that are to be imported
 * @returns {Promise<{ python: string } | { skipped: string }>}
 */
export async function findPython(packages) {
  const made = testPythonPath(process.env);
  const python = process.env.SCONCE_PYTHON || (existsSync(made) ? made : 'python3');
  const found = findExecutable(python);
  if (found === null) return { skipped: `${python} does not exist` };
  for (const name of packages) {
    const { code } = await run(python, ['-c', `import ${name}`]);
    if (code !== 0) {
      const advice = 'see `node scripts/test-python.mjs`, or set SCONCE_PYTHON';
      return { skipped: `${shown(python, made)} cannot import ${name}: ${advice}` };
    }
  }
  return { python: found };
}

/** Figures do not say where this machine has its files. */
function shown(python, made) {
  return python === made ? 'the Python of the tests' : python.replace(/^.*\//, '');
}
