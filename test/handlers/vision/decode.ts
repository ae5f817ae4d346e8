import { type DecodeOptions, decodeImage } from '../../../src/handlers/vision/decode-image.js';
import type { RasterImage } from '../../../src/handlers/vision/raster-image.js';

/** Decodes as a handler without options does. */
export function decode(
  bytes: Uint8Array,
  options: Partial<DecodeOptions> = {},
): Promise<RasterImage> {
  const { signal } = new AbortController();
  return decodeImage(bytes, { limitPixels: true, exifOrientation: false, signal, ...options });
}
