import type { Command } from 'commander';
import { Value } from 'typebox/value';
import type { ModelDescription } from '../http/model-description.js';
import { describeVersion, modelDescriptionSchema } from '../http/model-description.js';
import { cudaGraphsInWords } from '../models/cuda-graphs.js';
import { abandonBatches } from '../native/runtime.js';
import { planReport } from '../plans/plan-report.js';
import { readKeyFile } from '../security/key-file.js';
import { attempt } from './attempt.js';
import { addSettingFlags } from './flags.js';
import { askManagement, managementFailure } from './management-request.js';
import { describeOffline, settingsOfModels } from './offline-model.js';

interface DescribeOptions extends Record<string, unknown> {
  /** Shadows the setting: here it asks for the plan to be shown. */
  plan?: boolean;
  json?: boolean;
  managementAddress?: string;
  keyFile?: string;
}

/**
 * `sconce describe`: prints what a model takes and returns, and how it runs. Loads the model, or asks
 * the server that serves it.
 */
export function addDescribeCommand(program: Command): void {
  const command = program
    .command('describe')
    .description('Print what a model takes and returns, and the plan that it runs by.')
    .argument('<model>', 'a file, an archive, or a name of the model store; of a server, its name')
    .option('--plan', 'Show the ways to run it that were tried; try them, if that was not done.')
    .option('--json', 'Print it as JSON.')
    .option('--management-address <url>', 'Ask the server that listens there, and load nothing.')
    .option('--key-file <path>', 'The key file of that server, if it asks for tokens.')
    .option('--ts-config <file>', 'Read this config.properties.')
    .action((model: string, options: DescribeOptions) => attempt(() => describe(model, options)));
  addSettingFlags(command, 'sconce', ({ name }) => settingsOfModels.has(name));
}

async function describe(model: string, options: DescribeOptions): Promise<void> {
  const { managementAddress, plan = false, json = false } = options;
  const description =
    managementAddress === undefined
      ? await describeOffline(model, options, plan, describeVersion)
      : await describeServed(model, managementAddress, options.keyFile);
  console.log(json ? JSON.stringify(description, null, 2) : asText(description, plan).join('\n'));
  // A batch of a search that does not end would keep the process for ever.
  abandonBatches();
  process.exit();
}

async function describeServed(
  model: string,
  address: string,
  keyFile: string | undefined,
): Promise<ModelDescription> {
  const key = keyFile === undefined ? undefined : (await readKeyFile(keyFile)).management.key;
  const path = `/models/${encodeURIComponent(model)}`;
  const { status, body } = await askManagement(address, path, key);
  if (status !== 200) {
    throw managementFailure(`the server at ${address} answered ${status}: ${body.trim()}`);
  }
  const [description]: unknown[] = JSON.parse(body);
  if (Value.Check(modelDescriptionSchema, description)) return description;
  throw managementFailure(`what answers at ${address} is no Sconce of this version`);
}

function asText(description: ModelDescription, withPlan: boolean): string[] {
  const { modelName, modelVersion, sconce, workers, batchSize, deviceType } = description;
  const { plan, cudaGraphs } = sconce;
  const bytes = sconce.parameterBytes;
  const rows: [string, string | undefined][] = [
    ['Model', `${modelName} ${modelVersion}`],
    ['From', description.modelUrl],
    ['State', sconce.failure === undefined ? sconce.state : `${sconce.state}: ${sconce.failure}`],
    ['Handler', sconce.handler],
    ['Inputs', sconce.inputs],
    ['Returns', sconce.returns],
    ['Parameters', bytes === undefined ? undefined : `${(bytes / 1e6).toFixed(1)} MB`],
    [
      'Runs on',
      `${deviceType}, instances: ${workers.length}, threads of each: ${sconce.intraOpThreads}`,
    ],
    ['Batches', `of up to ${plan?.chosen.rows ?? batchSize} rows`],
    ['Graphs', cudaGraphs === undefined ? undefined : cudaGraphsInWords(cudaGraphs)],
  ];
  const lines = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`${`${name}:`.padEnd(12)}${value}`],
  );
  if (!withPlan) return lines;
  const report =
    plan === undefined
      ? [
          'Plan: none was searched for (plan: off, a handler in Python, or inputs without whole shapes)',
        ]
      : planReport({ name: modelName, version: modelVersion }, plan);
  return [...lines, '', ...report];
}
