import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isCodeHandler, resolveHandler } from '../../src/archive/write-handler.js';

const library = process.platform === 'darwin' ? '.dylib' : '.so';

suite('a handler', () => {
  for (const name of [
    ...['base_handler', 'text_classifier', 'image_classifier', 'object_detector', 'tensor'],
    ...['image_segmenter', 'dali_image_classifier', 'vllm_handler', 'trt_llm_handler'],
    ...['classifier', 'text_embedding'],
  ]) {
    test(`${name} is named and has no file`, () => {
      for (const runtime of ['python', 'python3'] as const) {
        assert.deepEqual(resolveHandler(name, runtime), { name, file: undefined });
      }
    });
  }

  for (const [given, name, file] of [
    ['h.py', 'h.py', 'h.py'],
    ['h', 'h', 'h.py'],
    ['h:run', 'h:run', 'h.py'],
    ['h.py:run', 'h.py:run', 'h.py'],
    ['a/b/h.py:run', 'h.py:run', 'a/b/h.py'],
    ['/a:b/h', 'h', '/a:b/h.py'],
    ['../h.pyc', 'h.pyc', '../h.pyc'],
    ['./image_classifier', 'image_classifier', './image_classifier.py'],
    ['BaseHandler', 'BaseHandler', 'BaseHandler.py'],
    ['Tensor', 'Tensor', 'Tensor.py'],
    ['a/h.ts', 'h.ts', 'a/h.ts'],
    ['h.mjs:Mine', 'h.mjs:Mine', 'h.mjs'],
    ['h.tsx', 'h.tsx', 'h.tsx.py'],
  ] as const) {
    test(`${given} is ${name} of the file ${file}`, () => {
      assert.deepEqual(resolveHandler(given, 'python'), { name, file });
    });
  }

  for (const [given, isCode] of [
    ['h.ts', true],
    ['a/h.mts:Mine', true],
    ['h.js', true],
    ['h.mjs', true],
    ['h.cjs', true],
    ['h.py', false],
    ['h', false],
    ['h:ts', false],
    ['h.ts.py', false],
    ['tensor', false],
  ] as const) {
    test(`${given} is ${isCode ? '' : 'not '}JavaScript or TypeScript`, () => {
      assert.equal(isCodeHandler(given), isCode);
    });
  }

  for (const [given, name, file] of [
    ['BaseHandler', 'BaseHandler', undefined],
    ['TorchScriptHandler', 'TorchScriptHandler', undefined],
    ['tensor', 'tensor', undefined],
    ['a/libmine:Mine', 'libmine:Mine', `a/libmine${library}`],
    [`libmine${library}:Mine`, `libmine${library}:Mine`, `libmine${library}`],
    ['image_classifier', 'image_classifier', `image_classifier${library}`],
  ] as const) {
    test(`${given} for LSP is ${name} of the file ${file}`, () => {
      assert.deepEqual(resolveHandler(given, 'LSP'), { name, file });
    });
  }
});
