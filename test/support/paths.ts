import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. Tests run from dist/test/<folder>. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

export const fixtures = join(root, 'test/fixtures/models');

/** Tokenizers of test/fixtures/make_tokenizers.py. */
export const tokenizerFixtures = join(root, 'test/fixtures/tokenizers');

/** Text models of test/fixtures/make_text_models.py. */
export const textModels = join(root, 'test/fixtures/texts');

export const alphaModel = join(root, 'examples/alpha_model');

/** The handler of TorchServe's own documentation, for the model of examples/alpha_model. */
export const documentHandler = join(root, 'test/compat/archives/custom_handler.py');

export const cli = join(root, 'dist/src/cli/main.js');

/** Path of a model of test/fixtures/make_models.py: `linear`, `broken/empty`. */
export function fixture(name: string): string {
  return join(fixtures, `${name}.pt`);
}
