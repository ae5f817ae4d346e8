import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SconceError } from '../errors.js';
import { longestTimer } from '../timers.js';
import type { PythonEnvironment } from './environment.js';
import { type RunResult, runProgram } from './run.js';

export interface RequirementsOptions {
  python: PythonEnvironment;
  modelName: string;
  /** The unpacked archive. */
  folder: string;
  /** Its list of packages, relative to it. */
  requirementsFile: string;
  /** Into a virtual environment of the model's own, instead of into its folder. */
  useVenv: boolean;
  /** Seconds. */
  timeout: number;
  /** What pip says as it goes. */
  onLine: (text: string) => void;
}

/** The last lines of pip that stand in an error message. */
const reportedLines = 3;

/**
 * Installs what a model needs, with pip: into the model's folder, where its handler finds it, or
 * into a virtual environment in there.
 *
 * @returns the interpreter that the model's workers are to run on.
 * @throws {SconceError} DEPENDENCIES_FAILED with what pip said, as a rejection.
 */
export async function installRequirements(
  options: RequirementsOptions,
): Promise<PythonEnvironment> {
  const { python, folder, useVenv } = options;
  const requirementsFile = join(folder, options.requirementsFile);
  if (!useVenv) {
    const target = ['-t', folder];
    await runPython(options, python.executable, pipInstall(requirementsFile, target), 'pip');
    return python;
  }
  const executable = await makeVenv(options);
  const strategy = ['--upgrade-strategy', 'only-if-needed'];
  await runPython(options, executable, pipInstall(requirementsFile, strategy), 'pip');
  return { ...python, executable };
}

function pipInstall(requirementsFile: string, options: readonly string[]): string[] {
  const quiet = ['--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
  return ['-m', 'pip', 'install', ...quiet, '-U', ...options, '-r', requirementsFile];
}

/** A virtual environment that also sees the packages of the interpreter it is made from. */
async function makeVenv(options: RequirementsOptions): Promise<string> {
  const { python, folder, modelName } = options;
  const venv = join(folder, 'venv');
  const make = ['-m', 'venv', '--clear', '--system-site-packages', venv];
  await runPython(options, python.executable, make, 'venv');
  const executable = join(venv, 'bin/python');
  const ask = ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'];
  const [own, inherited] = await Promise.all([
    runPython(options, executable, ask, 'venv'),
    runPython(options, python.executable, ask, 'venv'),
  ]);
  const [packages, parents] = [own.stdout.at(-1) ?? '', inherited.stdout.at(-1) ?? ''];
  try {
    // The system's packages are not those of an interpreter that is itself of an environment, and
    // what these take from elsewhere is found by addsitedir() alone.
    const line = `import site; site.addsitedir(${JSON.stringify(parents)})\n`;
    await writeFile(join(packages, 'sconce-inherited.pth'), line);
  } catch (error) {
    throw new SconceError('DEPENDENCIES_FAILED', modelName, messageOf(error));
  }
  return executable;
}

async function runPython(
  { folder, modelName, timeout, onLine }: RequirementsOptions,
  executable: string,
  args: readonly string[],
  what: string,
): Promise<RunResult> {
  const result = await runProgram(executable, args, {
    cwd: folder,
    timeout: Math.min(timeout * 1000, longestTimer),
    onLine,
  });
  if (result.code === 0) return result;
  const { stderr, stdout } = result;
  const said = (stderr.length > 0 ? stderr : stdout).slice(-reportedLines).join(' | ');
  const ended = result.timedOut ? `did not end within ${timeout} s` : 'failed';
  throw new SconceError('DEPENDENCIES_FAILED', modelName, `${what} ${ended}: ${said}`);
}
