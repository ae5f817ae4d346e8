import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findPython } from '../../src/python/environment.js';
import { WorkerProcess } from '../../src/python/worker-process.js';
import { alphaRows, assertClose } from '../support/expected.js';
import { alphaModel, documentHandler } from '../support/paths.js';
import { requirePython, withoutPython } from '../support/python.js';
import {
  answers,
  Folder,
  noReply,
  Recorder,
  request,
  textOf,
  workerOptions,
} from './worker-sandbox.js';

const options = { skip: withoutPython };

test('the handler of the documentation answers what PyTorch does', options, async () => {
  using folder = new Folder();
  folder.write('custom_handler.py', alphaModelHandler);
  copyFileSync(join(alphaModel, 'model.pt'), join(folder.path, 'model.pt'));
  const python = await findPython(requirePython());
  const changes = { python, handler: 'custom_handler.py' };
  const worker = await WorkerProcess.start(workerOptions(folder.path, changes), new Recorder());
  try {
    const batch = alphaRows.requests.map((features, i) => {
      const body = JSON.stringify({ features });
      return request(`${i}`, body, i === 0 ? 'application/json' : undefined);
    });
    const [response] = await answers(worker, ...batch);
    const read = response?.replies.map((reply): unknown => JSON.parse(textOf(reply)));
    const predictions = alphaRows.predictions.map((prediction) => ({ prediction }));
    assertClose(read, predictions, 1e-5);
  } finally {
    await worker.stop();
  }
});

test('an eager model is loaded from its class and its state', options, async () => {
  using folder = new Folder();
  folder.write('net.py', eagerModel);
  const model = { modelFile: 'net.py', serializedFile: 'net.pth', handler: 'base_handler' };
  folder.write('MAR-INF/MANIFEST.json', JSON.stringify({ model: { modelName: 'net', ...model } }));
  folder.write('save.py', 'import torch, net; torch.save(net.Net().state_dict(), "net.pth")');
  const python = await findPython(requirePython());
  execFileSync(python.executable, ['save.py'], { cwd: folder.path });
  const changes = { python, handler: 'base_handler', envelope: 'body' };
  const worker = await WorkerProcess.start(workerOptions(folder.path, changes), new Recorder());
  try {
    const [response] = await answers(worker, request('a', '[1, 2]', 'application/json'));
    assert.deepEqual(JSON.parse(textOf(response?.replies[0] ?? noReply)), [3]);
  } finally {
    await worker.stop();
  }
});

const alphaModelHandler = readFileSync(documentHandler, 'utf8');

const eagerModel = `
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.sum = torch.nn.Linear(2, 1, bias=False)
        torch.nn.init.ones_(self.sum.weight)
    def forward(self, rows):
        return self.sum(rows.float())
`;
