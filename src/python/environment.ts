import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { SconceError } from '../errors.js';
import { type RunResult, runProgram } from './run.js';

/** An interpreter that can run TorchServe's workers. */
export interface PythonEnvironment {
  /** Absolute path. */
  executable: string;
  /** The package `ts`. */
  tsFolder: string;
  /** Of torchserve. */
  version: string;
}

/** Milliseconds for an interpreter to say what it has; a cold disk takes seconds. */
const probeTimeout = 30_000;

/** What workers import; torchserve needs pyyaml and does not ask for it. */
const packages = 'torchserve torch pyyaml';

/** Looks packages up without importing them: importing torch takes seconds. */
const probeScript = `
import importlib.util, json, os, sys
def folder(name):
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return list(places)[0] if places else None
ts = folder("ts")
version = ""
if ts and os.path.exists(os.path.join(ts, "version.txt")):
    with open(os.path.join(ts, "version.txt")) as file:
        version = file.read().strip()
worker = ts and os.path.exists(os.path.join(ts, "model_service_worker.py"))
there = {"torchserve": worker, "torch": folder("torch"), "pyyaml": folder("yaml")}
print("sconce:" + json.dumps({
    "executable": sys.executable,
    "ts": ts or "",
    "version": version,
    "python": sys.version.split()[0],
    "missing": [name for name, found in there.items() if not found],
}))
`;

const answerSchema = Type.Object({
  executable: Type.String(),
  ts: Type.String(),
  version: Type.String(),
  python: Type.String(),
  missing: Type.Array(Type.String()),
});

const known = new Map<string, Promise<PythonEnvironment>>();

/**
 * Asks an interpreter, by path or by name on PATH, where its torchserve is. What it answers is
 * kept; a refusal is not, since packages may be installed meanwhile.
 *
 * @throws {SconceError} PYTHON_UNUSABLE: what is missing and how to install it, as a rejection.
 */
export function findPython(executable: string): Promise<PythonEnvironment> {
  const found = known.get(executable);
  if (found !== undefined) return found;
  const probing = probe(executable);
  known.set(executable, probing);
  probing.catch(() => known.delete(executable));
  return probing;
}

/**
 * Why a model with a Python handler cannot be served, and the ways out.
 *
 * @param unusable what findPython() has rejected with, or undefined where no interpreter is set
 */
export function pythonHandlerRefusal(handler: string, unusable: Error | undefined): string {
  const why = unusable === undefined ? '' : ` (${unusable.message})`;
  return (
    `its handler "${handler}" is Python, which runs in TorchServe's worker processes${why}. ` +
    'Set `python` to an interpreter with the packages torchserve and torch ' +
    `(pip install ${packages}); or port the handler to TypeScript, see docs/handlers.md; ` +
    'or, if the model is TorchScript and takes and returns tensors, register it with handler=tensor'
  );
}

async function probe(executable: string): Promise<PythonEnvironment> {
  // Not in the working folder, where a folder named ts or torch would count.
  const result = await runProgram(executable, ['-c', probeScript], {
    cwd: '/',
    timeout: probeTimeout,
  });
  const line = result.stdout.findLast((text) => text.startsWith('sconce:'));
  if (result.code !== 0 || line === undefined) throw unusable(executable, inWords(result));
  const answer = readAnswer(line.slice('sconce:'.length));
  if (answer === undefined) throw unusable(executable, `it answered ${line.slice(0, 200)}`);
  const { executable: path, ts: tsFolder, version, missing, python } = answer;
  if (missing.length > 0) {
    const what = `Python ${python} there has no ${missing.join(' and no ')}`;
    throw unusable(executable, `${what}; install with: ${path} -m pip install ${packages}`);
  }
  return { executable: path, tsFolder, version };
}

function readAnswer(text: string): Static<typeof answerSchema> | undefined {
  try {
    return Value.Parse(answerSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

function unusable(executable: string, reason: string): SconceError {
  // A program that is no Python may print the whole script in its complaint.
  const why = /^spawn .* ENOENT$/.test(reason)
    ? 'there is no such program (ENOENT)'
    : reason.slice(0, 500);
  return new SconceError('PYTHON_UNUSABLE', `python "${executable}" cannot be used: ${why}`);
}

function inWords({ code, stdout, stderr, timedOut }: RunResult): string {
  if (timedOut) return `it said nothing within ${probeTimeout / 1000} s`;
  const last = stderr.at(-1) ?? stdout.at(-1);
  return last ?? `it ended with code ${code}`;
}
