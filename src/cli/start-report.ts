import { describeSettings, valueInWords } from '../config/describe.js';
import type { ResolvedSettings } from '../config/resolve.js';
import { inWords } from '../errors.js';
import type { ServerAddresses } from '../http/server.js';
import type { ModelVersion } from '../models/model-version.js';
import { addon } from '../native/binding.js';
import { packageVersion } from '../package-version.js';

/** What the server is and how it is set. */
export function printConfiguration(resolved: ResolvedSettings, cores: number): void {
  const native = addon();
  const engine = native.cudaBuild ? `CUDA, ${native.cudaDeviceCount()} usable GPUs` : 'CPU';
  const lines = describeSettings(resolved)
    .filter(({ origin }) => origin !== 'default')
    .map(({ name, value, origin }) => `  ${name}: ${valueInWords(value)} (${origin})`);
  console.log(
    [
      `Sconce ${packageVersion()}, LibTorch ${native.libtorchVersion} (${engine}), ${cores} cores`,
      'Configuration, besides defaults (`sconce config` shows everything):',
      ...lines,
      ...resolved.notes.map((note) => `Note: ${note}`),
    ].join('\n'),
  );
}

/** The ports are open; TorchServe's tools wait for the first line. */
export function printStarted(addresses: ServerAddresses, keyFile: string | undefined): void {
  console.log('Model server started.');
  console.log(`Inference:  ${addresses.inference}/predictions/{model}`);
  console.log(`Management: ${addresses.management}/models`);
  if (addresses.metrics !== undefined) console.log(`Metrics:    ${addresses.metrics}/metrics`);
  if (keyFile !== undefined) console.log(`Tokens:     ${keyFile}`);
}

/** What became of a model that the server was started with. */
export function printModel(version: ModelVersion): void {
  const { name, failure } = version;
  if (failure !== undefined) {
    printFailure(failure);
  } else if (version.state === 'ready') {
    const devices = version.devices.join(', ');
    // Only a handler in Python knows the inputs of its model.
    const inputs = version.inputs === undefined ? '' : `, inputs ${version.inputs}`;
    const threads = devices === 'cpu' ? ` × ${plural(version.intraOpThreads, 'thread')}` : '';
    console.log(
      `Model ${name} ${version.version} on ${devices}: ${plural(version.workers.length, 'instance')}${threads}, batches of up to ${plural(version.rowsPerBatch, 'row')}${inputs}`,
    );
  } else {
    console.log(`Model ${name} ${version.version}: registered without instances`);
  }
}

/** The log has it as well, but that may go elsewhere. */
export function printFailure(error: Error): void {
  console.log(`Not served: ${inWords(error)}`);
}

/** @param failed number of models that were named */
export function printNothing(
  { enableModelApi }: ResolvedSettings['settings'],
  failed: number,
): void {
  if (failed > 0) {
    console.log('No model is served: each that was named has failed');
    return;
  }
  const advice = enableModelApi ? ', or register one with POST /models' : '';
  console.log(`No model is served: name some with --models name=path${advice}`);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
