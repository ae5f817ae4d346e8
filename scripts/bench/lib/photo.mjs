const width = 640;
const height = 480;
/** Levels by which noise of a camera moves a pixel at most. */
const noise = 14;

/**
 * A JPEG that looks to a codec like a photograph: surfaces, edges and noise. The same bytes for the
 * same seed and size, with one version of sharp.
 *
 * @param {number} seed
 * @param {number} bytes that it is to have, to within a few per cent
 */
export async function makePhoto(seed, bytes) {
  const { default: sharp } = await import('sharp');
  const raw = { width, height, channels: 3 };
  const image = sharp(paint(seed), { raw });
  // Size grows with quality: the quality that comes closest from below.
  let best = await image.clone().jpeg({ quality: 1 }).toBuffer();
  for (let low = 2, high = 100; low <= high; ) {
    const quality = (low + high) >> 1;
    const candidate = await image.clone().jpeg({ quality }).toBuffer();
    if (candidate.length <= bytes) {
      best = candidate;
      low = quality + 1;
    } else {
      high = quality - 1;
    }
  }
  return best;
}

function paint(seed) {
  const random = randomNumbers(seed);
  const waves = Array.from({ length: 6 }, () => Array.from({ length: 4 }, random));
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      // Some surfaces are darker: edges between them.
      const edge = waves.filter(([a, b, c]) => a * x + b * y > c * (width + height)).length;
      for (let channel = 0; channel < 3; channel += 1) {
        const [a, b, c, d] = waves[channel];
        const wave = Math.sin((a * x + b * y) / 40 + c * 6) * 50 + d * 40;
        const level = 110 + wave + edge * 12 + (random() - 0.5) * 2 * noise;
        pixels[(y * width + x) * 3 + channel] = Math.max(0, Math.min(255, level));
      }
    }
  }
  return pixels;
}

/** Numbers from 0 to 1: mulberry32 (Tommy Ettinger, 2017). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
