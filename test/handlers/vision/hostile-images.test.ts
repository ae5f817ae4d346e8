import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { SconceError } from '../../../src/errors.js';
import { hardLimit, pillowLimit } from '../../../src/handlers/vision/decode-image.js';
import { imageFile } from '../../support/image-fixtures.js';
import { decode } from './decode.js';

function chunk(kind: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(kind), data]);
  const around = Buffer.alloc(8);
  around.writeUInt32BE(data.length, 0);
  around.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([around.subarray(0, 4), body, around.subarray(4)]);
}

/** A PNG whose header names a size and whose data are a few zeros. */
function png(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const data = deflateSync(Buffer.alloc(1000));
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

async function refusal(bytes: Uint8Array, limitPixels = true): Promise<string> {
  try {
    await decode(bytes, { limitPixels });
  } catch (error) {
    assert.ok(error instanceof SconceError && error.code === 'INVALID_REQUEST', String(error));
    assert.equal(error.status, 400);
    return error.message;
  }
  return assert.fail('it was decoded');
}

suite('what is no image is refused', () => {
  test('nothing', async () => {
    assert.equal(await refusal(Buffer.alloc(0)), 'the image is empty');
  });

  const foreign: [string, Uint8Array][] = [
    ['one byte', Buffer.of(0xff)],
    ['a web page', Buffer.from('<!DOCTYPE html><html><body>hello</body></html>')],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///"/></svg>')],
    ['PDF', Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n')],
    ['video', Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom')],
    ['BMP', Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0')],
    ['gzip', Buffer.from('1f8b0800000000000003', 'hex')],
  ];
  for (const [what, bytes] of foreign) {
    test(`${what}, naming the formats that are taken`, async () => {
      assert.match(
        await refusal(bytes),
        /^the image is in no format .* JPEG, PNG, WebP, GIF, TIFF/,
      );
    });
  }

  test('SVG behind the first bytes of another format', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>';
    for (const beginning of ['GIF89a', 'II*\0', 'RIFF\0\0\0\0WEBP', '\0\0\0\x18ftypavif']) {
      assert.match(await refusal(Buffer.from(beginning + svg)), /image cannot be read/);
    }
  });

  test('the beginning of a file, naming its format', async () => {
    for (const [name, format] of [
      ['420.jpg', 'JPEG'],
      ['progressive.jpg', 'JPEG'],
      ['rgb.png', 'PNG'],
      ['lossy.webp', 'WebP'],
      ['palette.gif', 'GIF'],
      ['plain.tiff', 'TIFF'],
    ] as const) {
      const file = imageFile(name);
      for (const share of [0.02, 0.5, 0.9]) {
        const message = await refusal(file.subarray(0, Math.max(16, file.length * share)));
        assert.match(message, new RegExp(`^the ${format} image cannot be read: .`));
      }
    }
  });
});

suite('an image that is too large is refused before it is decoded', () => {
  test('beyond what Pillow takes', async () => {
    assert.equal(pillowLimit, 178_956_970);
    assert.match(
      await refusal(png(50_000, 50_000)),
      /50000 × 50000 = 2500000000 pixels; at most 178956970 are decoded/,
    );
    assert.match(await refusal(png(16_384, 10_923)), /at most 178956970/);
  });

  test('beyond the limit that no setting moves', async () => {
    assert.match(await refusal(png(16_385, 16_384), false), new RegExp(`at most ${hardLimit} are`));
    assert.match(await refusal(png(2 ** 31 - 1, 2 ** 31 - 1), false), /PNG image|at most/);
  });

  test('a size within the limits whose pixels are missing costs no more than an error', async () => {
    assert.match(await refusal(png(13_000, 13_000)), /^the PNG image cannot be read/);
  });
});

test('whatever is changed in a file, an image or a refusal comes of it', async () => {
  const names = [
    ...['420.jpg', 'progressive.jpg', 'cmyk.jpg', 'rgb-16-bit.png', 'palette.png', 'rgba.png'],
    ...['lossy.webp', 'moving.webp', 'moving.gif', 'palette.gif', 'lzw.tiff', 'grey.tiff'],
  ];
  const files = names.map(imageFile);
  // Behind the first bytes, by which a file is known.
  const change = fc.record({
    at: fc.noBias(fc.integer({ min: 12, max: 2 ** 20 })),
    byte: fc.nat(255),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(files.length - 1),
      // Changes gather at the front, where the headers are.
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (index, changes, atFront) => {
        const file = Uint8Array.from(files[index] ?? []);
        const reach = atFront ? 100 : file.length;
        for (const { at, byte } of changes) file[at % reach] = byte;
        try {
          const { width, height, pixels } = await decode(file);
          assert.equal(pixels.length, width * height * 3);
        } catch (error) {
          assert.ok(
            error instanceof SconceError && error.code === 'INVALID_REQUEST',
            String(error),
          );
        }
      },
    ),
    { numRuns: 2000 },
  );
});
