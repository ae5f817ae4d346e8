import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SetupError } from '../lib/setup-error.mjs';
import { hasModule } from './archive.mjs';
import { folderOf, isMade } from './list.mjs';

/** Why an example that the repository does not hold whole was left out. */
export class LeftOut extends SetupError {}

/**
 * Makes what the repository does not hold of an example, unless it is there.
 *
 * @param {import('./list.mjs').Example} example
 * @param {string | undefined} python
 * @throws {LeftOut} when there is no interpreter with the packages that it takes.
 */
export async function makeExample(example, python) {
  if (isMade(example)) return;
  const { make, modules, requirements } = await import(
    pathToFileURL(join(folderOf(example), 'make.mjs')).href
  );
  for (const module of modules) {
    if (python !== undefined && (await hasModule(python, module))) continue;
    throw new LeftOut(
      `its model is made with ${requirements.join(', ')}: name a Python with those`,
    );
  }
  if ((await make(python)) !== 0) throw new SetupError('its model was not made: see above');
}
