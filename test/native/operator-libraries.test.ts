import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadOperatorLibraries } from '../../src/native/operator-libraries.js';
import { closeOpenModels, fixture, OpenModel } from './open-model.js';

after(closeOpenModels);

/** A library that comes with PyTorch's package, and with some LibTorch archives. */
function shippedLibrary(): string {
  const stamp = fileURLToPath(new URL('../../../build/native-stamp.json', import.meta.url));
  const { configuration }: { configuration: string } = JSON.parse(readFileSync(stamp, 'utf8'));
  const { libtorch }: { libtorch: string[] } = JSON.parse(configuration);
  return join(libtorch[0] ?? '', 'lib', 'libaoti_custom_ops.so');
}

suite('operators that LibTorch does not have', () => {
  test('a file that uses one names it, and what to do', async () => {
    await assert.rejects(OpenModel.load(fixture('foreign.pt')), {
      code: 'MODEL_LOAD_FAILED',
      message:
        'the file uses acme::sharpen, which no library has registered: set operatorLibraries to the shared library that has it',
    });
  });

  test('a library registers them for every model that is loaded later', async (t) => {
    const library = shippedLibrary();
    if (!existsSync(library)) {
      t.skip(`this LibTorch has no ${library}`);
      return;
    }
    await assert.rejects(OpenModel.load(fixture('added.pt')), {
      code: 'MODEL_LOAD_FAILED',
      message: /the file uses aoti_custom_ops::custom_add/,
    });
    loadOperatorLibraries([library, library], '/');
    const model = await OpenModel.load(fixture('added.pt'));
    const slab = model.addSlab([{ dtype: 'float32', dims: [2] }], 1, 64);
    slab.put([1.5, -2]);
    const event = await model.run(slab);
    assert.equal(event.errors, undefined);
    assert.deepEqual([...slab.output(event, 2)], [3, -4]);
    await model.close();
  });
});

suite('a library that cannot be loaded', () => {
  test('is named with its path when it is not there', () => {
    assert.throws(() => loadOperatorLibraries(['missing.so'], '/nowhere'), {
      code: 'INVALID_CONFIGURATION',
      message: /^operatorLibraries: missing\.so cannot be loaded: \/nowhere\/missing\.so: /,
    });
  });

  test('is refused when it is no library', () => {
    const path = fileURLToPath(import.meta.url);
    assert.throws(() => loadOperatorLibraries([path], '/'), { code: 'INVALID_CONFIGURATION' });
  });
});
