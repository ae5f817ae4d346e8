import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter } from '../../src/python/line-splitter.js';

function linesOf(...pieces: Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((text) => lines.push(text));
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return lines;
}

const text = (value: string): Buffer => Buffer.from(value);

test('a line ends at LF, CRLF or CR, and the last one at the end', () => {
  assert.deepEqual(linesOf(text('a\nb\r\nc\rd')), ['a', 'b', 'c', 'd']);
  assert.deepEqual(linesOf(text('a\n\nb\n')), ['a', '', 'b']);
});

test('CR and LF in two pieces are one end', () => {
  assert.deepEqual(linesOf(text('a\r'), text('\nb\n')), ['a', 'b']);
  assert.deepEqual(linesOf(text('a\r'), text('b\n')), ['a', 'b']);
  assert.deepEqual(linesOf(text('a\r'), text('\n\n')), ['a', '']);
});

test('a character in two pieces is one, and bytes that are none are replaced', () => {
  const euro = text('€');
  assert.deepEqual(linesOf(euro.subarray(0, 1), euro.subarray(1)), ['€']);
  assert.deepEqual(linesOf(Buffer.from([0x61, 0xff, 0x0a, 0xe2])), ['a\ufffd', '\ufffd']);
});

test('a line that does not end is cut, and the next one is whole', () => {
  const [cut = '', next] = linesOf(
    ...Array.from({ length: 40 }, () => text('x'.repeat(10_000))),
    text('\nnext\n'),
  );
  assert.equal(cut, `${'x'.repeat(64 * 1024)} … (cut)`);
  assert.equal(next, 'next');
});

test('lines do not depend on how they come in pieces', () => {
  const content = fc.array(fc.constantFrom('a', '€', '😀', '\n', '\r', '\r\n', 'long line'));
  fc.assert(
    fc.property(content, fc.array(fc.nat(60)), (parts, cuts) => {
      const bytes = text(parts.join(''));
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const pieces = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
      const expected = parts.join('').split(/\r\n|\r|\n/);
      if (expected.at(-1) === '') expected.pop();
      assert.deepEqual(linesOf(...pieces), expected);
    }),
  );
});
