import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type ImageInput, imageInput } from '../../../src/handlers/vision/image-input.js';
import { imageFile } from '../../support/image-fixtures.js';

const file = imageFile('420.jpg');
const base64 = Buffer.from(file).toString('base64');

function read(content: string | Uint8Array, contentType: string | undefined): ImageInput {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return imageInput({ bytes, contentType });
}

function assertFile(input: ImageInput): void {
  assert.ok(input.kind === 'image');
  assert.deepEqual(Buffer.from(input.bytes), Buffer.from(file));
}

suite('the image of a request', () => {
  test('is its bytes, whatever their type says', () => {
    const types = ['image/jpeg', 'application/octet-stream', 'video/mp4', 'nonsense', ''];
    for (const type of [undefined, ...types, 'text/plain', 'application/json', 'text/html']) {
      assertFile(read(file, type));
    }
  });

  test('is what base64 in a text stands for', () => {
    for (const type of ['text/plain', 'text/plain; charset=utf-8', 'TEXT/PLAIN']) {
      assertFile(read(base64, type));
    }
    assertFile(read(base64.replace(/.{76}/g, '$&\r\n'), 'text/plain'));
    assertFile(read(`data:image/jpeg;base64,${base64}`, 'text/plain'));
  });

  test('is what base64 in a JSON string stands for', () => {
    assertFile(read(JSON.stringify(base64), 'application/json'));
    assertFile(read(JSON.stringify(`data:;base64,${base64}`), 'application/json; charset=utf-8'));
  });

  test('is not base64 without a type that says text', () => {
    const input = read(base64, undefined);
    assert.ok(input.kind === 'image');
    assert.equal(Buffer.from(input.bytes).toString(), base64);
  });

  test('may be absent: other JSON is a value', () => {
    assert.deepEqual(read('[[1, 2.5]]', 'application/json'), {
      kind: 'value',
      value: [[1, 2.5]],
    });
    assert.deepEqual(read('null', 'application/json'), { kind: 'value', value: null });
  });

  test('is found or not in any bytes, without an error', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.constantFrom(undefined, 'text/plain', 'application/json', 'image/png'),
        (bytes, type) => {
          assert.ok(['image', 'value'].includes(read(bytes, type).kind));
        },
      ),
    );
  });
});
