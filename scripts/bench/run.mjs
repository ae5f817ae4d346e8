import { ensureDependencies, ensureNative, ensureTypeScript } from '../bootstrap.mjs';
import { runAsScript } from '../lib/main.mjs';
import { formatDuration, stopwatch } from '../lib/progress.mjs';
import { SetupError } from '../lib/setup-error.mjs';
import { createContext } from './lib/context.mjs';
import { describeGpu } from './lib/gpu.mjs';
import { describeMachine, packageVersion } from './lib/machine.mjs';
import { commandOf, optionsFor, parseOptions } from './lib/options.mjs';
import { render, standardFolder, writeFigures } from './lib/report.mjs';
import { Results } from './lib/results.mjs';
import { runRounds } from './lib/rounds.mjs';
import { loadSubject } from './lib/subject.mjs';

/** Measures one subject; true when every measurement counts, and nobody has failed. */
async function measure(subject, context) {
  const { options } = context;
  console.log(`${subject.title}: starting and verifying`);
  const prepared = await subject.prepare(context);
  const { steps, versions, notes, findings = [], failed = [], load = context.load } = prepared;
  const skipped = [...prepared.skipped, ...failed];
  for (const reason of skipped) console.log(`  not measured: ${reason}`);
  const planned = options.repeat * steps.reduce((sum, { seconds }) => sum + seconds, 0);
  console.log(
    `  ${options.repeat} × ${steps.length} measurements, ${formatDuration(planned * 1000)}`,
  );
  const machine = { ...describeMachine(), ...(await describeGpu(options.device)) };
  const write = (rounds) =>
    writeFigures(options.out, {
      subject: subject.name,
      date: new Date().toISOString().slice(0, 10),
      command: commandOf(subject.name, options),
      machine,
      versions: { Sconce: packageVersion(''), ...versions, 'Load generator': load.name },
      notes: [...notes, load.note],
      skipped,
      findings,
      rounds,
    });
  const rounds = await runRounds(steps, options.repeat, {
    stopping: () => context.children.stopping,
    // Who stops it has what was measured so far, but not in place of the figures of the project.
    complete: options.out === standardFolder ? undefined : write,
  });
  write(rounds);
  const { invalid } = new Results(rounds);
  for (const text of invalid) console.error(`Does not count: ${text}`);
  return invalid.length === 0 && failed.length === 0;
}

/** A subject that fails does not keep the others from being measured. */
async function measureAndRender(subject, context) {
  const elapsed = stopwatch();
  let allCount = false;
  try {
    allCount = await measure(subject, context);
    await render(context.options.out, subject);
  } catch (error) {
    const reason = error instanceof SetupError ? error.message : error.stack;
    console.error(`${subject.name} was not measured: ${reason}`);
  } finally {
    await context.children.stopAll();
  }
  console.log(`${subject.name}: ${elapsed()}`);
  return allCount;
}

await runAsScript(import.meta.url, async () => {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) return 0;
  const subjects = await Promise.all(options.subjects.map(loadSubject));
  if (options.render) {
    for (const subject of subjects) await render(options.out, subject);
    return 0;
  }
  await ensureDependencies();
  await ensureNative();
  await ensureTypeScript();
  const context = await createContext(options);
  let allCount = true;
  for (const subject of subjects) {
    const own = { ...context, options: optionsFor(options, subject) };
    allCount = (await measureAndRender(subject, own)) && allCount;
  }
  return allCount ? 0 : 1;
});
