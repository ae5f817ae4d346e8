import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelConfig } from '../../../src/config/model-config.js';
import type { ModelSource } from '../../../src/models/model-source.js';
import { source } from '../../support/server.js';

/** Rows of two floats: what most handlers of these tests give their model. */
export const twoFloats = {
  inputs: [{ name: 'x', dtype: 'float32', shape: [2] }],
} satisfies ModelConfig;

const folders = mkdtempSync(join(tmpdir(), 'sconce-handlers-'));
process.once('exit', () => rmSync(folders, { recursive: true, force: true }));

/** A model of the fixtures with a handler of its own, whose folder goes with the process. */
export function handled(
  model: string,
  code: string,
  { config = twoFloats, ...given }: Partial<ModelSource> & { config?: ModelConfig } = {},
): ModelSource {
  const folder = mkdtempSync(join(folders, 'model-'));
  const path = join(folder, 'handler.mjs');
  writeFileSync(path, `import { BaseHandler, PredictionError, Tensor } from 'sconce';\n${code}`);
  return source(model, {
    folder,
    handler: 'handler.mjs',
    handlerCode: { language: 'javascript', path },
    config,
    ...given,
  });
}
