import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import sharp from 'sharp';
import { fixture } from '../../support/paths.js';
import { source, startServer, type TestServer } from '../../support/server.js';

/** Sides of a square of spots.pt. */
const square = 8;

/** A grey image with one bright square, as PNG. */
function spotted(width: number, height: number, column: number, row: number): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3, 20);
  for (let y = row * square; y < (row + 1) * square; y += 1) {
    for (let x = column * square; x < (column + 1) * square; x += 1) {
      pixels.set([40, 255, 40], (y * width + x) * 3);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** A reviver: float32 sums have few digits. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toFixed(5)) : value;
}

suite("a detection model made as torchvision's, behind HTTP", () => {
  let server: TestServer;
  before(async () => {
    const path = fixture('spots');
    const config = { handler: { threshold: 0.3, labels: ['background', 'red', 'green', 'blue'] } };
    server = await startServer([source('spots', { path, handler: 'object_detector', config })]);
  });
  after(() => server.close());

  test('finds in images of many sizes at once what is in each', async () => {
    const sizes: [number, number][] = [
      [48, 32],
      [32, 48],
      [80, 80],
      [61, 97],
    ];
    const scenes = Array.from({ length: 40 }, (_, i) => {
      const [width, height] = sizes[i % sizes.length] ?? [0, 0];
      const column = 1 + (i % (Math.floor(width / square) - 2));
      const row = 1 + (i % (Math.floor(height / square) - 2));
      return { width, height, column, row };
    });
    await Promise.all(
      scenes.map(async ({ width, height, column, row }) => {
        const image = await spotted(width, height, column, row);
        const reply = await server.client.predict('spots', image);
        assert.equal(reply.status, 200, reply.text);
        const x = column * square;
        const y = row * square;
        assert.deepEqual(JSON.parse(reply.text, rounded), [
          { green: [x - 4, y - 4, x + 12, y + 12], score: rounded('', 335 / 765) },
        ]);
      }),
    );
  });

  test('answers with nothing for an image that is smaller than a square', async () => {
    const image = await sharp({ create: { width: 5, height: 5, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    const reply = await server.client.predict('spots', image);
    assert.equal(reply.text, '[]');
  });

  test('is not explained, and says why', async () => {
    const image = await spotted(48, 32, 1, 1);
    const reply = await server.client.send('/explanations/spots', image);
    assert.equal(reply.status, 503, reply.text);
    assert.match(reply.text, /this request cannot be explained: /);
  });
});
