import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { examples, isMade, servedFolder } from '../../examples/list.mjs';
import { makeExample } from '../../examples/make.mjs';
import { root } from '../../lib/root.mjs';
import { startBareLoops } from '../contenders/bare-loops.mjs';
import { startPython } from '../contenders/python-loop.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { planOf, planSettings, preparationInWords } from '../contenders/sconce-plan.mjs';
import { startTunedTorchServe, torchServeVersions } from '../contenders/torchserve.mjs';
import { torchServeNote } from '../lib/alpha-torchserve.mjs';
import { ask, checkAnswers } from '../lib/answers.mjs';
import {
  bareStep,
  bestOf,
  configurationInWords,
  preparations,
  sweepPlans,
  sweepTable,
} from '../lib/bare-steps.mjs';
import { writeBenchArchive } from '../lib/bench-archive.mjs';
import { bestConcurrency } from '../lib/best-concurrency.mjs';
import { withCpu } from '../lib/cpu-step.mjs';
import { loadStep, warmUp } from '../lib/load-step.mjs';
import { memoryStep } from '../lib/memory-step.mjs';
import {
  connections,
  minilmComparisons,
  minilmPanels,
  minilmTables,
  names,
} from '../lib/minilm-figures.mjs';
import { findPython } from '../lib/test-python.mjs';

const model = 'sentence_embeddings';
const batches = [1, 4, 16];
/** The first sentences of the example are short: 7 to 17 tokens. */
const sentences = 8;
/** Cosines of texts, as sentence-transformers gives them. */
const tolerance = 1e-4;
/** The same where numbers have 8 bits. */
const bfloat16Tolerance = 0.02;

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'minilm',
  title: 'minilm: short texts to vectors',
  defaults: { repeat: 5, duration: 2 },
  about: `all-MiniLM-L6-v2 of \`examples/${model}\`; each request has one of ${sentences} short sentences, which have
different lengths, as JSON, and is answered with a vector of 384 numbers.

- **Sconce**: the handler \`text_embedding\`, batches of up to 32, an instance with one thread for each
  core: rows of any length have no shape that plans could be measured with.
- **TorchServe**: a handler of about 30 lines with the package \`tokenizers\`; a worker for each core,
  one thread inside an operation, as it is fastest of what stands below.
- **bare**: tokens, forward, mean and norm in a loop in Python, without a server and without JSON:
  **one text** at a time; the **plain** module and the **best** of all ways, in batches that are padded
  to the longest text.`,
  prepare,
  comparisons: minilmComparisons,
  tables: minilmTables,
  panels: minilmPanels,
};

async function prepare(context) {
  const { load, options } = context;
  const { duration, quick } = options;
  const made = await madeExample();
  const given = readExample();

  const sconce = await startSconce(
    context,
    [`${model}=${made}`],
    [
      ...['--instances', String(availableParallelism()), '--intra-op-threads', '1'],
      ...planSettings(context),
    ],
  );
  const { plan, inWords, text: tried } = await planOf(sconce, model);
  const ours = await verified(names.sconce, sconce, given);
  await warmUp(load, ours);
  const bare = await startBare(context, made, given, plan);
  const theirs = await startTheirs(context, made, given);

  const served = [ours, ...theirs.contenders];
  const bareSteps = bare.skipped
    ? []
    : [
        bareStep(names.one, bare.loops, bare.one, duration),
        bareStep(names.plain, bare.loops, bare.plain, duration),
        bareStep(names.best, bare.loops, bare.best, duration),
      ];
  return {
    steps: [
      ...(quick ? [16] : connections).flatMap((count) =>
        served.map((contender) =>
          withCpu(loadStep(load, contender, count, duration), contender.server),
        ),
      ),
      ...bareSteps,
      ...served.map((contender) => memoryStep(contender)),
    ],
    versions: {
      LibTorch: sconce.libtorch,
      ...(!bare.skipped && { "Python's torch": bare.loops.version }),
      ...(theirs.contenders.length > 0 && torchServeVersions),
    },
    notes: [
      `Models run on \`${options.device}\`; Sconce runs it ${inWords}.`,
      ...bare.notes,
      ...theirs.notes,
      `Cosines of the vectors agree with those of sentence-transformers to ${tolerance.toExponential()}; in bfloat16 to ${bfloat16Tolerance}.`,
      'Memory is the proportional set size after load: pages that processes share are counted once.',
    ],
    findings: [
      { title: 'What Sconce has tried', text: tried },
      ...(bare.skipped
        ? []
        : [{ title: 'What bare loops do, in texts per second', text: sweepTable(bare.swept) }]),
    ],
    skipped: [...(bare.skipped ? [`the loop in Python: ${bare.skipped}`] : []), ...theirs.skipped],
  };
}

