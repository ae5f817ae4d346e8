import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { testDevice } from '../support/gpu.js';
import { fixture } from './open-model.js';

const runtime = new URL('../../src/native/runtime.js', import.meta.url).href;
const binding = new URL('../../src/native/binding.js', import.meta.url).href;
const openModels = new URL('./open-model.js', import.meta.url).href;

/** Runs a script in a process of its own; resolves with how it ended. */
async function run(
  script: string,
): Promise<{ code: number | null; signal: string | null; errors: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, errors };
}

const fine = { code: 0, signal: null, errors: '' };

const options = (file: string, instances = 2): string =>
  JSON.stringify({
    path: fixture(file),
    devices: [testDevice],
    instances,
    intraOpThreads: 1,
    freeze: true,
    commitTimeout: 1000,
  });

const silent = '{batch(){},loaded(){},failed(){},warmed(){},closed(){}}';

test('the process may exit while a model is loading', async () => {
  const script = `import { openModel } from '${runtime}';
    openModel(${options('slow.pt')}, ${silent});
    process.exit(0);`;
  assert.deepEqual(await run(script), fine);
});

test('the process may exit while models are idle', async () => {
  const script = `import { OpenModel } from '${openModels}';
    await OpenModel.load('${fixture('double.pt')}', { instances: 3 });
    process.exit(0);`;
  assert.deepEqual(await run(script), fine);
});

test('the process may exit while a batch runs and others wait', async () => {
  const script = `import { OpenModel } from '${openModels}';
    const model = await OpenModel.load('${fixture('slow.pt')}');
    for (let i = 0; i < 3; i += 1) {
      const slab = model.addSlab([{ dtype: 'float32', dims: [3] }], 1);
      slab.put([50000, 0, 0]);
      model.model.ring(slab.id);
    }
    process.exit(0);`;
  assert.deepEqual(await run(script), fine);
});

test('a batch that does not end does not keep the process from exiting, with its own code', async () => {
  const script = `import { OpenModel } from '${openModels}';
    const model = await OpenModel.load('${fixture('slow.pt')}');
    const slab = model.addSlab([{ dtype: 'float32', dims: [3] }], 1);
    slab.put([1e9, 0, 0]);
    model.model.ring(slab.id);
    process.exit(7);`;
  assert.deepEqual(await run(script), { ...fine, code: 7 });
});

test('the process may exit after batches on its main loop, and end by itself', async () => {
  for (const end of ['process.exit(0)', 'await model.close()', 'process.exit(3)']) {
    const script = `import { once } from 'node:events';
      import { OpenModel } from '${openModels}';
      const model = await OpenModel.load('${fixture('linear.pt')}');
      await model.warmUp([3], [1]);
      await model.runOnLoop(1);
      const slab = model.addSlab([{ dtype: 'float32', dims: [3] }], 1, 1024);
      slab.put([1, 2, 3]);
      if (model.model.ring(slab.id)?.rows !== 1) throw new Error('it did not run');
      ${end};`;
    const code = end.includes('3') ? 3 : 0;
    assert.deepEqual(await run(script), { ...fine, code });
  }
});

test('the process may exit between close and its end', async () => {
  const script = `import { OpenModel } from '${openModels}';
    const model = await OpenModel.load('${fixture('double.pt')}');
    model.model.close();
    process.exit(0);`;
  assert.deepEqual(await run(script), fine);
});

test('a model that is closed while it loads ends its threads, and the process ends by itself', async () => {
  const script = `import { openModel } from '${runtime}';
    const model = openModel(${options('slow.pt')}, { ...${silent}, closed() { process.exitCode = 0; } });
    process.exitCode = 1;
    model.close();`;
  assert.deepEqual(await run(script), fine);
});

test('a process whose models are closed ends by itself', async () => {
  const script = `import { OpenModel } from '${openModels}';
    const model = await OpenModel.load('${fixture('double.pt')}');
    await model.close();`;
  assert.deepEqual(await run(script), fine);
});

test('a model that cannot be loaded does not keep the process', async () => {
  const script = `import { OpenModel } from '${openModels}';
    await OpenModel.load('${fixture('broken/truncated.pt')}').catch(() => {});`;
  assert.deepEqual(await run(script), fine);
});

test('a worker thread that uses the addon may be terminated at any time', async () => {
  const script = `import { Worker } from 'node:worker_threads';
    import { OpenModel } from '${openModels}';
    const model = await OpenModel.load('${fixture('double.pt')}');
    const code = \`
      import { parentPort } from 'node:worker_threads';
      import { addon } from '${binding}';
      const reader = new (addon().JsonReader)([{ name: 'x', dtype: 0, dims: null }]);
      const body = Buffer.from('{"x":[' + Array(20000).fill('1.5').join(',') + ']}');
      parentPort.postMessage('running');
      for (;;) reader.read(body, new Int32Array(64));\`;
    for (let i = 0; i < 5; i += 1) {
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(code)));
      await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();
    }
    const slab = model.addSlab([{ dtype: 'float32', dims: [3] }], 1);
    slab.put([1, 2, 3]);
    const event = await model.run(slab);
    if (event.rows !== 1) throw new Error('the model is gone');
    await model.close();`;
  assert.deepEqual(await run(script), fine);
});
