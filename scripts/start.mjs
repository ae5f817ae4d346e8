import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap } from './bootstrap.mjs';
import { runAsScript } from './lib/main.mjs';
import { root } from './lib/root.mjs';

const exampleModels = ['--models', `alpha_model=${join('examples', 'alpha_model')}`];

/**
 * The arguments of `sconce` for those of `npm start -- …`: the example is served unless the user
 * says which models are.
 *
 * @param {string[]} given
 */
export function serveArguments(given) {
  const names = ['--models', '--model-store'];
  const choosesModels = given.some((text) => names.includes(text.split('=')[0]));
  return ['serve', ...(choosesModels ? [] : exampleModels), ...given];
}

await runAsScript(import.meta.url, async () => {
  await bootstrap();
  // The server runs in this process: signals and exit codes are its own.
  const main = join(root, 'dist/bundle/cli/main.js');
  process.setSourceMapsEnabled(true);
  process.argv = [process.execPath, main, ...serveArguments(process.argv.slice(2))];
  await import(pathToFileURL(main).href);
});
