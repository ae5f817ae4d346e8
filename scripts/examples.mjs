import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bootstrap } from './bootstrap.mjs';
import { hasModule, modelEntries } from './examples/archive.mjs';
import { ask } from './examples/ask.mjs';
import { examples } from './examples/list.mjs';
import { LeftOut, makeExample } from './examples/make.mjs';
import { runAsScript } from './lib/main.mjs';
import { serve } from './lib/serve-models.mjs';
import { SetupError } from './lib/setup-error.mjs';
import { testPythonPath } from './lib/test-python.mjs';

const usage = `node scripts/examples.mjs [NAME...] [--python PATH]

Makes and archives the examples, serves them, and compares the answers with PyTorch's.

  NAME           only these examples: ${examples.map(({ name }) => name).join(', ')}
  --python PATH  interpreter for what takes Python: the packages that the READMEs name
                 (default: SCONCE_TEST_PYTHON, or what scripts/test-python.mjs has made)
  --help         this text`;

/**
 * The interpreter for examples in Python, when there is one.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function examplePython(env) {
  const made = testPythonPath(env);
  return env.SCONCE_TEST_PYTHON || (existsSync(made) ? made : undefined);
}

/**
 * Serves an example and asks it everything that it has an answer for.
 *
 * @param {import('./examples/list.mjs').Example} example
 * @param {string | undefined} python
 * @returns {Promise<number>} how many answers were as expected
 * @throws {LeftOut} when it takes a Python that is not there
 * @throws {SetupError} for the first answer that is not as expected
 */
export async function checkExample(example, python) {
  await makeExample(example, python);
  if (example.python && !(python !== undefined && (await hasModule(python, 'ts')))) {
    throw new LeftOut('its handler takes a Python with torchserve and torch: name one');
  }
  const store = mkdtempSync(join(tmpdir(), 'sconce-examples-'));
  let server;
  try {
    const entries = await modelEntries(example, store, python);
    server = await serve(store, entries, python === undefined ? [] : ['--python', python]);
    const questions = example.questions(example);
    for (const question of questions) {
      const difference = await ask(server.url, question);
      if (difference === undefined) continue;
      throw new SetupError(`${question.model}, ${question.name}: ${difference}`);
    }
    return questions.length;
  } finally {
    await server?.stop();
    rmSync(store, { recursive: true, force: true });
  }
}

/** @returns {Promise<boolean>} false when it is not as it should be */
async function report(example, python) {
  try {
    const count = await checkExample(example, python);
    console.log(`ok        ${example.name}: ${count} answers as PyTorch's`);
    return true;
  } catch (error) {
    const verdict = error instanceof LeftOut ? 'left out ' : 'FAILED   ';
    console.log(`${verdict} ${example.name}: ${error.message}`);
    return error instanceof LeftOut;
  }
}

function parse(args) {
  const options = { python: { type: 'string' }, help: { type: 'boolean' } };
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new SetupError(`${error.message}\n\n${usage}`);
  }
}

await runAsScript(import.meta.url, async () => {
  const { values, positionals: names } = parse(process.argv.slice(2));
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const unknown = names.find((name) => !examples.some((example) => example.name === name));
  if (unknown !== undefined) throw new SetupError(`There is no example ${unknown}.\n\n${usage}`);
  await bootstrap();
  const python = values.python ?? examplePython(process.env);
  let failures = 0;
  for (const example of examples) {
    if (names.length > 0 && !names.includes(example.name)) continue;
    if (!(await report(example, python))) failures += 1;
  }
  return failures === 0 ? 0 : 1;
});