/** The folder of the example's model, which is made first where it is not there. */
async function madeExample() {
  const example = examples.find(({ name }) => name === model);
  if (!isMade(example)) {
    const found = await findPython(['torch']);
    await makeExample(example, found.python);
  }
  return servedFolder(example);
}

function readExample() {
  const file = join(root, 'examples', model, 'expected.json');
  const { sentences: all, cosines } = JSON.parse(readFileSync(file, 'utf8'));
  return {
    texts: all.slice(0, sentences),
    cosines: cosines.slice(0, sentences).map((row) => row.slice(0, sentences)),
  };
}

const requestOf = (text) => ({
  body: Buffer.from(JSON.stringify({ inputs: [text] })),
  headers: { 'Content-Type': 'application/json' },
});

const cosinesOf = (vectors) =>
  vectors.map((one) =>
    vectors.map((other) => one.reduce((sum, value, i) => sum + value * other[i], 0)),
  );

/** A server that answers each text as sentence-transformers does, and what it is measured with. */
async function verified(name, server, { texts, cosines }) {
  const url = `${server.url}/predictions/${model}`;
  const requests = texts.map(requestOf);
  const replies = await Promise.all(requests.map((request) => ask(url, request)));
  const vectors = replies.map((reply) => JSON.parse(reply)[0]);
  checkAnswers(name, cosinesOf(vectors), cosines, tolerance);
  const [first, ...others] = requests;
  return { name, server, request: { url, ...first, others: others.map(({ body }) => body) } };
}

/** Bare loops whose answers are right, and the configurations that are measured. */
async function startBare(context, made, { texts, cosines }, chosen) {
  const { folder, options } = context;
  const textsFile = join(folder, 'texts.json');
  writeFileSync(textsFile, JSON.stringify(texts));
  const args = [join(made, 'model.pt'), join(made, 'tokenizer.json'), options.device, textsFile];
  const loops = await startBareLoops(() =>
    startPython(context, 'bare_loop_text.py', args, ['torch', 'tokenizers']),
  );
  if ('skipped' in loops) return { skipped: loops.skipped, notes: [] };
  const plans = [...preparations(false), { freeze: true, precision: 'bfloat16' }];
  for (const plan of plans) {
    const limit = plan.precision === 'bfloat16' ? bfloat16Tolerance : tolerance;
    const name = `bare, ${preparationInWords(plan)}`;
    checkAnswers(name, cosinesOf(await loops.predict(plan)), cosines, limit);
  }
  const swept = await sweepPlans(
    loops,
    plans,
    options.quick ? [1, 16] : batches,
    options.quick ? 0.2 : 0.5,
  );
  const exact = swept.filter(({ plan }) => plan.precision !== 'bfloat16');
  const { best, plain } = bestOf(exact, chosen);
  // What one client would get: a text has no other to share a batch with, or the cores.
  const one = exact.find(({ rows, layout }) => rows === 1 && layout.processes === 1);
  const configurations = { one, plain, best };
  return {
    ...{ loops, swept, ...configurations },
    notes: [
      `The bare loops: ${Object.entries(configurations)
        .map(([name, each]) => `${name}: ${configurationInWords(each)}`)
        .join('; ')}.`,
    ],
  };
}

/** TorchServe as it is fastest, or nothing and the reason. */
async function startTheirs(context, made, given) {
  const { load, options, folder } = context;
  const archive = await writeBenchArchive({
    ...{ modelName: model, version: '1.0', exportPath: folder, archiveFormat: 'default' },
    serializedFile: join(made, 'model.pt'),
    extraFiles: join(made, 'tokenizer.json'),
    handler: join(root, 'scripts/bench/minilm_handler.py'),
  });
  const wanted = {
    models: [{ name: model, archive }],
    packages: ['tokenizers'],
    request: requestOf(given.texts[0]),
  };
  const seconds = Math.min(2, options.duration);
  const theirs = await startTunedTorchServe(context, wanted, async (server) => {
    const contender = await verified(names.torchServe, server, given);
    await warmUp(load, contender);
    return bestConcurrency(load, contender, [16], seconds);
  });
  if ('skipped' in theirs) {
    const skipped = [`${names.torchServe}: ${theirs.skipped}`];
    return { contenders: [], notes: [], skipped };
  }
  const { server, tuning, tried } = theirs;
  const [first, ...others] = given.texts.map(requestOf);
  const url = `${server.url}/predictions/${model}`;
  const request = { url, ...first, others: others.map(({ body }) => body) };
  const rates = tried.map((one) => `${one.tuning}: ${Math.round(one.look.throughput)}`);
  return {
    contenders: [{ name: names.torchServe, server, request }],
    notes: [
      `TorchServe is fastest with ${tuning} (requests per second with 16 connections: ${rates.join('; ')}).`,
      torchServeNote,
    ],
    skipped: [],
  };
}
