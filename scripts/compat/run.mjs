import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureDependencies, ensureNative, ensureTypeScript } from '../bootstrap.mjs';
import { runAsScript } from '../lib/main.mjs';
import { root } from '../lib/root.mjs';
import { SetupError } from '../lib/setup-error.mjs';
import { chooseScenarios, parseOptions } from './options.mjs';
import { compareReference } from './reference.mjs';
import { findTorchServe, hasPackage, startTorchServe } from './torchserve.mjs';

/** The compiled parts of test/compat, which the tests use as well. */
async function loadSuite() {
  const names = ['archives', 'expected', 'play', 'properties', 'recordings', 'sconce', 'scenarios'];
  const modules = await Promise.all(
    names.map((name) => import(join(root, `dist/test/compat/${name}.js`))),
  );
  const { withoutPython } = await import(join(root, 'dist/test/support/python.js'));
  return Object.assign({ withoutPython }, ...modules);
}

/** Plays a scenario on a server that is started for it. */
async function answersOf(suite, scenario, start) {
  const server = await start();
  try {
    return await suite.play(scenario, server);
  } finally {
    await server.close();
  }
}

/** Compares one scenario; gives the number of cases that differ without saying so. */
function compare(suite, scenario, theirs, ours) {
  let count = 0;
  for (const compatCase of scenario.cases) {
    const { name } = compatCase;
    const known = suite.knownDifference(scenario, compatCase);
    const found = suite.unexplained(scenario, compatCase, theirs.get(name), ours.get(name));
    if (found.length > 0) {
      count += 1;
      console.log(`DIFFERS  ${scenario.name}: ${name}`);
      for (const line of found.join('\n').split('\n')) console.log(`    ${line}`);
    } else if (known !== undefined) {
      console.log(`known    ${scenario.name}: ${name} (${known.row})`);
    }
  }
  return count;
}

/** TorchServe's answers: from a running one, or as they were recorded. */
async function torchServeAnswers(suite, scenario, torchServe, record) {
  const { answeredAs, packages = [] } = scenario;
  const lacking = torchServe && packages.filter((name) => !hasPackage(torchServe.python, name));
  if (lacking?.length > 0) {
    const need = `TorchServe needs ${lacking.join(', ')} for ${scenario.name}`;
    if (record) throw new SetupError(`${need}.`);
    console.log(`${need}: its recorded answers are taken.`);
  }
  if (torchServe === undefined || answeredAs !== undefined || lacking.length > 0) {
    return suite.readRecording(suite.recordingOf(scenario));
  }
  const answers = await answersOf(suite, scenario, () =>
    startTorchServe(torchServe, scenario, suite),
  );
  if (record) suite.writeRecording(scenario.name, answers);
  return answers;
}

/** The TorchServe to ask; undefined when its recorded answers are to do. */
function chooseTorchServe({ python, record, recorded }) {
  if (recorded) return undefined;
  const found = findTorchServe(python);
  if (found.missing === undefined) return found;
  if (record) throw new SetupError(`--record needs ${found.missing}.`);
  console.log(`TorchServe's recorded answers are taken: to ask it, install ${found.missing}.`);
  return undefined;
}

await runAsScript(import.meta.url, async () => {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) return 0;
  const torchServe = chooseTorchServe(options);
  await ensureDependencies();
  await ensureNative();
  await ensureTypeScript();
  const suite = await loadSuite();
  // Ends through `exit`, where a TorchServe that runs is ended as well.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  if (options.reference) {
    if (torchServe === undefined) throw new SetupError('--reference needs TorchServe.');
    await compareReference(torchServe, suite);
    return 0;
  }
  let cases = 0;
  let unexplained = 0;
  for (const scenario of chooseScenarios(suite.scenarios, options.scenarios)) {
    if (scenario.python && suite.withoutPython) {
      console.log(`left out ${scenario.name}: ${suite.withoutPython}`);
      continue;
    }
    const theirs = await torchServeAnswers(suite, scenario, torchServe, options.record);
    const ours = await answersOf(suite, scenario, () => suite.startSconce(scenario));
    unexplained += compare(suite, scenario, theirs, ours);
    cases += scenario.cases.length;
  }
  if (options.record) formatRecordings(suite);
  console.log(`${cases} cases, ${unexplained} differ from TorchServe without a reason.`);
  return unexplained === 0 ? 0 : 1;
});

/** Lays the recordings out as the linter wants them. */
function formatRecordings({ recordedFolder }) {
  const biome = join(root, 'node_modules/.bin/biome');
  const { status, stderr } = spawnSync(biome, ['format', '--write', recordedFolder], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new SetupError(`The recordings could not be formatted: ${stderr}`);
}
