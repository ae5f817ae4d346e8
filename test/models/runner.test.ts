import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { builtInHandlers } from '../../src/handlers/registry.js';
import type { HandlerCode } from '../../src/models/handler-code.js';
import type { ModelSource } from '../../src/models/model-source.js';
import { runnerOf } from '../../src/models/runner.js';
import { source } from '../support/server.js';

const python: HandlerCode = { language: 'python', path: '/m/handler.py' };
const script: HandlerCode = { language: 'javascript', path: '/m/handler.js' };

function run(given: Partial<ModelSource>): string {
  const runner = runnerOf(source('linear', given), builtInHandlers);
  return runner.kind === 'refused' ? runner.reason : runner.kind;
}

suite('a model runs here', () => {
  for (const [what, given] of [
    ['with the handler tensor', {}],
    ['with a handler of TorchServe that is built in', { handler: 'base_handler' }],
    ['with a handler that is built in, whatever code comes along', { handlerCode: python }],
    ['with a handler in JavaScript', { handler: 'handler.js:Mine', handlerCode: script }],
    ['under isolation: thread', { config: { isolation: 'thread' } }],
  ] satisfies [string, Partial<ModelSource>][]) {
    test(what, () => assert.equal(run(given), 'here'));
  }
});

suite('a model runs in Python', () => {
  const problem = 'it has no TorchScript file';
  for (const [what, given] of [
    ['with a file of Python', { handler: 'handler.py', handlerCode: python }],
    ['with a file of Python and no TorchScript', { handler: 'h.py', handlerCode: python, problem }],
    ['with a function of a file', { handler: 'handler.py:run', handlerCode: python }],
    ['with a module that is in the archive', { handler: 'handler', handlerCode: python }],
    ['with a function of a module that may be installed', { handler: 'package_handler:run' }],
    ['with a file that may be installed', { handler: 'package_handler.py' }],
    ['with a handler that only TorchServe has', { handler: 'vllm_handler' }],
    ['with weights and a model file', { handler: 'base_handler', modelFile: 'net.py' }],
    ['with a built-in name, code in Python and no file', { handlerCode: python, problem }],
    [
      'under isolation: process',
      { handler: 'base_handler', config: { isolation: 'process' as const } },
    ],
  ] satisfies [string, Partial<ModelSource>][]) {
    test(what, () => assert.equal(run(given), 'process'));
  }
});

suite('a model is refused', () => {
  const isolation = 'process';
  for (const [what, given, reason] of [
    ['without a TorchScript file', { problem: 'it has no file' }, /^it has no file$/],
    ['with a handler that nobody knows', { handler: 'none' }, /^its handler none is not known/],
    [
      'with weights, and a handler that is not TorchServe’s',
      { modelFile: 'net.py' },
      /^its archive holds a model in Python \(net\.py\).*the handler tensor is not TorchServe's.*torch\.jit\.script/,
    ],
    [
      'under isolation: process with a handler that is not TorchServe’s',
      { config: { isolation } },
      /^isolation: process runs what TorchServe can run, and the handler tensor is not TorchServe's/,
    ],
    [
      'with a handler in JavaScript and no TorchScript file',
      { handler: 'handler.js', handlerCode: script, problem: 'it has no file' },
      /^it has no file$/,
    ],
    [
      'under isolation: thread with a handler in Python',
      { handler: 'handler.py', handlerCode: python, config: { isolation: 'thread' } },
      /^isolation: thread keeps it in this process, and its handler handler\.py is Python/,
    ],
    [
      'with the runtime of C++',
      { handler: 'libmine:Mine', runtime: 'LSP' },
      /^its handler libmine:Mine is not known/,
    ],
  ] satisfies [string, Partial<ModelSource>, RegExp][]) {
    test(what, () => assert.match(run(given), reason));
  }
});
