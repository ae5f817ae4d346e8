import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './root.mjs';

/** Milliseconds until every model has to be loaded. */
const startTimeout = 120_000;

/**
 * Starts `sconce serve` on free ports, in a process of its own.
 *
 * @param {string} store the model store
 * @param {readonly string[]} models as `--models` takes them
 * @param {readonly string[]} [more] more flags
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>} the URL of the inference API, when
 *   all models are loaded or have failed
 */
export async function serve(store, models, more = []) {
  const ports = ['inference', 'management', 'metrics'].flatMap((name) => [
    `--${name}-address`,
    'http://127.0.0.1:0',
  ]);
  const args = ['serve', '--log-level', 'warn', ...ports, '--model-store', store, ...more];
  const main = join(root, 'dist/bundle/cli/main.js');
  const server = spawn(process.execPath, [main, ...args, '--models', ...models], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('close', resolve));
    server.kill('SIGTERM');
    await ended;
  };
  try {
    const url = await urlOf(server);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function urlOf(server) {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`not started: ${output}`)), startTimeout);
    server.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`exited with ${code}: ${output}`));
    });
    server.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (output.includes('\nNo model is served')) reject(new Error(output));
      const found = /Inference: +(http:\/\/[^/\s]+)\/.*\n[\s\S]*\ncurl /.exec(output)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
}
