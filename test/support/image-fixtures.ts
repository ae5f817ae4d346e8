import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { root } from './paths.js';

const folder = join(root, 'test/fixtures/images');

const size = Type.Tuple([Type.Integer(), Type.Integer()]);

/** What Pillow, torchvision and TorchServe make of the images; see make_images.py. */
const schema = Type.Object({
  decoded: Type.Record(
    Type.String(),
    Type.Object({ width: Type.Integer(), height: Type.Integer(), sha256: Type.String() }),
  ),
  resized: Type.Array(
    Type.Object({ from: size, channels: Type.Integer(), to: size, sha256: Type.String() }),
  ),
  cropped: Type.Array(
    Type.Object({
      from: size,
      resize: Type.Integer(),
      crop: Type.Integer(),
      sha256: Type.String(),
    }),
  ),
  grey: Type.String(),
  transformed: Type.Record(Type.String(), Type.String()),
  topk: Type.Array(
    Type.Object({
      size: Type.Integer(),
      levels: Type.Integer(),
      indices: Type.Array(Type.Integer()),
    }),
  ),
  softmax: Type.Array(Type.Number()),
  segmented: Type.Array(Type.Array(Type.Number())),
  classifier: Type.Object({
    labelled: Type.String(),
    unlabelled: Type.String(),
    collapsed: Type.String(),
  }),
  segmenter: Type.String(),
  detector: Type.String(),
});

export const expectedImages = Value.Parse(
  schema,
  JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')),
);

export function imagePath(name: string): string {
  return join(folder, name);
}

export function imageFile(name: string): Uint8Array {
  return readFileSync(imagePath(name));
}

/** Bytes that look random: pattern() of make_images.py. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.imul(i, 2_654_435_761) >>> 13);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
