import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { cudaGraphsInWords, cudaGraphsOf } from '../../src/models/cuda-graphs.js';
import type { GraphCapture } from '../../src/native/addon.js';

const mebibyte = 2 ** 20;
const captured = (rows: number, bytes = mebibyte): GraphCapture => ({ rows, bytes });
const missed = (rows: number, problem: string): GraphCapture => ({ rows, bytes: 0, problem });
const inWords = (...captures: GraphCapture[]): string => cudaGraphsInWords(cudaGraphsOf(captures));

suite('what became of CUDA graphs', () => {
  test('is told with their sizes and their memory', () => {
    assert.deepEqual(cudaGraphsOf([captured(4), captured(1), captured(2)]), {
      rows: [1, 2, 4],
      bytes: 3 * mebibyte,
      problems: [],
    });
    assert.equal(
      inWords(captured(1), captured(2), captured(4, 82 * mebibyte - 1)),
      'CUDA graphs for batches of 1, 2, 4 rows, 84 MiB',
    );
  });

  test('is told with the sizes that have none, and why', () => {
    const full = 'the memory for graphs is used up';
    assert.equal(
      inWords(missed(32, full), missed(1, 'outputs differ'), captured(8), missed(16, full)),
      'CUDA graphs for batches of 8 rows, 1 MiB; none for 1: outputs differ; none for 16, 32: the memory for graphs is used up',
    );
  });

  test('is the reason where there are none', () => {
    assert.equal(
      inWords(missed(1, 'forward branches'), missed(2, 'forward branches')),
      'no CUDA graphs: forward branches',
    );
    assert.equal(inWords(), 'no CUDA graphs: none were captured');
  });
});
