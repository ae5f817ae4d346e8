import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startServer } from '../lib/server.mjs';

/** As many requests as any number of connections sends may wait; a refusal is a failed run. */
const queue = 1000;

/** As the program's first line has it. */
const nodeFlag = '--single-threaded-gc';

export const sconceProgram = join(root, 'dist/bundle/cli/main.js');

/** The same in files of their own, whose names profiles show. */
export const unbundledProgram = join(root, 'dist/src/cli/main.js');

/**
 * Sconce's settings' defaults but for the queue and what is asked for.
 *
 * @param {import('../lib/options.mjs').BenchOptions} options
 * @param {string[]} models entries of `--models`, paths relative to the root
 * @param {string[]} settings flags of `sconce serve`
 * @param {number} [port] of predictions; 0: any
 */
export function sconceArguments({ device }, models, settings, port = 0) {
  return [
    ...['serve', '--models', ...models],
    ...['--job-queue-size', String(queue), '--log-level', 'warn', '--device', device],
    ...['--inference-address', `http://127.0.0.1:${port}`],
    ...['management', 'metrics'].flatMap((name) => [`--${name}-address`, 'http://127.0.0.1:0']),
    ...settings,
  ];
}

/**
 * Sconce in its own process.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {string[]} models entries of `--models`, paths relative to the root
 * @param {string[]} [settings] flags of `sconce serve`
 * @param {string} [program] which one is started
 */
export async function startSconce(
  { children, options },
  models,
  settings = [],
  program = sconceProgram,
) {
  const server = await startServer(children, {
    name: 'Sconce',
    command: process.execPath,
    args: [nodeFlag, program, ...sconceArguments(options, models, settings)],
    // The curl line comes when the models are loaded.
    ready: /^Inference: +(http:\S+?)\/predictions[\s\S]*^curl /m,
    options: { cwd: root },
  });
  return {
    ...server,
    libtorch: /LibTorch (.+?), \d+ cores/m.exec(server.output)?.[1],
    metricsUrl: /^Metrics: +(\S+)$/m.exec(server.output)?.[1],
    modelsUrl: /^Management: +(\S+)$/m.exec(server.output)?.[1],
  };
}
