import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startServer } from '../lib/server.mjs';

/** As many requests as any number of connections sends may wait; a refusal is a failed run. */
const queue = 1000;

/**
 * Sconce in its own process, with its settings' defaults but for the queue and what is asked for.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {string[]} models entries of `--models`, paths relative to the root
 * @param {string[]} [settings] flags of `sconce serve`
 */
export async function startSconce({ children, options }, models, settings = []) {
  const server = await startServer(children, {
    name: 'Sconce',
    // The program itself, not node with it: its first line chooses flags of node.
    command: join(root, 'dist/src/cli/main.js'),
    args: [
      ...['serve', '--models', ...models],
      ...['--job-queue-size', String(queue), '--log-level', 'warn', '--device', options.device],
      ...['inference', 'management', 'metrics'].flatMap((name) => [
        `--${name}-address`,
        'http://127.0.0.1:0',
      ]),
      ...settings,
    ],
    // The curl line comes when the models are loaded.
    ready: /^Inference: +(http:\S+?)\/predictions[\s\S]*^curl /m,
    options: { cwd: root },
  });
  return {
    ...server,
    libtorch: /LibTorch (.+?), \d+ cores/m.exec(server.output)?.[1],
    metricsUrl: /^Metrics: +(\S+)$/m.exec(server.output)?.[1],
  };
}
